"""Answers that are words: which are, and which say the same."""

from __future__ import annotations

import re
from typing import Final

from lorr_bench.grade.algebra.functions import CONSTANTS, FUNCTIONS, GREEK
from lorr_bench.grade.notation.languages import SHORT_ANSWERS, SYNONYMS
from lorr_bench.grade.notation.tidy import plain

_WORDS: Final = re.compile(r"(?=.*[A-Za-z]{3})[A-Za-z]+(?:[ '-][A-Za-z]+)*")
_STYLED_WORDS: Final = re.compile(
    r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mbox|operatorname)\s?\{[^{}]*\}"
)
_MEANING: Final = {
    word: meaning
    for meaning, words in SYNONYMS.items()
    for word in (*words, meaning)
    if not word.startswith("\\")
}
_BEGINNING: Final = re.compile(r"(?:it is |they are |there (?:is|are) |the (?!answer)|an? )")


def is_words(text: str) -> bool:
    r"""Whether ``text`` is words, not a product of variables: marked by ``\text``, spaced, or long."""
    bare = plain(text)
    if bare.casefold() in SHORT_ANSWERS:
        return True
    first = bare.partition(" ")[0]
    if not _WORDS.fullmatch(bare) or bare in GREEK or first in FUNCTIONS or bare in CONSTANTS:
        return False
    return _STYLED_WORDS.search(text) is not None or " " in bare or len(bare) > 3


def meaning(text: str) -> str:
    """Words as those that stand for all that say the same; case and a leading article don't count."""
    words = plain(text).casefold().strip(" .")
    if words in _MEANING:
        return _MEANING[words]
    bare = _BEGINNING.sub("", words, count=1) if _BEGINNING.match(words) else words
    return _MEANING.get(bare, bare)


def symbol(text: str) -> str | None:
    r"""The sign that words stand for: ``\mathbb{R}`` for "all real numbers"; None for other words."""
    found = meaning(text)
    return found if found.startswith("\\") else None
