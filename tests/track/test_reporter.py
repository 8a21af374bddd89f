"""When trackers are told what, through a real process that writes down what it is sent."""

import json
import sys
from types import SimpleNamespace

import pytest
from stage_samples import numbered, sample

from lorr_bench.errors import MissingPackageError
from lorr_bench.events import Dropped, Ended, GivenUp, RunBegan, RunEnded
from lorr_bench.plan.measurements import Evaluation
from lorr_bench.spec.execution import ExecutionSpec
from lorr_bench.store.record import Outcome, Record
from lorr_bench.track.reporter import Reporter, make_trackers
from lorr_bench.values import Point

POINTS = [Point("dpo+plain", 4, 0), Point("dpo+lorr", 4, 0)]
WRITES_DOWN = "import sys; open(sys.argv[1] + '/sent', 'a').writelines(sys.stdin); print('all is well')"
HANGS = "import time; time.sleep(600)"
DIES = "import sys; sys.exit('no')"


TRAININGS = [sample("train", "train plain", seed=0), sample("train", "train lorr", seed=1)]
GRADES = [
    [numbered("grade_math", 0, "easy plain"), numbered("grade_math", 1, "hard plain")],
    [numbered("grade_math", 2, "easy lorr"), numbered("grade_math", 3, "hard lorr")],
]
STAGES = [*TRAININGS, *GRADES[0], *GRADES[1]]
PLAN = SimpleNamespace(
    suite=SimpleNamespace(name="nano"),
    arms=[
        SimpleNamespace(
            name=f"dpo+{plugin}",
            method="dpo",
            plugin=plugin,
            adapter_name="trl.dpo",
            replays=1,
            rounds=1,
            rollout_ratio=0.0,
            label_noise=0.0,
            priming=None,
        )
        for plugin in ("plain", "lorr")
    ],
    stages=STAGES,
    training=dict(zip(POINTS, [stage.digest for stage in TRAININGS], strict=True)),
    evaluations=[
        Evaluation(point, name, "math", stage.digest, "answers")
        for point, grades in zip(POINTS, GRADES, strict=True)
        for name, stage in zip(("easy", "hard"), grades, strict=True)
    ],
    start_model="m",
)


def record(stage):
    metrics = {"greedy": 0.5} if stage.kind == "grade_math" else {"counted": {"optimizer_steps": 2}}
    return Record(stage.digest, {}, Outcome(metrics=metrics, spend={"optimizer_steps": 2}), {}, 0.0, 1.0, {})


class Shelf:
    """A store that has every result, and notes what is read."""

    def __init__(self):
        self.reads = []

    def read(self, stage):
        self.reads.append(stage.label)
        return record(stage)


class Bench:
    def __init__(self, folder, program=WRITES_DOWN, flush_seconds=60.0):
        self.folder, self.notes, self.shelf = folder, [], Shelf()
        command = (sys.executable, "-c", program)
        self.reporter = Reporter(
            "tensorboard",
            folder,
            self.shelf,
            self.notes.append,
            command=command,
            flush_seconds=flush_seconds,
        )

    def begin(self, waiting=STAGES):
        self.reporter.watch(RunBegan(PLAN, tuple(waiting)))

    def end(self, *stages):
        for stage in stages:
            self.reporter.watch(Ended(stage.digest, 1.0, 0))

    def finish(self, **how):
        self.reporter.watch(RunEnded(**how))

    def sent(self):
        """Arm and number of sections of each model that was sent."""
        self.finish()
        orders = [json.loads(line) for line in (self.folder / "sent").read_text().splitlines()]
        return [(order["run"]["config"]["arm"], len(order["sections"])) for order in orders]


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_training_is_told_when_it_ends(bench):
    bench.begin()
    bench.end(TRAININGS[1])
    assert bench.sent() == [("dpo+lorr", 1)]


