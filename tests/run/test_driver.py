"""The driver with an executor that only pretends."""

from collections import deque
from dataclasses import replace

import pytest
from stage_samples import sample

from lorr_bench.events import (
    Advanced,
    Busy,
    Dropped,
    Ended,
    Entered,
    Failed,
    GivenUp,
    InPassing,
    Noted,
    Postponed,
    RunBegan,
    RunEnded,
    Spoiled,
    tell_all,
)
from lorr_bench.run import driver as driver_module
from lorr_bench.run.driver import Driver, Scope
from lorr_bench.run.state import STATE_FILE, Journal
from lorr_bench.spec.execution import ExecutionSpec
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

COLLECT = sample("collect", "collect", seed=0)
TRAIN = sample("train", "train", seed=0, inputs={"pairs": COLLECT.digest})
OTHER = sample("train", "other", seed=1, inputs={"pairs": COLLECT.digest})
MEASURE = sample("answer_math", "measure", inputs={"model": TRAIN.digest})
BROKEN = Failed("", "here: it broke. Mend it.", lasting=True)
DIED = Failed("", "its process was killed")
NO_WAIT = ExecutionSpec(retry_delay_seconds=0)


class FakePlan:
    def __init__(self, *stages):
        self.stages = stages


class FakeExecutor:
    """Two slots a pool; ``script`` maps a label to the events of its attempts, success when they are used up."""

    def __init__(self, script, store):
        self.script = {label: deque(attempts) for label, attempts in script.items()}
        self.store = store
        self.sent = []
        self.ended = []
        self.stopped = 0
        self.busy = {}
        self.events = deque()

    def takes(self, stage):
        return sum(pool == stage.pool for pool in self.busy.values()) < 2

    def begin(self, order):
        stage = order.stage
        self.sent.append((stage.label, {role: needed.label for role, needed in order.inputs.items()}))
        self.busy[stage.digest] = stage.pool
        attempts = self.script.get(stage.label)
        events = attempts.popleft() if attempts else [Ended(stage.digest, 1.5, 30)]
        for event in events:
            if isinstance(event, Ended):
                with self.store.writing(stage) as draft:
                    draft.commit(Outcome())
            self.events.append(event if isinstance(event, Noted) else replace(event, digest=stage.digest))
        return f"{stage.pool} 1"

    def end(self, stage, reason):
        self.ended.append((stage.label, reason))
        self.events.append(Failed(stage.digest, reason))

    def next_event(self, timeout_seconds):
        event = self.events.popleft() if self.events else None
        if event is not None and not isinstance(event, InPassing):
            del self.busy[event.digest]
        return event

    def stop(self):
        self.stopped += 1


class World:
    def __init__(self, folder):
        self.folder = folder
        self.store = Store(folder / "store")
        self.executor = None
        self.journal = None

    def run(self, *stages, script=None, execution=NO_WAIT, watcher=lambda _: None, **others):
        """State and events of a run."""
        seen = []
        self.executor = FakeExecutor(script or {}, self.store)
        self.journal = Journal(self.folder / STATE_FILE)
        driver = Driver(
            FakePlan(*stages),
            self.store,
            self.executor,
            watcher=tell_all(seen.append, watcher),
            journal=self.journal,
            logs=self.folder / "logs",
            execution=execution,
            **others,
        )
        return driver.run(), seen

    @property
    def sent(self):
        return [label for label, _ in self.executor.sent]

    def keep(self, stage):
        with self.store.writing(stage) as draft:
            draft.commit(Outcome())


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_stages_run_with_their_inputs_when_these_are_there(world):
    state, _ = world.run(COLLECT, TRAIN, MEASURE)
    assert world.executor.sent == [
        ("collect", {}),
        ("train", {"pairs": "collect"}),
        ("measure", {"model": "train"}),
    ]
    assert state.ran == dict.fromkeys((COLLECT.digest, TRAIN.digest, MEASURE.digest), 1.5)
    assert state.failed == {}


def test_done_work_is_not_sent_again(world):
    world.keep(COLLECT)
    state, seen = world.run(COLLECT, TRAIN)
    assert world.sent == ["train"]
    assert state.reused == 1
    assert (seen[0].waiting, seen[0].others) == ((TRAIN,), ())


