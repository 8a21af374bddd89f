"""A live view with lines above it, on one console.

Rich finds out how many lines it has to wipe away before it draws, and writes later: of two threads that print
and draw at once, one wipes away a line that is not the view's where the view has become shorter meanwhile. So
all that is printed here, and all that Python code of the process writes meanwhile, takes turns.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

SECONDS: Final = 0.25
"""Between two drawings."""


class LiveScreen:
    """Draws a view again and again, below what is printed.

    Args:
        console: A terminal.
        view: Makes what is drawn.
    """

    def __init__(self, console: Console, view: Callable[[], RenderableType]) -> None:
        self._console = console
        self._turn = threading.RLock()
        self._over = threading.Event()
        self._redirected = ExitStack()
        self._live = Live(
            console=console,
            get_renderable=view,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._drawer = threading.Thread(target=self._draw, daemon=True)

    def start(self) -> None:
        """Draw from now on."""
        for stream, redirect in ((sys.stdout, redirect_stdout), (sys.stderr, redirect_stderr)):
            if stream.isatty():
                self._redirected.enter_context(redirect(_Lines(self.print, stream)))
        self._live.start()
        self._drawer.start()

    def print(self, shown: RenderableType) -> None:
        """Print something above the view."""
        with self._turn:
            self._console.print(shown)

    def refresh(self) -> None:
        """Draw the view now."""
        with self._turn:
            self._live.refresh()

    def stop(self, *, stays: bool) -> None:
        """Draw no more.

        Args:
            stays: Whether the last view stays where it is; else it is wiped away.
        """
        self._over.set()
        self._drawer.join()
        self._redirected.close()
        with self._turn:
            self._live.transient = not stays
            self._live.stop()

    def _draw(self) -> None:
        while not self._over.wait(SECONDS):
            self.refresh()


class _Lines(io.TextIOBase):
    """A stream whose lines are printed one by one.

    Args:
        write_line: Prints one.
        stream: What it stands for.

    Attributes:
        rich_proxied_file: The same, under the name by which a console of Rich finds what it writes to.
    """

    def __init__(self, write_line: Callable[[Text], None], stream: TextIO) -> None:
        self._write_line = write_line
        self.rich_proxied_file = stream
        self._begun = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._write_line(Text.from_ansi(line))
        return len(text)

    def isatty(self) -> bool:
        return True
