"""Units of measure: which agree, and by what factor."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple


class Measure(NamedTuple):
    """A unit as multiples of its dimension's base unit."""

    dimension: str
    factor: Fraction


_WORDS: Final = {
    "length": {
        "nm nanometer nanometre": "1/1000000000",
        "mm millimeter millimetre": "1/1000",
        "cm centimeter centimetre": "1/100",
        "dm decimeter decimetre": "1/10",
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
        "ton tonne": "1000000",
        "oz ounce": "28.349523125",
        "lb lbs pound": "453.59237",
    },
    "time": {
        "ns nanosecond": "1/1000000000",
        "ms millisecond": "1/1000",
        "s sec second": "1",
        "min minute": "60",
        "h hr hour": "3600",
        "day": "86400",
        "week": "604800",
    },
    "years": {"month": "1", "yr year": "12", "decade": "120", "century centuries": "1200"},
    "volume": {
        "ml milliliter millilitre": "1/1000",
        "cl centiliter centilitre": "1/100",
        "l liter litre": "1",
    },
    "gallons": {"cup": "1", "pint": "2", "quart": "4", "gallon gal": "16"},
    "angle": {"degree deg": "1", "radian rad": "57.295779513082320876798154814105"},  # 180 / pi, 30 digits
    "celsius": {"celsius": "1"},
    "fahrenheit": {"fahrenheit": "1"},
    "kelvin": {"kelvin": "1"},
    "force": {"n newton": "1", "kn kilonewton": "1000"},
    "energy": {"j joule": "1", "kj kilojoule": "1000", "mj megajoule": "1000000", "ev": "1.602176634e-19"},
    "power": {"w watt": "1", "kw kilowatt": "1000", "mw megawatt": "1000000"},
    "pressure": {"pa pascal": "1", "kpa kilopascal": "1000"},
    "voltage": {"v volt": "1", "mv millivolt": "1/1000", "kv kilovolt": "1000"},
    "current": {"ampere amp": "1", "ma milliampere": "1/1000"},
    "resistance": {"ohm": "1", "kohm": "1000", "mohm": "1000000"},
    "frequency": {"hz hertz": "1", "khz kilohertz": "1000", "mhz megahertz": "1000000"},
    "amount": {"mol mole": "1"},
    "dollars": {"dollar usd": "1", "cent": "1/100"},
    "euros": {"euro eur": "1"},
    "pounds sterling": {"gbp": "1"},
    "yen": {"yen jpy": "1"},
    "yuan": {"yuan rmb cny": "1"},
}
_TABLE: Final = {
    word: Measure(dimension, Fraction(factor))
    for dimension, units in _WORDS.items()
    for words, factor in units.items()
    for word in words.split()
}
_POWER: Final = re.compile(
    r"(square|sq\.?|cubic|cu\.?)\s+(.+)|(.+?)\s*(?:\^\s*\{?\s*(-?[1-3])\s*\}?|\s(squared|cubed))"
)
_PER: Final = re.compile(r"\s*/\s*|\s+per\s+")
_TIMES: Final = re.compile(
    r"\s*(?:\\cdot|\*)\s*|(?<!sq)(?<!square)(?<!cubic)(?<!sq\.)(?<!cu\.)(?<!cu)\s+(?!squared|cubed)"
)
_SHORT: Final = {"mph": "mi/h", "kmh": "km/h", "kph": "km/h", "kwh": "kw h"}


@lru_cache(maxsize=1024)
def measure(unit: str) -> Measure | None:
    """What ``unit`` measures: ``cm``, ``square inches``, ``m/s``, ``kg m s^{-2}``, ``miles per hour``.

    Returns:
        None for anything that is no unit of measure here: apples, square units.
    """
    name = unit.strip().lower().rstrip(".")
    over, *under = _PER.split(_SHORT.get(name, name))
    if len(under) > 1 or len(name) > 60:
        return None
    dimensions: Counter[str] = Counter()
    factor = Fraction(1)
    for part, sign in ((over, 1), *((below, -1) for below in under)):
        for word in _TIMES.split(part.strip()):
            found = _power(word)
            if found is None:
                return None
            base, exponent = found
            dimensions[base.dimension] += sign * exponent
            factor *= base.factor ** (sign * exponent)
    return Measure(_dimension(dimensions), factor)


def _dimension(dimensions: Counter[str]) -> str:
    """The dimensions as one text: ``mass*length/time^2``."""
    over, under = (
        [
            f"{name}^{abs(power)}" if abs(power) > 1 else name
            for name, power in sorted(dimensions.items())
            if power * sign > 0
        ]
        for sign in (1, -1)
    )
    return "/".join(["*".join(over), *under])


def _power(unit: str) -> tuple[Measure, int] | None:
    """A unit, and its exponent."""
    match = _POWER.fullmatch(unit.strip())
    if not match:
        base = _TABLE.get(unit.strip()) or _TABLE.get(unit.strip().removesuffix("s"))
        return (base, 1) if base else None
    named = 2 if (match[1] or match[5] or "").startswith("sq") else 3
    exponent = int(match[4]) if match[4] else named
    found = _power(match[3] or match[2])
    return (found[0], found[1] * exponent) if found else None
