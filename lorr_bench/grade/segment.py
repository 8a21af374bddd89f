"""Which part of an answer decides, and what can be judged without Math-Verify."""

from __future__ import annotations

import re
from typing import Final

BOX: Final = r"\boxed{"
NEIGHBOUR_CHARS: Final = 70  # Math-Verify reads boxes this near to each other as one list of values
_BRACE: Final = re.compile(r"[{}]")
_INTEGER: Final = re.compile(r"(?:0|-?[1-9][0-9]{0,14})\Z")
_READABLE: Final = re.compile(r"[\d$\\\[]")
_TEXT_COMMAND: Final = re.compile(r"\\(?:text|textbf|mathrm)\{([^{}]*)\}")


def final_segment(answer: str) -> str:
    r"""The part of ``answer`` that decides: its last balanced ``\boxed{...}``, or all of it.

    Boxes that precede the last one by less than ``NEIGHBOUR_CHARS`` characters stay with it, because
    Math-Verify reads ``\boxed{1} and \boxed{2}`` as two values.

    Args:
        answer: A worked solution.

    Returns:
        A part of ``answer``, from a ``\boxed{`` to a closing brace; ``answer`` itself if no box is balanced.
    """
    closings = _closings(answer)
    start = end = -1
    for opening in sorted((p for p in closings if answer.endswith(BOX, 0, p + 1)), reverse=True):
        closing = closings[opening]
        if start < 0:
            end = closing + 1
        elif not closing < start <= closing + NEIGHBOUR_CHARS:
            break
        start = opening + 1 - len(BOX)
    return answer[start:end] if start >= 0 else answer


def _closings(text: str) -> dict[int, int]:
    """Where each balanced brace opens, and where it closes; one pass, so that any text is quick."""
    unclosed: list[int] = []
    closings = {}
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            unclosed.append(brace.start())
        elif unclosed:
            closings[unclosed.pop()] = brace.start()
    return closings


def box_content(segment: str) -> str | None:
    """What a segment that is one single box holds, stripped; None for anything else."""
    if not segment.startswith(BOX):
        return None
    closing = _closings(segment).get(len(BOX) - 1)
    return segment[len(BOX) : closing].strip() if closing == len(segment) - 1 else None


def plain(text: str) -> str:
    r"""``text`` without the marks that mean nothing: ``$``, ``\text{}``, spaces around, a final full stop."""
    bare = _TEXT_COMMAND.sub(r"\1", text).strip().removesuffix(".").strip("$")
    return " ".join(bare.split())


def is_integer(text: str) -> bool:
    """Whether ``text`` is an integer written in the one usual way, so that equal means identical."""
    return _INTEGER.match(text) is not None


def is_readable(text: str) -> bool:
    """Whether Math-Verify could find anything in ``text``: it needs a digit or a mathematical bracket."""
    return _READABLE.search(text) is not None