def test_a_failure_stops_what_needs_it_and_nothing_else(world):
    state, seen = world.run(COLLECT, TRAIN, OTHER, MEASURE, script={"train": [[BROKEN]]})
    assert state.failed == {
        TRAIN.digest: "here: it broke. Mend it.",
        MEASURE.digest: "`train` failed",
    }
    assert OTHER.digest in state.ran
    assert Dropped((MEASURE.digest,), "`train` failed") in seen


def given_up(seen):
    return [(event.lasting, event.used_up) for event in seen if isinstance(event, GivenUp)]


def test_who_watches_learns_whether_another_attempt_can_help(world):
    """Three attempts: one that explains itself lasts; three that died, and what has died before, used them up."""
    _, seen = world.run(COLLECT, script={"collect": [[BROKEN]]})
    assert given_up(seen) == [(True, False)]
    world.keep(COLLECT)
    _, seen = world.run(COLLECT, OTHER, script={"other": [[DIED]] * 3})
    assert given_up(seen) == [(False, True)]
    _, seen = world.run(COLLECT, OTHER)
    assert given_up(seen) == [(False, True)]


def test_what_a_stage_enters_is_told(world):
    entered = Entered("", "engine_start")
    _, seen = world.run(COLLECT, script={"collect": [[entered, Ended("", 2.0, 30)]]})
    assert Entered(COLLECT.digest, "engine_start") in seen


def test_an_explained_failure_is_not_tried_again_at_once(world):
    world.run(COLLECT, script={"collect": [[BROKEN]]})
    assert world.sent == ["collect"]


def test_a_dead_worker_s_stage_is_tried_again(world):
    state, seen = world.run(COLLECT, TRAIN, script={"collect": [[DIED], [DIED]]})
    assert world.sent == ["collect", "collect", "collect", "train"]
    assert state.retried == 2
    assert state.failed == {}
    assert Postponed(COLLECT.digest, "its process was killed", 0.0) in seen


def test_attempts_are_limited(world):
    state, _ = world.run(
        COLLECT, script={"collect": [[DIED]] * 5}, execution=ExecutionSpec(attempts=2, retry_delay_seconds=0)
    )
    assert world.sent == ["collect", "collect"]
    assert state.failed == {COLLECT.digest: "its process was killed"}


def test_attempts_are_counted_over_runs_and_can_be_forgiven(world):
    for _ in range(3):
        world.run(COLLECT, TRAIN, script={"collect": [[BROKEN]]})
    state, _ = world.run(COLLECT, TRAIN)
    assert world.sent == []
    assert "failed 3 times; --retry-failed tries again" in state.failed[COLLECT.digest]
    assert state.failed[TRAIN.digest] == "`collect` failed"
    world.journal.forget_failures()
    world.journal.save()
    state, _ = world.run(COLLECT, TRAIN)
    assert state.failed == {}


def test_success_ends_the_count_of_attempts(world):
    world.run(COLLECT, script={"collect": [[DIED]]})
    assert world.journal.attempts(COLLECT.digest) == 0


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 5.0), (2, 10.0), (3, 20.0), (6, 160.0), (7, 300.0), (2000, 300.0)]
)
def test_the_wait_doubles_up_to_five_minutes(attempts, seconds):
    assert ExecutionSpec().retry_delay(attempts) == seconds


def test_fail_fast_ends_the_run_at_the_first_failure(world):
    state, _ = world.run(COLLECT, TRAIN, script={"collect": [[BROKEN]]}, scope=Scope(fail_fast=True))
    assert state.halted == "collect: here: it broke. Mend it."
    assert world.executor.stopped == 1


def test_a_full_disk_ends_the_run_and_is_no_attempt(world):
    full = Failed("", "the disk is full", disk_full=True)
    state, _ = world.run(COLLECT, OTHER, TRAIN, script={"collect": [[full]]})
    assert state.disk_full
    assert state.halted == "the disk is full"
    assert world.sent == ["collect"]
    assert world.journal.attempts(COLLECT.digest) == 0


def test_only_what_is_wanted_runs_with_what_it_needs(world):
    _, seen = world.run(COLLECT, TRAIN, OTHER, MEASURE, scope=Scope(only=frozenset({MEASURE.digest})))
    assert world.sent == ["collect", "train", "measure"]
    assert (seen[0].waiting, seen[0].others) == ((COLLECT, TRAIN, MEASURE), (OTHER,))


def test_other_pools_are_left_out_and_what_needs_them_is_no_failure(world):
    state, _ = world.run(COLLECT, TRAIN, MEASURE, scope=Scope(pools=("train",)))
    assert world.sent == []
    assert state.failed == {}


