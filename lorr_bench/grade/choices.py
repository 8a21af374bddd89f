"""Answers to questions with lettered choices."""

from __future__ import annotations

import re
from typing import Final

from lorr_bench.grade.policy import Policy
from lorr_bench.grade.segment import plain, tidy, without_styles

_GOLD: Final = re.compile(r"\(?([A-J])\)?\Z")
_ALONE: Final = re.compile(r"\(?([A-Ja-j])\)?[.:]?\Z")
_WITH_TEXT: Final = re.compile(r"(?:\(([A-Ja-j])\)|([A-Ja-j])[.):])\s*\S")
_BLANKS: Final = re.compile(r"[^\S\n]+")
_NEW_LINES: Final = re.compile(r"\n[\s]*")
_NAMED: Final = re.compile(
    r"(?:answer|option|choice)\b(?:\s+(?:is|would be|must be|should be))?"
    r"\s*:?\s*[*$]*\s*(?:option|choice)?\s*"
    r"(?:\(([A-J])\)|([A-J])(?=[*$]*\s*(?:[.,:;)\n]|\Z))|(?-i:([B-HJ]))\b)",  # A and I are words, too
    re.IGNORECASE,
)


def gold_choice(gold: str) -> str | None:
    """The letter, A to J, where the gold answer is one."""
    match = _GOLD.match(plain(tidy(gold))) if len(gold) < 40 else None
    return match[1] if match else None


def given_choice(text: str, policy: Policy, *, final: bool) -> str | None:
    """The letter that an answer names, as a capital.

    Args:
        text: What a box holds, or a whole solution.
        policy: Which ways of naming count.
        final: Whether ``text`` is the answer alone.
    """
    bare = plain(tidy(text))
    if match := _ALONE.match(bare):
        return _counted(match[1], policy)
    if policy.choices != "alone" and final and (match := _WITH_TEXT.match(bare)):
        return _counted(match[1] or match[2], policy)
    named = None if final else _last_named(text)
    return _counted(named, policy) if named else None


def _last_named(text: str) -> str | None:
    text = _BLANKS.sub(" ", without_styles(text))  # so that no pattern can go over many blanks in many ways
    found = ["".join(groups) for groups in _NAMED.findall(_NEW_LINES.sub("\n", text))]
    return found[-1] if found else None


def _counted(letter: str, policy: Policy) -> str | None:
    return letter.upper() if letter.isupper() or policy.choices == "any" else None
