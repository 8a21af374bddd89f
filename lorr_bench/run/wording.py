"""Texts and numbers as a terminal or a log may show them."""

from __future__ import annotations

from lorr_bench.outside import visible_text


def one_line(text: str) -> str:
    """A text from outside as one line, its control characters made visible."""
    return visible_text(" ".join(text.split()))


def indented(text: str) -> str:
    """A text from outside with its control characters made visible, and all lines but the first indented."""
    return "\n    ".join(line for line in visible_text(text).splitlines() if line.strip())


def spoken(seconds: float) -> str:
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


def spoken_speed(tokens_per_second: float) -> str:
    """``5432.1`` as ``5,432``; slow ones with a decimal."""
    return f"{tokens_per_second:,.0f}" if tokens_per_second >= 10 else f"{tokens_per_second:.1f}"
