"""Brackets in a text, and where a text is parted outside of them."""

from __future__ import annotations

import re
from typing import Final

BRACKET: Final = re.compile(r"\\[{}]|[()\[\]{}]|\\[lr](?:angle|floor|ceil|group)(?![a-zA-Z])|\\begin|\\end")
_OPENING: Final = frozenset({"(", "[", "{", r"\{", r"\langle", r"\begin", r"\lfloor", r"\lceil", r"\lgroup"})


def depths(text: str) -> list[int]:
    """For each character, how many brackets are open."""
    found, depth, start = [0] * len(text), 0, 0
    for bracket in BRACKET.finditer(text):
        found[start : bracket.start()] = [depth] * (bracket.start() - start)
        start = bracket.start()
        depth = max(0, depth + (1 if bracket[0] in _OPENING else -1))
    found[start:] = [depth] * (len(text) - start)
    return found


def signs_outside(text: str, sign: re.Pattern[str]) -> list[re.Match[str]]:
    """Where a sign stands outside of all brackets."""
    if not sign.search(text):
        return []
    level = depths(text)
    return [match for match in sign.finditer(text) if not level[match.start()]]


def parts_between(text: str, signs: list[re.Match[str]]) -> list[str]:
    """What stands before, between and behind signs, one more than there are."""
    starts = [0, *(sign.end() for sign in signs)]
    ends = [*(sign.start() for sign in signs), len(text)]
    return [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]