def test_work_whose_files_were_freed_is_done_again_only_where_it_is_read(world, monkeypatch):
    world.keep(COLLECT)
    world.keep(TRAIN)
    whole = Store.whole
    monkeypatch.setattr(Store, "whole", lambda self, stage: stage != TRAIN and whole(self, stage))
    world.run(COLLECT, TRAIN, MEASURE)
    assert world.sent == ["train", "measure"]
    world.run(COLLECT, TRAIN, MEASURE)
    assert world.sent == []


def test_a_spoiled_input_is_made_again(world):
    world.keep(COLLECT)
    state, seen = world.run(COLLECT, TRAIN, script={"train": [[Spoiled("", COLLECT.digest)]]})
    assert world.sent == ["train", "collect", "train"]
    assert state.failed == {}
    assert Noted("the result of `collect` is gone or damaged; it is made again") in seen


def test_a_disk_that_spoils_for_ever_uses_up_the_attempts(world):
    world.keep(COLLECT)
    spoiled = [[Spoiled("", COLLECT.digest)]] * 9
    state, _ = world.run(COLLECT, TRAIN, script={"train": spoiled})
    assert world.sent.count("train") == 3
    assert "gone or damaged" in state.failed[TRAIN.digest]


def test_an_input_that_fails_when_it_is_made_again_fails_its_reader(world):
    world.keep(COLLECT)
    script = {"train": [[Spoiled("", COLLECT.digest)]], "collect": [[BROKEN]]}
    state, _ = world.run(COLLECT, TRAIN, script=script)
    assert state.failed == {COLLECT.digest: "here: it broke. Mend it.", TRAIN.digest: "`collect` failed"}


def test_a_stage_that_another_run_works_on_waits_and_is_no_failure(world, monkeypatch):
    monkeypatch.setattr(driver_module, "BUSY_DELAY_SECONDS", 0.0)
    state, seen = world.run(COLLECT, script={"collect": [[Busy("", "held by process 7 on node")]]})
    assert world.sent == ["collect", "collect"]
    assert state.failed == {}
    assert Postponed(COLLECT.digest, "waiting: held by process 7 on node", 0.0) in seen


def test_what_another_run_has_done_meanwhile_is_taken(world, monkeypatch):
    monkeypatch.setattr(driver_module, "BUSY_DELAY_SECONDS", 0.0)

    def done_elsewhere(event):
        if isinstance(event, Postponed):
            world.keep(COLLECT)

    state, _ = world.run(COLLECT, TRAIN, script={"collect": [[Busy("", "held")]]}, watcher=done_elsewhere)
    assert world.sent == ["collect", "train"]
    assert state.failed == {}


def test_a_stage_over_its_time_is_ended_and_tried_again(world):
    execution = ExecutionSpec(stage_timeout_minutes=1e-9, retry_delay_seconds=0, attempts=2)
    state, _ = world.run(COLLECT, script={"collect": [[], []]}, execution=execution)
    assert [label for label, _ in world.executor.ended] == ["collect", "collect"]
    assert "took longer than 1e-09 minutes" in state.failed[COLLECT.digest]


def test_progress_and_notes_are_passed_on(world):
    events = [Advanced("", 1, 4, 100), Noted("look here"), Ended("", 2.0, 30)]
    _, seen = world.run(COLLECT, script={"collect": [events]})
    assert Advanced(COLLECT.digest, 1, 4, 100) in seen
    assert Noted("look here") in seen
    assert Ended(COLLECT.digest, 2.0, 30) in seen


def test_finished_work_is_told_once(world):
    told = []
    world.run(COLLECT, on_finished=lambda finished: told.append(set(finished)))
    assert told == [set(), {COLLECT.digest}]
    told.clear()
    world.run(COLLECT, TRAIN, on_finished=lambda finished: told.append(set(finished)))
    assert told == [{COLLECT.digest}, {TRAIN.digest}]


def test_a_guard_ends_the_run_and_its_workers(world):
    def guard():
        raise InterruptedError("taken over")

    seen = []
    with pytest.raises(InterruptedError, match="taken over"):
        world.run(COLLECT, check=guard, watcher=seen.append)
    assert world.executor.stopped == 1
    assert seen[-1] == RunEnded(interrupted=True)


def test_an_empty_plan_ends_at_once(world):
    state, seen = world.run()
    assert state.ran == {}
    assert [type(event) for event in seen] == [RunBegan, RunEnded]
    assert seen[-1] == RunEnded(interrupted=False)
