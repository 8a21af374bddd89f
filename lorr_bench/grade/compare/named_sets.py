r"""Sets that have names, not numbers: ``A \cup B``, ``A \setminus B``."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from lorr_bench.grade.compare.context import Context
from lorr_bench.grade.notation.brackets import parts_between, signs_outside

_SIGN: Final = re.compile(r"\\(?:cup|cap|setminus|backslash)(?![a-zA-Z])")
_COMMUTES: Final = frozenset({r"\cup", r"\cap"})


class _Operation(NamedTuple):
    """Sets with one sign between them."""

    sign: str
    sets: list[str]


def same_set_operation(gold: str, answer: str, context: Context) -> bool | None:
    """Two unions or intersections, in any order, or two differences; None where neither is one."""
    mine, other = _read(gold), _read(answer)
    if mine is None and other is None:
        return None
    if mine is None or other is None or mine.sign != other.sign or len(mine.sets) != len(other.sets):
        return False
    left = list(other.sets)
    for one in mine.sets:
        candidates = left if mine.sign in _COMMUTES else left[:1]
        match = next((candidate for candidate in candidates if context.same(one, candidate)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _read(text: str) -> _Operation | None:
    signs = signs_outside(text, _SIGN)
    if len({sign[0] for sign in signs}) != 1:
        return None
    return _Operation(signs[0][0], parts_between(text, signs))
