"""Training speed of DPO with 100M, 500M and 1.5B parameters: native and TRL adapter beside TRL by hand.

Counted are tokens of all sequences, the prompt with each response, in steps after the first ones; from
loading to saving nothing else is in the clock. Float32 weights that compute in bfloat16.

MFU as in PaLM (arXiv 2204.02311, appendix B): a token costs 6 N + 12 L H Q T operations forward and backward,
a third of that where it only passes forward, of 989e12 operations a second that an H100 does in bfloat16.
TRL by hand computes the reference within each step, and these operations count for it; the adapters read it
from a file that was written before.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import constant_reference, forget, long_pairs, scratch, start_model, train_some_steps, wait
from random_models import SHAPES, random_model
from script import Options, WrongError, run

sys.path.append(str(Path(__file__).parents[1]))
from training_speed import hand_made_trainer

H100_FLOPS = 989e12
"""Dense, in bfloat16, from NVIDIA's data sheet of the SXM version."""
BY_HAND = "TRL by hand"
VARIANTS = {BY_HAND: "", "TRL adapter": "trl.dpo", "native": "native.dpo"}
PAIRS = {"toy": 2, "100M": 8, "500M": 4, "1.5B": 3}
WARM_UP, TIMED = 3, 6
SLOWEST = 0.9
"""No adapter may be slower than this share of TRL by hand."""


@dataclass(frozen=True)
class Rows:
    """What is trained on.

    Attributes:
        model: The start model.
        length: Tokens of each sequence.
        batch: Pairs of a step.
        folder: For files.
    """

    model: Path
    length: int
    batch: int
    folder: Path

    @property
    def settings(self) -> dict[str, Any]:
        """Of all variants."""
        return {
            "learning_rate": 1e-6,
            "beta": 0.1,
            "per_device_train_batch_size": self.batch,
            "max_length": self.length,
            "bf16": True,
        }

    @property
    def tokens_per_step(self) -> int:
        """Of chosen and rejected sequences."""
        return 2 * self.batch * self.length


class Stopwatch:
    """Seconds between the last step of the warm-up and the last step of all."""

    def __init__(self) -> None:
        self._begun = self.seconds = 0.0

    def step(self, done: int) -> None:
        """A step is done."""
        if done in (WARM_UP, WARM_UP + TIMED):
            wait()
            self._begun, self.seconds = time.perf_counter(), time.perf_counter() - self._begun


def measure(options: Options) -> str:
    """Tokens a second and MFU of each variant, size by size."""
    shapes = options.shapes or (("toy",) if options.toy else ("100M", "500M", "1.5B"))
    said, slow = [], False
    for shape in shapes:
        with scratch() as folder:
            rows = Rows(
                random_model(shape, Path(folder), dtype="bfloat16"),
                64 if options.toy else 1024,
                PAIRS[shape],
                Path(folder),
            )
            speeds = speeds_of(rows)
        said.append(sentence(shape, rows, speeds))
        slow = slow or min(speeds.values()) < SLOWEST * speeds[BY_HAND]
    if slow and not options.toy:
        raise WrongError("; ".join(said))
    return "; ".join(said)


def speeds_of(rows: Rows) -> dict[str, float]:
    """Tokens a second by variant."""
    prompt = rows.length // 8
    pairs = long_pairs(rows.batch * (WARM_UP + TIMED), prompt, rows.length - prompt - 1)
    reference = rows.folder / "reference.parquet"
    constant_reference(pairs, start_model(rows.model), rows.length, reference)
    speeds = {}
    for variant, adapter in VARIANTS.items():
        watch = Stopwatch()
        if adapter:
            train_some_steps(
                WARM_UP + TIMED,
                adapter,
                start_model(rows.model),
                pairs,
                rows.settings,
                rows.folder / adapter,
                reference=reference,
                on_step=watch.step,
            )
        else:
            by_hand(rows, pairs, watch)
            forget()
        speeds[variant] = rows.tokens_per_step * TIMED / watch.seconds
    return speeds


def by_hand(rows: Rows, pairs: Sequence[Any], watch: Stopwatch) -> None:
    """The same steps by TRL alone."""
    from transformers import TrainerCallback

    class Tick(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            watch.step(state.global_step)

    settings = {**rows.settings, "num_train_epochs": 1}
    hand_made_trainer(
        pairs, rows.model, rows.folder / "hand", settings, dtype="float32", callbacks=[Tick()]
    ).train()


def sentence(shape: str, rows: Rows, speeds: dict[str, float]) -> str:
    """What was measured at one size."""
    cells = []
    for variant, speed in speeds.items():
        flops = flops_per_token(shape, rows.length) * (4 / 3 if variant == BY_HAND else 1)
        ratio = "" if variant == BY_HAND else f" ({speed / speeds[BY_HAND]:.2f})"
        cells.append(f"{variant} {speed:,.0f} tokens/s{ratio}, MFU {speed * flops / H100_FLOPS:.1%}")
    return f"{shape}, {rows.batch} pairs of {rows.length}: {', '.join(cells)}"


def flops_per_token(shape: str, length: int) -> float:
    """6 N + 12 L H Q T: forward and backward."""
    sizes = SHAPES[shape]
    hidden, layers = sizes["hidden_size"], sizes["num_hidden_layers"]
    return float(6 * parameters(sizes) + 12 * layers * hidden * length)


def parameters(sizes: dict[str, Any]) -> int:
    """Weights of matrices, the tied embedding once, which is the output head."""
    hidden, wide, layers = sizes["hidden_size"], sizes["intermediate_size"], sizes["num_hidden_layers"]
    keys = hidden * sizes["num_key_value_heads"] // sizes["num_attention_heads"]
    block = 2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * wide
    return int(layers * block + hidden * sizes["vocab_size"])


if __name__ == "__main__":
    run(measure, __doc__)
