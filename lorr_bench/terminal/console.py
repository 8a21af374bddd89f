"""The terminal, on which text from files and models can only be seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from lorr_bench.outside import UNPRINTABLE, visible_text


class PlainConsole(Console):
    """A console that writes no control characters but its own: others stand there as ``⟨U+001B⟩``."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Text as Rich lays it out: visible before its width is measured."""
        return super().render_str(visible_text(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What Rich makes of something, piece by piece; pieces that were no plain text are looked at here."""
        for segment in super().render(renderable, options):
            if segment.control is None and UNPRINTABLE.search(segment.text):
                yield Segment(visible_text(segment.text), segment.style)
            else:
                yield segment
