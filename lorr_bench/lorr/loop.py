"""The loop of LoRR (arXiv 2508.06412) over one round of data.

::

    for replay in 1..L:
        one pass over the rows, in a new order, with loss = L_pref + λ_replay · L_SFT(chosen)
        if replay < L: reset the selected tensors towards the anchor

A plain method is this loop with L = 1, no reset and λ = 0, so both arms of a comparison run the same code.

A trainer calls ``start`` once, asks ``order`` and ``sft_weight`` for each pass, and calls ``finish`` after
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lorr_bench.lorr.reset import clear_optimizer_state, select_parameters, shrink_and_perturb, snapshot
from lorr_bench.lorr.schedule import replay_order

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


@dataclass(frozen=True)
class Reset:
    """What a reset does.

    Attributes:
        pattern: Regular expression of the parameters to reset.
        factor: α, the share of the trained weights that stays.
        clear_optimizer: Whether the optimizer forgets the moments of the reset parameters.
    """

    pattern: str
    factor: float
    clear_optimizer: bool


class ReplayLoop:
    """Replay, reset and hybrid objective for one training run.

    Args:
        rows: Number of training rows.
        seed: Seeds the order of every pass.
        sft_weights: λ of every replay; its length is L.
        reset: What to do between replays, or None.
    """

    def __init__(self, *, rows: int, seed: int, sft_weights: tuple[float, ...], reset: Reset | None) -> None:
        self.rows = rows
        self.replays = len(sft_weights)
        self.resets_done = 0
        self._seed = seed
        self._sft_weights = sft_weights
        self._reset = reset
        self._selected: dict[str, nn.Parameter] = {}
        self._anchor: dict[str, Tensor] = {}

    def order(self, replay: int) -> list[int]:
        """Row numbers of a replay (counted from 1), in the order to train on them."""
        return replay_order(self.rows, self._seed, replay)

    def sft_weight(self, replay: int) -> float:
        """λ of a replay (counted from 1)."""
        return self._sft_weights[replay - 1]

    def start(self, model: nn.Module) -> None:
        """Remember the anchor θ₀.

        Raises:
            SuiteError: The reset selects no tensor of this model.
        """
        if self._resets_at_all:
            assert self._reset is not None
            self._selected = select_parameters(model, self._reset.pattern)
            self._anchor = snapshot(self._selected)

    def finish(self, replay: int, optimizer: Optimizer) -> None:
        """Reset after a replay; the last replay ends without one."""
        if self._reset is None or replay >= self.replays:
            return
        shrink_and_perturb(self._selected, self._anchor, self._reset.factor)
        if self._reset.clear_optimizer:
            clear_optimizer_state(optimizer, self._selected)
        self.resets_done += 1

    @property
    def _resets_at_all(self) -> bool:
        return self._reset is not None and self.replays > 1
