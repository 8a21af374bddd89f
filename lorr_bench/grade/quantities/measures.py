"""Units of measure: which agree, and by what factor."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple


class Measure(NamedTuple):
    """A unit as multiples of its dimension's base unit."""

    dimension: str
    factor: Fraction


_WORDS: Final = {
    "length": {
        "mm millimeter millimetre": "1/1000",
        "cm centimeter centimetre": "1/100",
        "m meter metre": "1",
        "km kilometer kilometre": "1000",
        "in inch inches": "0.0254",
        "ft foot feet": "0.3048",
        "yd yard": "0.9144",
        "mi mile": "1609.344",
    },
    "mass": {
        "mg milligram": "1/1000",
        "g gram": "1",
        "kg kilogram": "1000",
        "oz ounce": "28.349523125",
        "lb lbs pound": "453.59237",
    },
    "time": {
        "s sec second": "1",
        "min minute": "60",
        "h hr hour": "3600",
        "day": "86400",
        "week": "604800",
    },
    "volume": {
        "ml milliliter millilitre": "1/1000",
        "l liter litre": "1",
    },
    "angle": {"degree deg": "1", "radian rad": "57.295779513082320876798154814105"},  # 180 / pi, 30 digits
    "dollars": {"dollar usd": "1", "cent": "1/100"},
    "euros": {"euro eur": "1"},
    "pounds sterling": {"gbp": "1"},
}
_TABLE: Final = {
    word: Measure(dimension, Fraction(factor))
    for dimension, units in _WORDS.items()
    for words, factor in units.items()
    for word in words.split()
}
_POWER: Final = re.compile(r"(square|sq\.?|cubic|cu\.?)\s+(.+)|(.+?)\s*\^\s*\{?([23])\}?")
_PER: Final = re.compile(r"\s*/\s*|\s+per\s+")
_SHORT: Final = {"mph": "mi/h", "kmh": "km/h", "kph": "km/h"}


@lru_cache(maxsize=1024)
def measure(unit: str) -> Measure | None:
    """What ``unit`` measures: ``cm``, ``square inches``, ``m/s``, ``miles per hour``.

    Returns:
        None for anything that is no unit of measure here: apples, square units.
    """
    name = unit.strip().lower().rstrip(".")
    over, *under = _PER.split(_SHORT.get(name, name))
    found = [_power(part) for part in (over, *under)]
    if len(found) > 2 or None in found:
        return None
    first, *rest = (part for part in found if part is not None)
    for below in rest:
        return Measure(f"{first.dimension}/{below.dimension}", first.factor / below.factor)
    return first


def _power(unit: str) -> Measure | None:
    """A unit, its square or its cube."""
    match = _POWER.fullmatch(unit.strip())
    if not match:
        return _TABLE.get(unit.strip()) or _TABLE.get(unit.strip().removesuffix("s"))
    exponent = int(match[4]) if match[4] else 2 if match[1].startswith("sq") else 3
    base = _power(match[3] or match[2])
    return Measure(f"{base.dimension}^{exponent}", base.factor**exponent) if base else None
