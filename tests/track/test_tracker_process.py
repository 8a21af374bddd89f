"""The process of the trackers: nothing twice, and no failure that spreads."""

import io
import json

import pytest

from lorr_bench.track import process
from lorr_bench.track.history import TrackedRun
from lorr_bench.track.process import Logbook, Recorder, main, read_logged

RUN = TrackedRun("run1", "dpo, seed 0", "nano", {"seed": 0})
ROWS = {"train": [(2, {"loss": 0.5}), (4, {"loss": 0.25})], "score": [(4, {"score/easy": 1.0})]}


class Memory:
    """A tracker that remembers."""

    def __init__(self):
        self.calls = []

    def open(self, run):
        self.calls.append(("open", run.id))

    def log(self, step, values):
        self.calls.append((step, dict(values)))

    def close(self):
        self.calls.append("close")


class Broken(Memory):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def log(self, step, values):
        raise self.error


@pytest.fixture
def file(tmp_path):
    return tmp_path / "trackers" / "memory.json"


@pytest.fixture
def recorder(file):
    """A recorder of a tracker."""

    def make(tracker, say=lambda _: None):
        return Recorder("memory", lambda: tracker, Logbook(file), say)

    return make


def test_a_run_is_opened_filled_and_closed(recorder):
    memory = Memory()
    recorder(memory).log(RUN, ROWS)
    assert memory.calls == [
        ("open", "run1"),
        (2, {"loss": 0.5}),
        (4, {"loss": 0.25}),
        (4, {"score/easy": 1.0}),
        "close",
    ]


def test_a_chapter_without_values_counts_as_logged(recorder):
    memory = Memory()
    recorder(memory).log(RUN, {"score": [(4, {})]})
    recorder(memory).log(RUN, {"score": [(4, {})]})
    assert memory.calls == [("open", "run1"), "close"]


def test_nothing_is_logged_twice_even_by_another_process(recorder):
    first, second = Memory(), Memory()
    recorder(first).log(RUN, {"train": ROWS["train"]})
    again = recorder(second)
    again.log(RUN, ROWS)
    again.log(RUN, ROWS)
    assert second.calls == [("open", "run1"), (4, {"score/easy": 1.0}), "close"]


def test_a_tracker_that_fails_is_said_once_and_off(recorder, file):
    said, broken = [], Broken(OSError("no network\x1b"))
    both = recorder(broken, said.append)
    both.log(RUN, ROWS)
    both.log(TrackedRun("run2", "", "", {}), ROWS)
    assert broken.calls == [("open", "run1")]
    assert said == ["memory failed and is off; the next run logs what it lacks. OSError: no network⟨U+001B⟩"]
    assert not file.exists()


def test_what_a_failure_says_holds_no_secret(recorder):
    said = []
    recorder(Broken(OSError("https://me:hunter22@host/api")), said.append).log(RUN, ROWS)
    assert "hunter22" not in said[0]


def test_a_tracker_that_cannot_be_set_up_is_off(file):
    def refuse():
        raise RuntimeError("not today")

    said = []
    Recorder("memory", refuse, Logbook(file), said.append).log(RUN, ROWS)
    assert said[0].endswith("RuntimeError: not today")


def test_a_logbook_that_cannot_be_written_turns_the_tracker_off(recorder, file):
    file.parent.write_text("in the way")
    said = []
    recorder(Memory(), said.append).log(RUN, ROWS)
    assert len(said) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", "\xff"])
def test_a_damaged_logbook_counts_as_empty(tmp_path, content):
    (tmp_path / "memory.json").write_text(content, "latin-1")
    assert read_logged(tmp_path / "memory.json") == {}


def test_the_process_reads_models_and_says_sentences(tmp_path, monkeypatch):
    memory = Memory()

    def make(output, say):
        say(f"kept\nin {output.name}")
        return memory

    monkeypatch.setattr(process, "TRACKERS", {"memory": make})
    sections = [{"key": key, "rows": rows} for key, rows in ROWS.items()]
    order = {"run": {"id": "run1", "name": "", "group": "", "config": {}}, "sections": sections}
    answers = io.StringIO()
    main(tmp_path, "memory", io.StringIO(f"{json.dumps(order)}\n{json.dumps(order)}\n"), answers)
    assert len(memory.calls) == 5
    assert answers.getvalue() == f"kept in {tmp_path.name}\n"
