"""Run and report, with an executor and a report that only pretend."""

import json
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from finished_suite import finish
from huggingface_hub import constants

from lorr_bench.errors import HeldError, ModelError, StoreError, SuiteError
from lorr_bench.events import Ended, Failed, Noted, Planned, RunBegan
from lorr_bench.plan.plan import make_plan
from lorr_bench.report import write
from lorr_bench.run import suite_run
from lorr_bench.run.local import LocalExecutor
from lorr_bench.run.suite_run import EVERYTHING, LOCK_FILE, Places, RunOptions, make_executor, run_suite
from lorr_bench.spec.load import load_suite
from lorr_bench.store.lock import Lock
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"


class Pretending:
    """Does every stage at once, unless ``failure`` has something for its kind."""

    def __init__(self, store):
        self.store = store
        self.begun = []
        self.failure = {}
        self.events = deque()
        self.gpus = None

    def draws_apart(self):
        assert self.gpus is not None, "asked where nothing is to be shared"
        return self.gpus

    def takes(self, stage):
        return True

    def begin(self, order):
        stage = order.stage
        self.begun.append(stage)
        if stage.kind in self.failure:
            self.events.append(Failed(stage.digest, **self.failure[stage.kind]))
            return "slot"
        with self.store.writing(stage) as draft:
            draft.commit(Outcome())
        self.events.append(Ended(stage.digest, 1.0, 0))
        return "slot"

    def next_event(self, timeout_seconds):
        return self.events.popleft() if self.events else None

    def stop(self):
        self.events.clear()


@pytest.fixture
def world(tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    executor = Pretending(store)
    monkeypatch.setattr(suite_run, "make_executor", lambda _: executor)
    monkeypatch.setattr(suite_run, "report_plan", lambda plan, store, output, failed: (output / "page", 0.1))
    places = Places(tmp_path / "out", str(store.root))

    def run(*overrides, options=EVERYTHING, watcher=lambda _: None, **clock):
        executor.begun.clear()
        return run_suite(load_suite(SMOKE, overrides), places, watcher, store, options, **clock)

    run.executor, run.store, run.places = executor, store, places
    return run


@pytest.mark.slow
def test_everything_runs_once(world):
    finished = world()
    assert len(finished.state.ran) == len(finished.plan.stages) == 25
    assert finished.page == world.places.output / "page"
    assert world().state.reused == 25
    assert world.executor.begun == []


@pytest.mark.slow
def test_the_store_is_looked_through_once_when_a_run_begins(world, monkeypatch):
    survey, looks = Store.survey, []
    monkeypatch.setattr(Store, "survey", lambda store, stages: looks.append(store) or survey(store, stages))
    world()
    assert looks == [world.store]


@pytest.mark.slow
def test_parts_run_before_what_they_belong_to_and_the_work_stays_the_same(world):
    world.executor.gpus = True
    finished = world("execution.parts=2")
    begun = [stage.digest for stage in world.executor.begun]
    cut = [stage for stage in world.executor.begun if stage.parts]
    assert {stage.kind for stage in cut} == {"collect", "answer_math"}
    assert len(begun) == len(finished.state.ran) == 25 + 2 * len(cut)
    assert all(begun.index(part) < begun.index(s.digest) for s in cut for part in s.parts)
    described = json.loads((world.places.output / "run.json").read_text("utf-8"))
    assert described["stage_seconds"]["part"] == 2 * len(cut)
    world.executor.gpus = None  # not asked where nothing is left to share
    assert world().state.reused == 25
    assert world("execution.parts=3").state.ran == {}


@pytest.mark.slow
def test_sampled_answers_are_not_shared_where_engines_draw_them_together(world):
    world.executor.gpus = False
    world("execution.parts=2")
    assert not any(stage.parts for stage in world.executor.begun)


@pytest.mark.slow
def test_a_seed_and_a_method_extend_the_suite(world):
    before = {stage.digest for stage in world().plan.stages}
    finished = world("seeds=[0, 1]", "methods.ipo={like: dpo}")
    ran = {stage.digest for stage in world.executor.begun}
    assert ran == {stage.digest for stage in finished.plan.stages} - before
    assert finished.state.reused == 25


@pytest.mark.slow
@pytest.mark.parametrize(("more", "told"), [((), 1), (("data.collect.extends=[80]",), 0)])
def test_a_run_that_asks_all_prompts_anew_says_how_to_keep_the_answers(world, more, told):
    only, said = RunOptions(only=("collect",)), []
    world(options=only)
    world("data.collect.num_prompts=90", *more, options=only, watcher=said.append)
    words = [event.text for event in said if isinstance(event, Noted)]
    assert sum("`extends: [80]` in data.collect keeps them" in text for text in words) == told
    assert [stage.parameters.num_prompts for stage in world.executor.begun] == [90]


@pytest.mark.slow
def test_grading_anew_leaves_a_report_alone_whose_models_are_no_longer_planned(world):
    """As after a change of the grader, where pairs are collected: then every trained model is another one."""
    only_grade = RunOptions(pools=("grade",))
    world()
    world("evaluation.grading.units=ignore", options=only_grade)
    assert {stage.kind for stage in world.executor.begun} == {"grade_math"}
    world()
    with pytest.raises(
        StoreError, match="the report has 8 evaluations of trained models; of those"
    ) as refused:
        world("data.collect.temperature=0.9", options=only_grade)
    assert refused.value.where == str(world.places.output / "report")
    assert world.executor.begun == []


@pytest.mark.slow
def test_one_run_at_a_time(world):
    with Lock(world.places.output / LOCK_FILE), pytest.raises(HeldError, match="process"):
        world()
    assert world().state.failed == {}


def test_a_run_that_was_taken_over_ends(world, monkeypatch):
    monkeypatch.setattr(Lock, "__enter__", lambda self: setattr(self, "lost", True) or self)
    with pytest.raises(StoreError, match="another run took this suite over"):
        world()


def test_a_full_disk_ends_the_run_without_a_report(world):
    world.executor.failure = {"train": {"reason": "the disk is full", "lasting": False, "disk_full": True}}
    finished = world()
    assert finished.page is None
    assert finished.state.disk_full


@pytest.mark.slow
def test_attempts_that_are_used_up_are_given_anew_on_demand(world):
    world.executor.failure = {"train": {"reason": "no", "lasting": True, "disk_full": False}}
    for _ in range(3):
        world()
    world.executor.failure = {}
    assert world().state.ran == {}
    finished = world(options=RunOptions(retry_failed=True))
    assert finished.state.failed == {}


def test_only_some_of_it(world):
    world(options=RunOptions(only=("dpo+plain",)))
    labels = [stage.label for stage in world.executor.begun]
    assert any("dpo+plain" in label for label in labels)
    assert not any("dpo+lorr" in label for label in labels)


def test_options_that_name_nothing_are_refused_before_anything_is_written(world):
    with pytest.raises(SuiteError, match="nothing is called 'kto'"):
        world(options=RunOptions(only=("kto",)))
    assert not world.places.output.exists()


@pytest.mark.slow
def test_what_the_report_finds_damaged_is_made_again_once(world, monkeypatch):
    reports = []

    def report(plan, store, output, failed):
        reports.append(output)
        stage = plan.stages[-1]
        (store.folder(stage) / "record.json").write_text("{", "utf-8")
        assert store.read(stage) is None
        return output / "page", 0.1

    monkeypatch.setattr(suite_run, "report_plan", report)
    finished = world()
    assert len(reports) == 2
    assert len(world.executor.begun) == 26
    assert len(finished.state.ran) == 25


def test_a_folder_that_can_not_be_made_is_told(world, tmp_path):
    (tmp_path / "out").write_text("a file", "utf-8")
    with pytest.raises(StoreError, match="can't write"):
        world()


def test_this_machine_runs_suites_by_default():
    assert isinstance(make_executor(load_suite(SMOKE).suite), LocalExecutor)


@pytest.mark.slow
def test_a_run_that_is_continued_keeps_the_commits_with_which_it_began(world, monkeypatch):
    commits = ["a" * 40]
    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", lambda *_, **__: SimpleNamespace(sha=commits[-1]))
    assert len(world("model.path=org/model").state.ran) == 25
    commits.append("b" * 40)
    assert world("model.path=org/model").state.reused == 25
    (world.places.output / "revisions.json").unlink()
    assert world("model.path=org/model").plan.start_model == "org/model@" + "b" * 40


def test_a_run_needs_its_commits(world, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))  # the tests are offline
    with pytest.raises(ModelError, match="the commit of org/model@main is not known"):
        world("model.path=org/model")
    assert world.executor.begun == []


