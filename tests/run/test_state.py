"""The journal of a run."""

import pytest
from stage_samples import sample

from lorr_bench.run.state import Failure, Journal, known_failures


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state.json"


def test_what_was_said_is_read_again(file, tmp_path):
    journal = Journal(file)
    journal.begins("a", "train 1")
    journal.ends("b", 2.5)
    assert journal.fails("c", "it broke", tmp_path / "c.log") == 1
    again = Journal(file)
    assert again.running == {"a": "train 1"}
    assert again.seconds == {"b": 2.5}
    assert again.failures == {"c": Failure(1, "it broke", str(tmp_path / "c.log"))}


def test_a_journal_of_an_earlier_version_is_read(file):
    file.write_text(
        '{"seconds": {"a": 2.5}, "running": {"b": "train 1"},'
        ' "troubles": {"c": {"attempts": 2, "reason": "it broke", "log": "c.log"}}}',
        "utf-8",
    )
    journal = Journal(file)
    assert (journal.seconds, journal.running) == ({"a": 2.5}, {"b": "train 1"})
    assert journal.failures == {"c": Failure(2, "it broke", "c.log")}


def test_a_failure_is_in_the_file_at_once(file, tmp_path):
    journal = Journal(file, clock=lambda: 0.0)
    journal.begins("a", "train 1")
    journal.fails("a", "it broke", tmp_path)
    assert Journal(file).attempts("a") == 1


def test_other_things_are_written_once_a_second(file):
    now = [0.0]
    journal = Journal(file, clock=lambda: now[0])
    journal.begins("a", "train 1")
    journal.ends("a", 1.0)
    assert Journal(file).seconds == {}
    now[0] = 1.0
    journal.ends("b", 1.0)
    assert Journal(file).seconds == {"a": 1.0, "b": 1.0}


def test_a_large_file_is_written_more_rarely(file):
    times = iter([0.0, 0.0, 0.5, 24.9, 25.0, 25.0, 25.0])  # the first write takes half a second
    journal = Journal(file, clock=lambda: next(times))
    journal.ends("a", 1.0)
    journal.ends("b", 1.0)
    assert Journal(file).seconds == {"a": 1.0}
    journal.ends("c", 1.0)
    assert Journal(file).seconds == {"a": 1.0, "b": 1.0, "c": 1.0}


def test_nothing_runs_when_it_is_over(file):
    journal = Journal(file)
    journal.begins("a", "train 1")
    journal.run_ends()
    assert Journal(file).running == {}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"seconds": []}',
        '{"seconds": {}, "running": {}, "troubles": {"a": {"x": 1}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_journal_counts_as_empty(file, content):
    file.write_text(content, "utf-8")
    journal = Journal(file)
    assert (journal.seconds, journal.running, journal.failures) == ({}, {}, {})


def test_failures_reach_what_is_behind_them(tmp_path):
    collect = sample("collect", "collect, seed 0")
    train = sample("train", "train dpo", inputs={"pairs": collect.digest})
    grade = sample("grade_math", "grade dpo", inputs={"answers": train.digest})
    other = sample("collect", "collect, seed 1", seed=1)
    journal = Journal(tmp_path / "state.json")
    journal.fails(collect.digest, "no prompts", tmp_path)
    assert known_failures([collect, train, grade, other], journal) == {
        collect.digest: "no prompts",
        train.digest: "`collect, seed 0` failed",
        grade.digest: "`train dpo` failed",
    }
