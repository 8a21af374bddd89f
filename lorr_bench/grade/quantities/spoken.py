"""Numbers in English words: "nine", "twenty-five", "three hundred", "one half"."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

_ONES: Final = (
    *(
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES: Final = {word: value for value, word in enumerate(_ONES)} | {
    word: 10 * value for value, word in enumerate(_TENS, start=2)
}
_SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_PARTS: Final = {
    **{"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4},
    **{f"{word}{end}": value for value, word in enumerate(_ONES) if value > 5 for end in ("th", "ths")},
    **{
        "fourth": 4,
        "fourths": 4,
        "fifth": 5,
        "fifths": 5,
        "eighth": 8,
        "eighths": 8,
        "ninth": 9,
        "ninths": 9,
    },
}
MAX_WORDS: Final = 12


def read_spoken(text: str) -> Fraction | None:
    """The number that words are; None where they are none."""
    words = text.lower().replace("-", " ").split()
    if not words or len(words) > MAX_WORDS or not words[0].isalpha():
        return None
    negative = words[0] in ("minus", "negative")
    words = words[negative:]
    part = _PARTS.get(words[-1]) if len(words) > 1 else None
    value = _whole(words[:-1] if part else words)
    if value is None:
        return None
    found = Fraction(value, part or 1)
    return -found if negative else found


def _whole(words: list[str]) -> int | None:
    """The value of words without a fraction: groups of at most 999, each with its scale."""
    if words == ["a"]:
        return 1
    total, group, last = 0, 0, 100
    for word in words:
        if word in _VALUES and _VALUES[word] < last:
            group += _VALUES[word]
            last = 10 if _VALUES[word] >= 20 else 0
        elif word in _SCALES and group:
            group *= _SCALES[word]
            last = 100
            total, group = (total, group) if word == "hundred" else (total + group, 0)
        else:
            return None
    return total + group if words else None
