"""Texts as they are compared where they are compared as texts."""

from __future__ import annotations

import re
from typing import Final

_LONE_BRACES: Final = re.compile(r"([_^])\{([A-Za-z0-9])\}")
_SHORT_FRACTION: Final = re.compile(r"\\frac\s?([0-9])\s?([0-9])(?![0-9])")
_SPACE: Final = re.compile(r"(?<![0-9]) | (?![0-9])")
_SUCH_THAT: Final = re.compile(r"\\mid(?![a-zA-Z])|[:|]")
_ANY_SPACE: Final = re.compile(r"\s")


def canonical(text: str) -> str:
    r"""``text`` as tidied, further without spaces and braces that change nothing."""
    if "\\" in text or "{" in text:
        text = _LONE_BRACES.sub(r"\1\2", _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text))
    return _SPACE.sub("", text)


def spaceless(text: str) -> str:
    """``text`` for what nobody reads: spaces, and how "such that" is written, don't count."""
    return _ANY_SPACE.sub("", _SUCH_THAT.sub(":", canonical(text)))
