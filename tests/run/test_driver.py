"""The driver with workers that only pretend."""

from typing import ClassVar

import pytest

from lorr_bench.plan.stage import LANES, Stage
from lorr_bench.run.driver import Driver
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store


class FakePlan:
    def __init__(self, *stages):
        self.stages = stages


class Watcher:
    def __init__(self):
        self.seen = []

    def begin(self, plan, waiting):
        self.seen.append(("begin", len(waiting)))

    def stage_begins(self, stage):
        self.seen.append(("begins", stage.label))

    def stage_advances(self, stage, done, total):
        self.seen.append(("advances", stage.label, done, total))

    def stage_ends(self, stage, seconds):
        self.seen.append(("ends", stage.label))

    def stage_fails(self, stage, reason):
        self.seen.append(("fails", stage.label, reason))

    def finish(self):
        self.seen.append(("finish",))


class FakeWorker:
    """Answers at once; ``answers`` maps a label to what comes instead of success."""

    answers: ClassVar[dict[str, list]] = {}
    sent: ClassVar[list] = []

    def __init__(self, lane, log, inbox):
        self.lane, self.inbox, self.stage = lane, inbox, None

    def send(self, stage, inputs, store):
        self.stage = stage
        FakeWorker.sent.append(
            (self.lane, stage.label, {role: needed.label for role, needed in inputs.items()})
        )
        for answer in self.answers.get(stage.label, [{"done": stage.digest, "seconds": 1.5}]):
            self.inbox.put((self.lane, answer))

    def exit_reason(self):
        return "its process was killed"

    def stop(self):
        pass


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeWorker, "sent", [])

    def run_stages(*stages, answers=None):
        monkeypatch.setattr(FakeWorker, "answers", answers or {})
        watcher = Watcher()
        driver = Driver(FakePlan(*stages), Store(tmp_path / "store"), tmp_path, watcher, FakeWorker)
        return driver.run(), watcher.seen

    return run_stages


COLLECT = Stage("collect", "collect", {"seed": 0})
TRAIN = Stage("train", "train", {"seed": 0}, {"pairs": COLLECT.digest})
OTHER = Stage("train", "other", {"seed": 1}, {"pairs": COLLECT.digest})
MEASURE = Stage("answer_math", "measure", {}, {"model": TRAIN.digest})
FAILURE = [{"failed": "x", "what": "it broke", "where": "here", "fix": "Mend it."}]


def test_stages_run_in_their_lanes_with_their_inputs(run):
    state, _ = run(COLLECT, TRAIN, MEASURE)
    assert FakeWorker.sent == [
        ("engine", "collect", {}),
        ("train", "train", {"pairs": "collect"}),
        ("engine", "measure", {"model": "train"}),
    ]
    assert state.ran == {stage.digest: 1.5 for stage in (COLLECT, TRAIN, MEASURE)}
    assert state.failed == {}


def test_every_kind_has_a_lane_and_a_function():
    from lorr_bench.run.worker import STAGES

    assert set(STAGES) == set(LANES)


def test_done_work_is_not_sent_again(run, tmp_path):
    with Store(tmp_path / "store").writing(COLLECT) as draft:
        draft.commit(Outcome())
    state, seen = run(COLLECT, TRAIN)
    assert [label for _, label, _ in FakeWorker.sent] == ["train"]
    assert state.reused == 1
    assert seen[0] == ("begin", 1)


def test_a_failure_stops_what_needs_it_and_nothing_else(run):
    state, seen = run(COLLECT, TRAIN, OTHER, MEASURE, answers={"train": FAILURE})
    assert state.failed == {
        TRAIN.digest: "here: it broke. Mend it.",
        MEASURE.digest: "`train` failed",
    }
    assert OTHER.digest in state.ran
    assert ("fails", "measure", "`train` failed") in seen


def test_a_dead_worker_fails_its_stage_and_the_lane_goes_on(run):
    state, _ = run(COLLECT, TRAIN, OTHER, answers={"train": [None]})
    assert state.failed == {TRAIN.digest: "its process was killed; see the log"}
    assert OTHER.digest in state.ran


def test_progress_is_passed_on(run):
    _, seen = run(
        COLLECT, answers={"collect": [{"progress": COLLECT.digest, "of": [1, 4]}, {"done": "", "seconds": 2}]}
    )
    assert ("advances", "collect", 1, 4) in seen


def test_an_empty_plan_ends_at_once(run):
    state, seen = run()
    assert state.ran == {}
    assert seen == [("begin", 0), ("finish",)]
