"""Texts from outside as a terminal or a log may show them."""

from __future__ import annotations

from lorr_bench.outside import visible_text


def one_line(text: str) -> str:
    """A text from outside as one line, its control characters made visible."""
    return visible_text(" ".join(text.split()))


def indented(text: str) -> str:
    """A text from outside with its control characters made visible, and all lines but the first indented."""
    return "\n    ".join(line for line in visible_text(text).splitlines() if line.strip())
