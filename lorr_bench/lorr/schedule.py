"""What changes from replay to replay: the weight of the SFT term and the order of the rows."""

from __future__ import annotations

import random
from typing import Literal


def sft_weights(
    replays: int, schedule: Literal["linear", "from_zero", "constant"], cap: float
) -> tuple[float, ...]:
    """λ of replay 1 to L.

    Args:
        replays: L, at least 1.
        schedule: ``linear`` is cap·ℓ/L, ``from_zero`` is cap·(ℓ-1)/(L-1) and 0 when L is 1, ``constant`` is
            cap.
        cap: The largest λ.

    Returns:
        L weights, never falling.
    """
    if schedule == "constant":
        return (cap,) * replays
    if schedule == "linear":
        return tuple(cap * replay / replays for replay in range(1, replays + 1))
    return tuple(cap * (replay - 1) / max(1, replays - 1) for replay in range(1, replays + 1))


def replay_order(rows: int, seed: int, replay: int) -> list[int]:
    """A permutation of ``range(rows)``, another one for each seed and replay (counted from 1)."""
    order = list(range(rows))
    random.Random(f"order/{seed}/{replay}").shuffle(order)  # noqa: S311 - reproducible, nothing secret
    return order
