"""A run of a tuned suite, with an executor that only pretends: first the tries, then what was chosen."""

import json
import shutil
from collections import deque

import pytest
from command_line import lorr_bench_here
from finished_suite import SUITE, finish

from lorr_bench.events import Ended, Failed, Noted, RunBegan
from lorr_bench.plan.plan import make_plan
from lorr_bench.run import suite_run
from lorr_bench.run.state import STATE_FILE, Journal
from lorr_bench.run.suite_run import EVERYTHING, Places, RunOptions, run_suite
from lorr_bench.run.tuning.found import found_by
from lorr_bench.spec.load import load_suite
from lorr_bench.store.results import PENDING, load_results
from lorr_bench.store.store import Store

TUNING = {
    "seeds": [100, 101],
    "grid": {"beta": [0.5, 2, 5]},
    "unique_pairs": [16],
    "benchmark": {"name": "validation", "source": "nano/validation", "limit": 9, "max_tokens": 32},
}
TUNED = {**SUITE, "seeds": [0], "budget": {"unique_pairs": [16]}, "tuning": TUNING}
# Means of the two seeds: plain 0.5, 0.6, 0.4; lorr 0.7, 0.2, 0.7, of which the first counts.
SCORES = {
    "dpo-1+plain": (0.4, 0.6), "dpo-2+plain": (0.9, 0.3), "dpo-3+plain": (0.4, 0.4),
    "dpo-1+lorr": (0.6, 0.8), "dpo-2+lorr": (0.1, 0.3), "dpo-3+lorr": (0.8, 0.6),
}  # fmt: skip
BEST = {"dpo+plain": {"beta": 2}, "dpo+lorr": {"beta": 0.5}}


class Pretending:
    """Does every stage at once; a label with a piece that ``failing`` has fails in that way."""

    def __init__(self, store):
        self.store, self.begun, self.failing, self.events = store, [], {}, deque()
        self.ends_after = None

    def takes(self, stage):
        return True

    def begin(self, order):
        stage = order.stage
        if self.ends_after is not None and len(self.begun) >= self.ends_after:
            raise KeyboardInterrupt
        self.begun.append(stage)
        failure = next((how for piece, how in self.failing.items() if piece in stage.label), None)
        if failure is not None:
            self.events.append(Failed(stage.digest, **failure))
        else:
            finish(self.store, stage, score_of(stage))
            self.events.append(Ended(stage.digest, 1.0, 0))
        return "slot"

    def next_event(self, timeout_seconds):
        return self.events.popleft() if self.events else None

    def stop(self):
        self.events.clear()


def score_of(stage):
    name, _, seed = stage.label.partition(": ")[2].partition(", 16 pairs, seed ")
    return SCORES[name][int(seed) - 100] if stage.kind == "grade_math" and name in SCORES else 0.5


