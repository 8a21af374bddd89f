"""A live view and the lines above it take turns."""

import io
import sys
import threading

import pytest
from rich.console import Console
from rich.text import Text
from screen import Screen

from lorr_bench.terminal.live_screen import LiveScreen


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Bench:
    """A live screen of 40 columns, and the lines of its view."""

    def __init__(self):
        self.view = ["one", "two", "three"]
        self.file = Terminal()
        console = Console(
            file=self.file, force_terminal=True, width=40, height=20, _environ={"TERM": "xterm"}
        )
        self.live = LiveScreen(console, lambda: Text("\n".join(self.view)))

    @property
    def shown(self):
        screen = Screen(40, 20)
        screen.feed(self.file.getvalue())
        return screen.lines


@pytest.fixture
def bench(monkeypatch):
    made = Bench()
    monkeypatch.setattr("lorr_bench.terminal.live_screen.SECONDS", 3600)  # drawn only when a test says so
    made.live.start()
    made.live.refresh()
    yield made
    made.live.stop(stays=True)


def test_the_view_stays_or_is_wiped_away():
    for stays, shown in ((True, ["above", "one", "two", "three"]), (False, ["above"])):
        made = Bench()
        made.live.start()
        made.live.refresh()
        made.live.print("above")
        made.live.stop(stays=stays)
        assert made.shown == shown


def test_a_line_is_printed_above_the_view(bench):
    bench.live.print("first")
    bench.live.print("second")
    assert bench.shown == ["first", "second", "one", "two", "three"]


class Drawing:
    """A line during whose making another thread draws a view that has become shorter."""

    def __init__(self, bench):
        self._bench = bench
        self.drawer = threading.Thread(target=bench.live.refresh)

    def __rich_console__(self, console, options):
        self._bench.view = ["one"]
        self.drawer.start()
        self.drawer.join(0.2)  # where it did not wait for its turn, it has drawn by now
        yield Text("second")


def test_a_view_that_becomes_shorter_while_a_line_is_printed_takes_no_line_with_it(bench):
    bench.live.print("first")
    line = Drawing(bench)
    bench.live.print(line)
    line.drawer.join()
    assert bench.shown == ["first", "second", "one"]


def test_what_is_written_to_the_console_s_own_stream_is_printed_line_by_line(monkeypatch):
    made = Bench()
    monkeypatch.setattr(sys, "stderr", made.file)
    made.live = LiveScreen(
        Console(stderr=True, force_terminal=True, width=40, height=20, _environ={"TERM": "xterm"}),
        lambda: Text("view"),
    )
    made.live.start()
    sys.stderr.write("a warning, ")
    begun = made.shown
    sys.stderr.write("whole\n")
    made.live.stop(stays=True)
    assert begun == []
    assert made.shown == ["a warning, whole", "view"]
    assert sys.stderr is made.file
