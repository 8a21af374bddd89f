"""Quantities in words: seconds, speeds, bytes, large numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

GIB: Final = 1 << 30
SIZES: Final = ((1 << 40, "TiB"), (GIB, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
COUNTS: Final = ((10**12, " T"), (10**9, " B"), (10**6, " M"), (10**3, " k"))


def duration_text(seconds: float) -> str:
    """``75`` as ``1 min 15 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def roughly(seconds: float) -> str:
    """An estimate, as exact as it deserves: ``40 s``, ``4 min``, ``2 h 10 min``, ``3 d 4 h``."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def speed_text(tokens_per_second: float) -> str:
    """``5432.1`` as ``5,432``; slow ones with a decimal."""
    return f"{tokens_per_second:,.0f}" if tokens_per_second >= 10 else f"{tokens_per_second:.1f}"


def size_text(number: float) -> str:
    """Bytes in the unit that suits them, to three digits: ``12 GiB``."""
    return _scaled(number, SIZES, " ") or f"{number:,.0f} B"


def gibibytes(number: float, form: str = ".1f") -> str:
    """Bytes in GiB, however many, so that several can be compared: ``0.5 GiB``.

    Args:
        number: Of bytes.
        form: How to write the number, as ``format`` takes it.
    """
    return f"{number / GIB:{form}} GiB"


def count_text(number: float) -> str:
    """A large number in short: ``1.64 M``."""
    return _scaled(number, COUNTS, "") or f"{number:,.0f}"


def _scaled(number: float, units: Sequence[tuple[int, str]], gap: str) -> str:
    scaled = ((number / unit, name) for unit, name in units if number >= unit)
    return next((f"{value:.{3 if value < 999.5 else 4}g}{gap}{name}" for value, name in scaled), "")