@pytest.fixture
def world(tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    executor = Pretending(store)
    monkeypatch.setattr(suite_run, "make_executor", lambda _: executor)
    monkeypatch.setattr(suite_run, "report_plan", lambda plan, store, output, failed: (output / "page", 0.1))
    places = Places(tmp_path / "out", str(store.root))

    def run(values=TUNED, options=EVERYTHING, watcher=lambda _: None):
        executor.begun.clear()
        path = tmp_path / "suite.yaml"
        path.write_text(json.dumps(values), "utf-8")
        return run_suite(load_suite(path), places, watcher, store, options)

    run.executor, run.store, run.output, run.file = executor, store, places.output, tmp_path / "suite.yaml"
    return run


def labels(world, kind="train"):
    return [stage.label for stage in world.executor.begun if stage.kind == kind]


def chosen(finished):
    return {tuned.arm: tuned.settings for tuned in finished.plan.tuning.arms}


DIVERGED = {"reason": "training diverged", "lasting": True, "diverged": True}
BROKEN = {"reason": "no such tensor", "lasting": True}


@pytest.mark.slow
def test_the_tries_come_first_and_the_best_of_each_arm_is_run(world):
    finished = world()
    assert chosen(finished) == BEST
    trained = labels(world)
    assert len(trained) == 3 * 2 * 2 + 2
    assert all("seed 0" not in label for label in trained[:12])
    assert {label.partition(",")[0] for label in trained[12:]} == {"train dpo+plain", "train dpo+lorr"}
    betas = {arm.name: arm.at(16).hyperparameters.beta for arm in finished.plan.arms}
    assert betas == {"dpo+plain": 2, "dpo+lorr": 0.5}
    assert finished.state.failed == {}
    assert len(finished.state.ran) == len(finished.plan.stages)


@pytest.mark.slow
def test_nothing_is_done_twice(world):
    stages = len(world().plan.stages)
    again = world()
    assert world.executor.begun == []
    assert again.state.reused == stages
    assert again.state.ran == {}


@pytest.mark.slow
@pytest.mark.parametrize("stages", [5, 22, 51])
def test_a_run_that_was_cut_off_in_either_part_continues(world, stages):
    world.executor.ends_after = stages
    with pytest.raises(KeyboardInterrupt):
        world()
    first = {stage.digest for stage in world.executor.begun}
    world.executor.ends_after = None
    finished = world()
    second = {stage.digest for stage in world.executor.begun}
    assert len(first & second) <= 1  # the one whose end was not heard
    assert chosen(finished) == BEST
    assert first | second == {stage.digest for stage in finished.plan.stages}


@pytest.mark.slow
def test_a_suite_with_the_winners_written_by_hand_has_nothing_left_to_run(world):
    world()
    by_hand = {name: value for name, value in TUNED.items() if name != "tuning"}
    finished = world({**by_hand, "overrides": {f"{arm}@16": settings for arm, settings in BEST.items()}})
    assert finished.state.ran == {}


@pytest.mark.slow
def test_a_try_that_diverged_counts_as_the_worst_and_is_not_made_again(world):
    world.executor.failing = {"train dpo-2+plain, 16 pairs, seed 101": DIVERGED}
    finished = world(options=RunOptions(fail_fast=True))
    assert chosen(finished) == {**BEST, "dpo+plain": {"beta": 0.5}}
    assert finished.state.failed == {}
    assert not finished.state.halted
    assert world().state.ran == {}
    assert world.executor.begun == []


@pytest.mark.slow
def test_what_diverged_is_not_made_again_for_the_sake_of_others(world):
    world.executor.failing = {"train dpo-2+plain": DIVERGED, "train dpo-3+plain": BROKEN}
    world()
    world()
    assert {label.partition(",")[0] for label in labels(world)} == {"train dpo-3+plain"}


@pytest.mark.slow
def test_attempts_on_demand_try_what_diverged_again(world):
    world.executor.failing = {"train dpo-2+plain": DIVERGED}
    world()
    world.executor.failing = {}
    finished = world(options=RunOptions(retry_failed=True))
    assert {label.partition(",")[0] for label in labels(world)} == {"train dpo-2+plain", "train dpo+plain"}
    assert chosen(finished) == BEST


@pytest.mark.slow
def test_an_arm_with_a_try_that_failed_is_not_run_and_the_others_are(world):
    world.executor.failing = {"train dpo-2+plain, 16 pairs, seed 101": BROKEN}
    finished = world()
    assert chosen(finished) == {**BEST, "dpo+plain": None}
    assert [label for label in labels(world) if "seed 0" in label] == ["train dpo+lorr, 16 pairs, seed 0"]
    assert "no such tensor" in finished.state.failed.values()
    world.executor.failing = {}
    assert chosen(world()) == BEST
    assert "train dpo+plain, 16 pairs, seed 0" in labels(world)


@pytest.mark.slow
def test_an_arm_all_of_whose_tries_diverged_is_not_run(world):
    said = []
    world.executor.failing = {f"train dpo-{n}+plain": DIVERGED for n in (1, 2, 3)}
    finished = world(watcher=said.append)
    assert chosen(finished)["dpo+plain"] is None
    assert "train dpo+plain, 16 pairs, seed 0" not in labels(world)
    told = [event.text for event in said if isinstance(event, Noted)]
    assert any("dpo+plain at 16 pairs: nothing can be chosen: all 3 tries diverged" in text for text in told)


@pytest.mark.slow
def test_the_first_failure_ends_the_run_before_a_test_problem_is_touched(world):
    world.executor.failing = {"train dpo-2+plain": BROKEN}
    finished = world(options=RunOptions(fail_fast=True))
    assert finished.state.halted
    assert not any("seed 0" in stage.label for stage in world.executor.begun)


@pytest.mark.slow
def test_only_the_tries_of_the_arms_that_are_asked_for_are_made(world):
    finished = world(options=RunOptions(only=("dpo+lorr",)))
    assert {label.partition("+")[2].partition(",")[0] for label in labels(world)} == {"lorr"}
    assert chosen(finished) == {"dpo+plain": None, "dpo+lorr": {"beta": 0.5}}


@pytest.mark.slow
def test_what_is_tested_is_written_down_before_the_first_try_and_stays(world):
    begun = []
    world.executor.takes = lambda _: begun.append((world.output / "analysis.json").exists()) or True
    world()
    assert all(begun)
    [before] = json.loads((world.output / "analysis.json").read_text("utf-8"))["declarations"]
    assert before["known"] == 0
    world()
    [after] = json.loads((world.output / "analysis.json").read_text("utf-8"))["declarations"]
    assert after == {**before, "seen": after["seen"]}


@pytest.mark.slow
def test_models_of_tries_go_once_they_are_measured(world):
    plan = world().plan
    tried = [stage for stage in plan.tries.plan.stages if stage.kind == "train"]
    assert not any(world.store.weights(stage) for stage in tried)
    own = [stage for stage in plan.stages if stage.digest in plan.training.values()]
    assert all(world.store.weights(stage) for stage in own)


@pytest.mark.slow
def test_the_two_parts_are_told_apart(world):
    seen = []
    world(watcher=seen.append)
    assert [event.plan.of_tries for event in seen if isinstance(event, RunBegan)] == [True, False]
    told = [event.text for event in seen if isinstance(event, Noted)]
    assert told[0] == (
        "Settings are chosen before a test problem is touched: 6 tries for 2 arms, by validation greedy, seeds "
        "100, 101"
    )
    assert "dpo+plain at 16 pairs: beta 2, best of 3: 60.0 (next 50.0)" in told


@pytest.mark.slow
def test_what_was_chosen_is_in_the_output_folder_and_the_suite_stays_what_was_asked(world):
    world()
    described = json.loads((world.output / "run.json").read_text("utf-8"))
    assert {each["arm"]: each["settings"] for each in described["tuning"]} == BEST
    assert [each["score"] for each in described["tuning"]] == pytest.approx([0.6, 0.7])
    assert "overrides: {}" in (world.output / "suite.yaml").read_text("utf-8")


def results_of(world):
    journal = Journal(world.output / STATE_FILE)
    plan = make_plan(load_suite(world.file), choose=found_by(world.store, journal.failures))
    return load_results(plan, world.store, {})


@pytest.mark.slow
def test_results_know_the_tries_and_what_their_training_used(world):
    world()
    tuning = results_of(world).tuning
    plain = next(tuned for tuned in tuning.arms if tuned.arm == "dpo+plain")
    assert [each.values for each in plain.tries] == [(0.4, 0.6), (0.9, 0.3), (0.4, 0.4)]
    assert plain.spend.optimizer_steps == 3 * 2 * 2  # tries × seeds × steps
    assert plain.edges == {}


@pytest.mark.slow
def test_results_of_settings_that_are_not_chosen_are_none_of_the_suite(world):
    """The first of the grid stands in for them, and may have been run by another suite."""
    by_hand = {name: value for name, value in TUNED.items() if name != "tuning"}
    world({**by_hand, "overrides": {f"{arm}@16": {"beta": 0.5} for arm in BEST}})
    world.executor.failing = {"train dpo-": BROKEN}
    world()
    results = results_of(world)
    assert {score.point.arm for score in results.scores} == {"start"}
    assert results.spends == {}
    assert results.missing["train dpo+plain, 16 pairs, seed 0"] == PENDING


@pytest.mark.slow
def test_a_score_without_a_value_chooses_nothing(world, monkeypatch):
    monkeypatch.setitem(SCORES, "dpo-3+plain", (None, 0.9))
    finished = world()
    assert chosen(finished)["dpo+plain"] is None
    reasons = [each.reason for each in finished.plan.tuning.arms[0].tries]
    assert reasons == ["", "", "its score has no value: "]


def test_a_journal_of_an_earlier_version_knows_no_divergence(tmp_path):
    file = tmp_path / STATE_FILE
    old = {"attempts": 1, "reason": "it broke", "log": "x.log"}
    file.write_text(json.dumps({"seconds": {}, "running": {}, "troubles": {"a": old}}), "utf-8")
    assert not Journal(file).failures["a"].diverged


def test_a_journal_remembers_what_diverged(tmp_path):
    Journal(tmp_path / STATE_FILE).fails("a", "training diverged", tmp_path / "x.log", diverged=True)
    assert Journal(tmp_path / STATE_FILE).failures["a"].diverged


@pytest.mark.slow
def test_nothing_counts_as_unused_while_settings_are_still_to_be_chosen(world):
    stages = world().plan.tries.plan.stages
    arguments = ("clean", world.file, "-o", world.output, "--store", world.store.root, "--unused")
    assert "results that no suite named here uses" not in lorr_bench_here(*arguments).stdout
    tried = next(stage for stage in stages if stage.kind == "grade_math")
    shutil.rmtree(world.store.folder(tried))
    refused = lorr_bench_here(*arguments)
    assert refused.returncode == 2
    assert "settings of sample are still to be chosen, so what it uses is not known" in refused.stderr
