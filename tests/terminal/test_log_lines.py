"""LogLines of a log, on a clock that the tests turn."""

import pytest

from lorr_bench.terminal.log_lines import LogLines


class Timer:
    """Stands for ``threading.Timer``; goes off when it is told to."""

    def __init__(self, seconds, action):
        self.seconds, self.action, self.cancelled = seconds, action, False

    def start(self):
        pass

    def cancel(self):
        self.cancelled = True


class Bench:
    def __init__(self):
        self.now, self.written, self.timers = 0.0, [], []
        self.lines = LogLines(self.written.append, lambda: self.now, self.make_timer)

    def make_timer(self, seconds, action):
        self.timers.append(Timer(seconds, action))
        return self.timers[-1]


@pytest.fixture
def bench():
    return Bench()


def test_seldom_lines_are_written_at_once(bench):
    for second in range(3):
        bench.now = 1.0 * second
        bench.lines.write_latest(f"stage {second}", ".")
    assert bench.written == ["stage 0.", "stage 1.", "stage 2."]


def test_of_many_in_a_second_the_last_stands_with_a_count(bench):
    for number in range(39):
        bench.lines.write_latest(f"stage {number}", f", {38 - number} left")
    bench.now = 1.0
    bench.lines.write_latest("stage 39", ", 0 left")
    assert bench.written == ["stage 0, 38 left", "stage 39, and 38 more, 0 left"]


def test_a_held_line_is_written_when_nothing_else_happens(bench):
    bench.lines.write_latest("first")
    bench.now = 0.25
    bench.lines.write_latest("second")
    bench.lines.write_latest("third")
    assert [timer.seconds for timer in bench.timers] == [0.75]
    bench.timers[0].action()
    assert bench.written == ["first", "third, and 1 more"]


def test_what_matters_is_written_at_once_after_what_was_held(bench):
    bench.lines.write_latest("first")
    bench.lines.write_latest("second")
    bench.lines.write("failed")
    bench.lines.write("failed too")
    assert bench.written == ["first", "second", "failed", "failed too"]
    assert bench.timers[0].cancelled


def test_nothing_held_is_nothing_to_flush(bench):
    bench.lines.flush()
    assert bench.written == []
