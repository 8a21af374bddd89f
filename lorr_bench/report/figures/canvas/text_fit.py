"""Texts that fit: how wide they are drawn, where they are broken, what is left out of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import takewhile

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from lorr_bench.report.formatting import ELLIPSIS, MINUS

ROUNDING = 1.03  # letters of a bitmap are whole pixels wide
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@lru_cache(maxsize=10_000)
def text_width(text: str, points: float, *, bold: bool = False) -> float:
    """Inches that a text of one line takes in the figures' font, however its letters round to pixels."""
    font = FontProperties(family="DejaVu Sans", size=points, weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return ROUNDING * float(width) / 72


def widest(texts: Iterable[str], points: float, *, bold: bool = False) -> float:
    """Inches of the widest of some texts; 0 for none."""
    return max((text_width(text, points, bold=bold) for text in texts), default=0.0)


def truncated(text: str, max_width: float, points: float, *, bold: bool = False) -> str:
    """The text, or where it is wider than ``max_width`` inches its beginning and end around an ellipsis."""
    kept, cut = len(text), text
    while kept > 1 and text_width(cut, points, bold=bold) > max_width:
        kept -= 1
        cut = f"{text[: (kept + 1) // 2]}{ELLIPSIS}{text[len(text) - kept // 2 :]}"
    return cut


def truncated_apart(texts: Sequence[str], max_width: float, points: float) -> list[str]:
    """Each text truncated; without their common beginning where they could not be told apart otherwise."""
    cut = [truncated(text, max_width, points) for text in texts]
    if len(set(cut)) == len(set(texts)):
        return cut
    same = sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False)))
    return [truncated(f"{ELLIPSIS}{text[same:]}", max_width, points) for text in texts]


def wrapped(text: str, max_width: float, points: float, *, bold: bool = False) -> list[str]:
    """The text in lines of at most ``max_width`` inches, broken between words; long words are truncated."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, points, bold=bold) <= max_width:
            lines[-1] = longer
        else:
            lines.append(truncated(word, max_width, points, bold=bold))
    return lines


def two_lines(text: str, max_width: float, points: float, *, bold: bool = False) -> list[str]:
    """A name in one line or two, broken after a sign between words; a second line too long is truncated."""
    if text_width(text, points, bold=bold) <= max_width:
        return [text]
    ends = [found.end() for found in re.finditer(r"[ _·+/-]+", text)]
    fitting = [end for end in ends if text_width(text[:end].rstrip(), points, bold=bold) <= max_width]
    if not fitting:
        return [truncated(text, max_width, points, bold=bold)]
    rest = truncated(text[fitting[-1] :], max_width, points, bold=bold)
    return [text[: fitting[-1]].rstrip(), rest]


def number_text(value: float) -> str:
    """A number on an axis: ``1,500``, ``0.25``, ``2×10¹⁰``."""
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:,.6g}".replace("-", MINUS)
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    power = f"10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    digits = mantissa.rstrip("0").rstrip(".").replace("-", MINUS)
    return power if digits == "1" else f"{digits}×{power}"
