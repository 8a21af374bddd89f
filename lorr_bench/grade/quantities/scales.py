"""Words behind a number: those that scale it, those that are a unit, and those that make it another thing."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final, NamedTuple

from lorr_bench.grade.algebra.functions import FUNCTIONS, GREEK
from lorr_bench.grade.notation.languages import COUNTERS, FOREIGN_SCALES
from lorr_bench.grade.quantities.measures import measure

_SCALES: Final = {
    "hundred": Fraction(100),
    "thousand": Fraction(1000),
    "million": Fraction(10**6),
    "billion": Fraction(10**9),
    "trillion": Fraction(10**12),
    "dozen": Fraction(12),
    "lakh": Fraction(10**5),
    "crore": Fraction(10**7),
    "half": Fraction(1, 2),
    "halves": Fraction(1, 2),
    "third": Fraction(1, 3),
    "quarter": Fraction(1, 4),
    "fourth": Fraction(1, 4),
    "fifth": Fraction(1, 5),
    "sixth": Fraction(1, 6),
    "seventh": Fraction(1, 7),
    "eighth": Fraction(1, 8),
    "ninth": Fraction(1, 9),
    "tenth": Fraction(1, 10),
    "hundredth": Fraction(1, 100),
    "thousandth": Fraction(1, 1000),
    "percent": Fraction(1),
}
_MEANINGFUL: Final = frozenset(
    word
    for line in (
        "more less fewer greater smaller least most over under above below up down to from than",
        "not no never except but between within without plus minus times divided squared cubed",
        "factorial remainder r mod modulo and or either neither both maximum minimum upto",
        "at least at most exactly if when where given otherwise only twice double triple thrice",
        "root power powers choose base",
    )
    for word in line.split()
)
"""Words that make a number another thing, so that it is no plain number with them."""
_CONTRARIES: Final = tuple(
    frozenset(words.split())
    for words in (
        "am pm a.m. p.m. a.m p.m",
        "bc ad bce ce",
        "north south east west northeast northwest southeast southwest",
        "clockwise counterclockwise anticlockwise",
        "left right",
        "profit loss gain",
        "ago later",
        "positive negative",
        "increase decrease",
        "boys girls",
        "men women",
    )
)
"""Words of which another one of the same line is another answer."""
_ORDINALS: Final = frozenset({"st", "nd", "rd", "th"})
_FOREIGN: Final = re.compile(rf"(.*[0-9}}])\s?({'|'.join(map(re.escape, FOREIGN_SCALES))})")
_COUNTER: Final = "|".join(sorted(map(re.escape, COUNTERS), key=len, reverse=True))
_COUNTED: Final = re.compile(rf"(.*[0-9}}])\s?\\?(?:text\s?)?\{{?\s?(?:{_COUNTER})\s?\}}?")


class Tail(NamedTuple):
    """What the words behind a number say.

    Attributes:
        factor: What they multiply it by.
        unit: The rest of them, a unit or thing; None where nothing is left.
    """

    factor: Fraction
    unit: str | None


def read_tail(words: str) -> Tail | None:
    """What the words behind a number say; None where they make it more than a number."""
    left = words.strip().split()
    factor = Fraction(1)
    while left and (scale := _scale(left[0])):
        factor *= scale
        left = left[1:]
    if left and left[0].lower() == "of" and factor != 1:
        left = left[1:]
    if any(_is_meaningful(word) for word in left):
        return None
    if left and left[0].lower() in _ORDINALS:
        left = left[1:]
    return Tail(factor, " ".join(left) or None)


def _scale(word: str) -> Fraction | None:
    word = word.lower().strip(".,")
    return _SCALES.get(word) or (_SCALES.get(word.removesuffix("s")) if len(word) > 4 else None)


def _is_meaningful(word: str) -> bool:
    bare = word.strip(".,()")
    if measure(bare):
        return False  # min and sec are minutes and seconds behind a number
    return bare.lower() in _MEANINGFUL or bare in FUNCTIONS or bare in GREEK or bare in ("pi", "infinity")


def contrary(gold: str | None, answer: str | None) -> bool:
    """Whether two units or things exclude each other: am and pm, north and south."""
    mine, other = (frozenset((words or "").lower().split()) for words in (gold, answer))
    return any(mine & group and other & group and mine & group != other & group for group in _CONTRARIES)


def without_counter(text: str) -> str:
    """A number without a counting word of another script, a scale of one multiplied out."""
    if text.isascii():
        return text
    if match := _COUNTED.fullmatch(text):
        text = match[1].strip()
    if match := _FOREIGN.fullmatch(text):
        return rf"{match[1]} \times {FOREIGN_SCALES[match[2]]}"
    return text