def test_scores_are_told_together_when_the_last_is_there(bench):
    bench.begin(GRADES[0] + STAGES[4:])
    bench.end(*GRADES[0])
    bench.end(GRADES[1][0])
    sent = bench.sent()
    assert sorted(sent[:2]) == [("dpo+lorr", 1), ("dpo+plain", 1)]  # what was done before
    assert sent[2:] == [("dpo+plain", 3), ("dpo+lorr", 2)]  # the second at the end of the run


@pytest.mark.parametrize("make", [GivenUp, lambda digest, reason: Dropped((digest,), reason)])
def test_an_evaluation_that_will_not_come_is_not_waited_for(bench, make):
    bench.begin([*GRADES[0], *GRADES[1]])
    bench.end(GRADES[0][0])
    bench.reporter.watch(make(GRADES[0][1].digest, "it broke"))
    bench.end(GRADES[1][0])
    assert bench.sent()[-2:] == [("dpo+plain", 2), ("dpo+lorr", 2)]  # the second at the end of the run


@pytest.mark.slow
def test_what_the_trackers_have_is_not_read_again(bench):
    bench.begin([])
    bench.sent()
    run_ids = [json.loads(line)["run"]["id"] for line in (bench.folder / "sent").read_text().splitlines()]
    sections = [json.loads(line)["sections"] for line in (bench.folder / "sent").read_text().splitlines()]
    logged = {name: [one["key"] for one in found] for name, found in zip(run_ids, sections, strict=True)}
    (bench.folder / "trackers").mkdir()
    (bench.folder / "trackers" / "tensorboard.json").write_text(json.dumps(logged))
    second = Bench(bench.folder)
    second.begin([])
    second.finish()
    assert second.shelf.reads == []


@pytest.mark.slow
def test_a_second_run_of_the_same_reporter_starts_anew(bench):
    bench.begin(STAGES)
    bench.end(TRAININGS[0])
    bench.finish()
    bench.begin(STAGES[1:])
    assert bench.sent() == [("dpo+plain", 1), ("dpo+plain", 1)]


def test_what_the_process_says_is_passed_on(bench):
    bench.begin([])
    bench.finish()
    assert bench.notes == ["all is well"]


def test_a_result_that_cannot_be_read_is_said(bench):
    bench.shelf.read = lambda stage: 1 / 0
    bench.begin([])
    bench.finish()
    assert "tensorboard is told nothing more in this run. ZeroDivisionError: division by zero" in bench.notes


def test_a_process_that_hangs_is_ended_and_said(tmp_path):
    bench = Bench(tmp_path, HANGS, flush_seconds=0.1)
    bench.begin([])
    bench.finish()
    assert bench.notes == ["tensorboard did not keep up; the next run logs what it lacks"]


def test_an_interrupted_run_does_not_wait_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr("lorr_bench.track.reporter.INTERRUPTED_FLUSH_SECONDS", 0.1)
    bench = Bench(tmp_path, HANGS, flush_seconds=600.0)
    bench.begin([])
    bench.finish(interrupted=True)
    assert len(bench.notes) == 1


def test_a_process_that_dies_is_said_with_its_log(tmp_path):
    bench = Bench(tmp_path, DIES)
    bench.begin([])
    bench.finish()
    log = tmp_path / "logs" / "trackers" / "tensorboard.log"
    assert bench.notes == [f"the process of a tracker failed; {log} holds what it printed"]
    assert log.read_text() == "no\n"


def test_the_end_of_a_run_that_never_began_is_no_matter(bench):
    bench.finish()
    assert bench.notes == []


def suite(*names):
    return SimpleNamespace(execution=ExecutionSpec(report_to=names))


def test_each_tracker_has_a_reporter_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: "found")
    assert make_trackers(suite(), tmp_path, Shelf(), print) == ()
    assert len(make_trackers(suite("wandb", "trackio", "wandb"), tmp_path, Shelf(), print)) == 2


def test_a_tracker_that_is_not_installed_is_said_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="trackio is not installed") as caught:
        make_trackers(suite("trackio"), tmp_path, Shelf(), print)
    assert caught.value.fix == "Install it: pip install trackio"
