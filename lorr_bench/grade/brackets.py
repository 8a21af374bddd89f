"""Brackets in a text."""

from __future__ import annotations

import re
from typing import Final

BRACKET: Final = re.compile(r"\\[{}]|[()\[\]{}]|\\[lr](?:angle|floor|ceil|group)(?![a-zA-Z])|\\begin|\\end")
_OPENING: Final = frozenset({"(", "[", "{", r"\{", r"\langle", r"\begin", r"\lfloor", r"\lceil"})


def depths(text: str) -> list[int]:
    """For each character, how many brackets are open."""
    found, depth, start = [0] * len(text), 0, 0
    for bracket in BRACKET.finditer(text):
        found[start : bracket.start()] = [depth] * (bracket.start() - start)
        start = bracket.start()
        depth = max(0, depth + (1 if bracket[0] in _OPENING else -1))
    found[start:] = [depth] * (len(text) - start)
    return found
