"""What an SVG file needs besides its lines: a font that is there, and colours for a dark page."""

from __future__ import annotations

import re
from typing import Final

FONT: Final = "DejaVu Sans"
FONTS: Final = f"'{FONT}', Verdana, Geneva, sans-serif"
"""Where the font is missing, one as wide: nothing then meets what stands beside it."""
DARK: Final = {
    "#ffffff": "#14171b",
    "#000000": "#e6e9ed",
    "#222222": "#e6e9ed",
    "#333333": "#d5dae0",
    "#595959": "#a2abb6",
    "#8c8c8c": "#7d8894",
    "#e3e3e3": "#343b44",
    "#0072b2": "#5aaee6",
    "#d55e00": "#f08a4b",
    "#009e73": "#3cc79b",
}
"""Colours on white, and what stands for them on a dark page: those of the page itself, and lighter arms."""
TEXT: Final = "text{fill:#e6e9ed}"


def adapted(svg: str) -> str:
    """The file with fonts to fall back on, and the colours of a dark page where one is preferred."""
    named = svg.replace(f"'{FONT}'", FONTS)
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark}!important}}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme: dark){{{TEXT}{rules}}}</style>"
    return re.sub(r"(<svg\b[^>]*>)", lambda found: found[1] + style, named, count=1)
