"""Texts from outside as a terminal or a log may show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.padding import Padding
from rich.text import Text

from lorr_bench.outside import visible_text


def one_line(text: str) -> str:
    """A text from outside as one line, its control characters made visible."""
    return visible_text(" ".join(text.split()))


def indented(text: str) -> str:
    """A text from outside with its control characters made visible, and all lines but the first indented."""
    return "\n    ".join(line for line in visible_text(text).splitlines() if line.strip())


@dataclass(frozen=True)
class Hanging:
    """A text for a terminal, its lines ended between words and all but the first indented by more.

    Attributes:
        text: What to print, without markup.
        marked: A regular expression whose groups are named after the colours of what they find.
        first: Letters by which the first line is indented.
        further: Letters by which the others are.
    """

    text: str
    marked: str = ""
    first: int = 0
    further: int = 4

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Padding | Text]:
        """Rich's protocol for what can be printed."""
        text = Text("\n".join(line.strip() for line in visible_text(self.text).splitlines()))
        if self.marked:
            text.highlight_regex(self.marked)
        for number, line in enumerate(text.wrap(console, max(1, options.max_width - self.further))):
            line.rstrip()
            yield Padding(line, (0, 0, 0, self.further if number else self.first), expand=False)
