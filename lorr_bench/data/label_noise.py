"""Label noise: which training pairs have their responses swapped, and what a swapped pair is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from lorr_bench.values import Pair

_DIGEST_BYTES: Final = 8


def is_flipped(pair_id: str, share: float, seed: int) -> bool:
    """Whether a pair is one of those whose label is wrong.

    Each pair draws a number of its own between 0 and 1, and is flipped where that is below the share. So a
    larger share flips all that a smaller one flips, and no other pair has a part in it.

    Args:
        pair_id: Of the pair.
        share: Of pairs that are flipped, in expectation.
        seed: Of the training.
    """
    digest = hashlib.sha256(f"label noise/{seed}/{pair_id}".encode()).digest()[:_DIGEST_BYTES]
    return int.from_bytes(digest, "big") < share * 256**_DIGEST_BYTES


def flipped_ids(pairs: Iterable[Pair], share: float, seed: int) -> frozenset[str]:
    """Ids of the pairs that are flipped."""
    return frozenset(pair.id for pair in pairs if is_flipped(pair.id, share, seed))


def swapped(pair: Pair) -> Pair:
    """The pair with its responses the other way round, and all that is known of each."""
    return replace(
        pair,
        chosen=pair.rejected,
        rejected=pair.chosen,
        chosen_score=pair.rejected_score,
        rejected_score=pair.chosen_score,
        chosen_truncated=pair.rejected_truncated,
        rejected_truncated=pair.chosen_truncated,
        chosen_end=pair.rejected_end,
        rejected_end=pair.chosen_end,
    )
