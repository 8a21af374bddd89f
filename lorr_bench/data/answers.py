r"""Find the right final answer in a row: as it stands, by a pattern, or in the last ``\boxed{}``."""

from __future__ import annotations

import re
from typing import Final

from lorr_bench.data.rows import Row
from lorr_bench.spec.sources import BOXED

BOX: Final = r"\boxed"
_BARE_BOX: Final = re.compile(r"\s*([^\s{}$]+)")


def gold_answer(row: Row, column: str, pattern: str | None) -> str:
    r"""The right answer of a row; empty where there is none.

    A list is an answer of several values, as in OlympiadBench, and is written as ``$a$, $b$``: the grader
    reads that as a set, so an answer must give all of them, in any order.

    Args:
        row: One problem.
        column: Column with the answer, or with a worked solution.
        pattern: Regular expression with one group, of which the last match counts, because a solution ends
            with its answer; ``boxed`` for the last ``\boxed{}``; None takes the column as it is.

    Raises:
        DataError: There is no such column, or it holds neither text nor number nor a list of these.
    """
    text = _as_set([value.strip() for value in row.texts(column, "answer_column")])
    if pattern == BOXED:
        return last_boxed(text)
    if pattern is not None:
        matches = list(re.finditer(pattern, text))
        text = (matches[-1][1] or "") if matches else ""
    return text.strip()


def _as_set(values: list[str]) -> str:
    """One value as it is; several as mathematics each, since text beside dollar signs is not read."""
    if len(values) == 1:
        return values[0]
    return ", ".join(value if "$" in value else f"${value}$" for value in values)


def last_boxed(solution: str) -> str:
    r"""What the last ``\boxed`` of a solution holds; empty where there is none or its brace does not close.

    MATH has a few boxes without braces, ``\boxed 2``: the word behind them counts.
    """
    _, mark, rest = solution.rpartition(BOX)
    if not rest.startswith("{"):
        bare = _BARE_BOX.match(rest) if mark else None
        return bare[1].rstrip(".,") if bare else ""
    depth = 0
    for index, char in enumerate(rest):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return rest[1:index].strip()
    return ""
