"""The passage of a text in which the answer is to be looked for."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from lorr_bench.grade.notation.tidy import undamaged

_END_TOKENS: Final = re.compile(r"(?:\s|<\|[a-z_]{1,20}\|>|</s>|<eos>|<\|eot_id\|>)+\Z")
_TAIL: Final = 120
_OPEN, _CLOSE = "<answer>", "</answer>"
_THOUGHTS: Final = ("</think>", "</thinking>", "</thought>", "<|end_of_thought|>")


class Passage(NamedTuple):
    """A part of a text.

    Attributes:
        text: What is to be read.
        is_tagged: Whether it stood in the tag for the answer.
    """

    text: str
    is_tagged: bool = False


def passage(answer: str, max_chars: int) -> Passage:
    """Where the answer is said: behind the thoughts, in the tag for it, without the marks that end a text.

    Args:
        answer: All that was written.
        max_chars: How much of its end is looked at.
    """
    text = undamaged(answer[-max_chars:])
    if "<" not in text:
        return Passage(text)
    text = _without_end_tokens(text)
    for mark in _THOUGHTS:
        _, found, behind = text.rpartition(mark)
        if found and behind.strip():
            text = behind
    return _tagged(text)


def _without_end_tokens(text: str) -> str:
    """Only the end is looked at, so that blanks without number are no trouble."""
    return text[:-_TAIL] + _END_TOKENS.sub("", text[-_TAIL:])


def _tagged(text: str) -> Passage:
    """What the last answer tag holds, closed or not; all of the text where there is none."""
    before, found, inner = text.rpartition(_OPEN)
    if not found:
        return Passage(text)
    inner = inner.partition(_CLOSE)[0]
    return Passage(inner, is_tagged=True) if inner.strip() else Passage(before or text)
