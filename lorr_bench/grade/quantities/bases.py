r"""Numerals of other bases, ``413_5``, ``1011_{\text{two}}``: they stand for their digits, not values."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from lorr_bench.grade.notation.tidy import plain

_NAMES: Final = (
    *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
)
_BASE: Final = rf"(?P<base>[0-9]{{1,2}}|{'|'.join(_NAMES)})"
_SUBSCRIBED: Final = re.compile(
    rf"(?P<sign>-?)\s?\(?\s?(?P<digits>[0-9][0-9A-Z ]*(?:\.[0-9A-Z]+)?|[A-F][0-9A-F]+)\s?\)?\s?"
    rf"_\s?\{{?\s?\(?\s?(?:base )?{_BASE}\s?\)?\s?\}}?"
)
_SPOKEN: Final = re.compile(
    rf"(?P<sign>-?)\s?(?P<digits>[0-9][0-9A-Z]*)\s?\(?\s?(?:in )?base[ -]{_BASE}\s?\)?"
)
_BARE: Final = re.compile(r"(?P<sign>-?)\s?(?P<digits>[0-9A-Z]{1,60}(?:\.[0-9A-Z]{1,60})?)")


class Numeral(NamedTuple):
    """Digits in a base.

    Attributes:
        digits: As written, with the sign, without leading zeros.
        base: None where it is not shown.
    """

    digits: str
    base: int | None


def read_numeral(text: str) -> Numeral | None:
    """The numeral that ``text`` is, with its base; None where no base is shown.

    Args:
        text: As ``notation.tidy`` leaves it.
    """
    if "_" not in text and "base" not in text:
        return None
    bare = plain(text)
    match = _SUBSCRIBED.fullmatch(bare) or _SPOKEN.fullmatch(bare)
    if match is None:
        return None
    base = int(match["base"]) if match["base"].isdigit() else _NAMES.index(match["base"]) + 2
    return Numeral(_digits(match), base) if base > 1 else None


def bare_numeral(text: str) -> Numeral | None:
    """Digits without a base."""
    match = _BARE.fullmatch(plain(text))
    return Numeral(_digits(match), None) if match else None


def _digits(match: re.Match[str]) -> str:
    return match["sign"] + (match["digits"].replace(" ", "").lstrip("0") or "0")


def same_numeral(gold: Numeral, answer: Numeral, *, shown: bool) -> bool:
    """Whether two numerals are the same.

    Args:
        gold: The gold answer.
        answer: The answer.
        shown: Whether a base of the gold answer must be shown in the answer.
    """
    if gold.digits != answer.digits:
        return False
    if gold.base is None or answer.base is None:
        return not (shown and gold.base)
    return gold.base == answer.base
