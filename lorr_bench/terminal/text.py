"""Texts from outside as a terminal or a log may show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions
from rich.padding import Padding
from rich.text import Text

from lorr_bench.outside import visible_text

INDENT: Final = 4


def one_line(text: str) -> str:
    """A text from outside as one line, its control characters made visible."""
    return visible_text(" ".join(text.split()))


def indented(text: str) -> str:
    """A text from outside with its control characters made visible, and all lines but the first indented."""
    return "\n    ".join(line for line in visible_text(text).splitlines() if line.strip())


@dataclass(frozen=True)
class Hanging:
    """A text for a terminal, its lines ended between words and all but the first indented.

    Attributes:
        text: What to print, without markup.
        marked: A regular expression whose groups are named after the colours of what they find.
        first: Letters by which the first line is indented.
    """

    text: str
    marked: str = ""
    first: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Padding | Text]:
        """Rich's protocol for what can be printed."""
        text = Text("\n".join(line.strip() for line in visible_text(self.text).splitlines()))
        if self.marked:
            text.highlight_regex(self.marked)
        further = self.first + INDENT
        for number, line in enumerate(text.wrap(console, max(1, options.max_width - further))):
            yield Padding(line, (0, 0, 0, further if number else self.first), expand=False)