DAY = datetime(2026, 11, 26, tzinfo=UTC)
# 4 trained models × 2 benchmarks
CHANGED = "Changed on 2026-11-26, when 8 of 8 evaluations were known; before: nano_easy greedy: dpo+lorr - dpo+plain"


def test_what_is_tested_is_in_the_output_folder_before_the_first_stage(world):
    world.executor.failure = {"fingerprint": {"reason": "no", "lasting": True, "disk_full": False}}
    begun = []
    world.executor.takes = lambda _: begun.append((world.places.output / "analysis.json").exists()) or True
    world(clock=lambda: DAY)
    assert begun
    assert all(begun)
    assert '"time": "2026-11-26T00:00:00+00:00"' in (world.places.output / "analysis.json").read_text("utf-8")


@pytest.mark.slow
def test_another_analysis_after_the_results_is_told_when_the_run_begins(world):
    def notes(*overrides, **clock):
        seen = []
        world(*overrides, watcher=seen.append, **clock)
        return [event for event in seen if isinstance(event, Noted)]

    world()
    assert notes() == []
    changed = ("analysis.measure=nano_order",)
    assert notes(*changed, clock=lambda: DAY) == [Noted(f"the report will say: {CHANGED}")]
    assert notes(*changed) == []


@pytest.mark.slow
def test_the_plan_is_told_before_the_run_begins(world):
    seen = []
    plan = world(watcher=seen.append).plan
    assert seen[0] == Planned(plan)
    assert seen[1].plan is plan
    assert len(seen[1].waiting) == 25
    assert isinstance(seen[1], RunBegan)


@pytest.mark.slow
def test_only_the_wanted_pools_and_the_first_failure(world):
    world(options=RunOptions(pools=("grade",)))
    assert {stage.pool for stage in world.executor.begun} == {"grade"}
    world.executor.failure = {"fingerprint": {"reason": "no", "lasting": True, "disk_full": False}}
    assert world(options=RunOptions(fail_fast=True)).state.halted.endswith(": no")


def test_the_report_has_what_was_declared_and_changed(world, monkeypatch):
    monkeypatch.undo()
    store, output = Store(world.places.output.parent / "store"), world.places.output
    plans = [make_plan(load_suite(SMOKE, overrides)) for overrides in ((), ("analysis.measure=nano_order",))]
    told = []
    monkeypatch.setattr(suite_run, "load_results", lambda *arguments: told.append(arguments[-1]))
    monkeypatch.setattr(write, "write_report", lambda *_: SimpleNamespace(page="page"))
    suite_run.report_plan(plans[0], store, output, {})
    for stage in plans[0].stages:
        if stage.kind in ("grade_math", "evaluate_general"):
            finish(store, stage)
    suite_run.report_plan(plans[1], store, output, {}, lambda: DAY)
    assert told == [(), (CHANGED,)]
