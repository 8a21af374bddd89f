"""A grid of settings as its combinations, and the best of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final

from lorr_bench.values import DIVERGED, Try

DRAW_SEED: Final = 0
"""Of the tries that are drawn from a grid: the same for every arm."""
Grid = Mapping[str, Sequence[Any]]


def size_of(grid: Grid) -> int:
    """How many combinations a grid has; one without hyper-parameters has a single, empty one."""
    return math.prod(map(len, grid.values()))


def combinations(grid: Grid, most: int | None = None) -> Iterator[dict[str, Any]]:
    """The combinations of a grid, the last hyper-parameter changing first.

    Args:
        grid: Values of each hyper-parameter.
        most: How many; of more, so many are drawn without repeats, and stay in the order of the grid.
    """
    for place in _places(size_of(grid), most):
        digits = {}
        for name in reversed(list(grid)):
            place, digit = divmod(place, len(grid[name]))  # noqa: PLW2901  the rest of it
            digits[name] = grid[name][digit]
        yield {name: digits[name] for name in grid}


def _places(count: int, most: int | None) -> Sequence[int]:
    if most is None or count <= most:
        return range(count)
    draws, found = Random(DRAW_SEED), set[int]()  # noqa: S311  no secret; Python keeps its sequence for good
    while len(found) < most:
        found.add(int(draws.random() * count))
    return sorted(found)


def best_of(tries: Sequence[Try]) -> int | None:
    """The place of the try with the highest mean score; of equal ones the first.

    A try that diverged is worse than any that has a score.

    Args:
        tries: Of an arm at a data budget, in the order of the grid.

    Returns:
        None where a try has no score yet or for another reason, and where all diverged.
    """
    if len(tries) == 1:
        return 0
    if any(not each.scored and each.reason != DIVERGED for each in tries):
        return None
    scored = [place for place, each in enumerate(tries) if each.scored]
    return max(scored, key=lambda place: tries[place].score, default=None)


def edges_of(settings: Mapping[str, Any], grid: Grid) -> dict[str, str]:
    """``smallest`` or ``largest`` for hyper-parameters whose value is that of several numbers in a grid.

    Args:
        settings: A combination of the grid.
        grid: Values of each hyper-parameter.
    """
    numbers = {
        name: values for name, values in grid.items() if len(values) > 1 and all(map(_is_number, values))
    }
    ends = {name: {min(values): "smallest", max(values): "largest"} for name, values in numbers.items()}
    return {name: sides[settings[name]] for name, sides in ends.items() if settings[name] in sides}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
