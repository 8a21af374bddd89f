"""Where a published run comes from, and what is said where a new one comes from elsewhere."""

from types import SimpleNamespace

import pytest

from lorr_bench.publish.origin import busy_seconds, origin_notes
from lorr_bench.store.record import Outcome, Record


def record(started, seconds):
    return Record("d", {}, Outcome(), {}, started, seconds, {})


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], 0),
        ([(0, 10)], 10),
        ([(0, 10), (10, 5)], 15),
        ([(0, 10), (5, 10)], 15),  # side by side for five
        ([(0, 10), (2, 3)], 10),  # one within the other
        ([(100, 5), (0, 10)], 15),  # a pause, and not in order
    ],
)
def test_busy_seconds_are_those_in_which_anything_ran(times, expected):
    assert busy_seconds([record(*time) for time in times]) == expected


PLAN = SimpleNamespace(stages=[SimpleNamespace(digest="a"), SimpleNamespace(digest="b")])
ORIGIN = {
    "versions": {"torch": "2.13.0", "trl": "1.16.0"},
    "machine": {"processor": "EPYC, 2 cores"},
    "stages": {"a": "train", "b": "answers"},
}
SAME = {"torch": "2.13.0", "trl": "1.16.0", "processor": "EPYC, 2 cores"}


def test_the_same_machine_and_versions_are_no_news():
    assert list(origin_notes(ORIGIN, PLAN, SAME)) == []


def test_another_machine_and_other_versions_are_said():
    versions = {**SAME, "torch": "2.14.0", "gpu": "H100"}
    assert list(origin_notes(ORIGIN, PLAN, versions)) == [
        "The machine differs: gpu none published, H100 here.",
        "Versions differ: torch 2.13.0 published, 2.14.0 here.",
    ]


def test_a_kind_of_processor_is_compared_where_it_was_published():
    versions = {**SAME, "processor kind": "family 25, model 1, avx2"}
    assert list(origin_notes(ORIGIN, PLAN, versions)) == []
    machine = {**ORIGIN["machine"], "processor kind": "family 25, model 17, avx512f"}
    assert list(origin_notes({**ORIGIN, "machine": machine}, PLAN, versions)) == [
        "The machine differs: processor kind family 25, model 17, avx512f published, "
        "family 25, model 1, avx2 here."
    ]


def test_stages_that_are_other_work_are_counted():
    (note,) = origin_notes({**ORIGIN, "stages": {"a": "train"}}, PLAN, SAME)
    assert note.startswith("1 of 2 stages are not the published work")


@pytest.mark.slow
def test_the_origin_of_a_run(finished, published):
    origin = published.origin
    assert (origin["format"], origin["suite"], origin["description"]) == (1, "sample", "a sample")
    assert origin["machine"].keys() >= {"processor", "system", "python"}
    assert origin["versions"].keys() >= {"lorr-bench", "torch", "math-verify"}
    assert origin["began"] <= origin["first_result"] <= origin["ended"]
    kinds = {stage.kind for stage in finished.plan.stages}
    assert origin["stage_seconds"].keys() == kinds
