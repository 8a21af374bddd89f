"""`plan --probe`: the right stages are tried, and what fails is told before hours are spent."""

import re
import sys
from functools import partial
from pathlib import Path

import pytest
from command_line import SMOKE, lorr_bench_here, lorr_bench_warm

from lorr_bench.errors import StoreError
from lorr_bench.events import Advanced, Busy, Ended, Failed, Noted
from lorr_bench.forecast.estimates import Estimates
from lorr_bench.forecast.memory import Machine
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.plan.identity.origins import Origin
from lorr_bench.plan.plan import make_plan
from lorr_bench.ports.registry import load_adapter
from lorr_bench.probe.probe import NEVER, Probed, engine_stage, pairs_of_steps, probe, training_stage
from lorr_bench.run.local import LocalExecutor, WorkerProcess
from lorr_bench.spec.load import load_suite
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

GIB = 1 << 30


def plan_of(*overrides):
    return make_plan(load_suite(SMOKE, overrides))


def estimates_of(plan):
    return Estimates(plan, set(), [], read_model_size, Machine((), 8 * GIB))


def trainings(plan):
    return {stage.label: stage for stage in plan.stages if stage.kind == "train"}


def trained(*overrides, arm="dpo+lorr"):
    """The probe of an arm's training."""
    planned = trainings(plan_of(*overrides))[f"train {arm}, 32 pairs, seed 0"]
    return training_stage(planned)


def test_two_steps_of_the_real_batch_are_trained():
    """16 pairs a step."""
    stage = trained()
    assert stage.parameters.unique_pairs == 32
    assert stage.parameters.hyperparameters["per_device_train_batch_size"] == 16


def test_one_replay_has_the_largest_weight_and_an_anchor_that_is_never_used():
    stage = trained("plugins.lorr.replays=4")
    assert (stage.parameters.sft_weights, stage.parameters.stop_after) == ((0.5,), 1)
    assert stage.parameters.reset.period == NEVER
    assert stage.parameters.reset.pattern == r"\.(o_proj|down_proj)\."
    assert trained(arm="dpo+plain").parameters.reset is None


def test_another_program_trains_one_replay_without_a_reset():
    stage = trained("methods.dpo.backend=llamafactory")
    assert (stage.parameters.reset, stage.parameters.stop_after) == (None, 1)


def test_of_many_micro_batches_two_are_tried():
    """2 steps of 2 · 16 pairs."""
    stage = trained("methods.dpo.gradient_accumulation_steps=8")
    assert stage.parameters.hyperparameters["gradient_accumulation_steps"] == 2
    assert stage.parameters.unique_pairs == 64


def test_several_processes_share_the_steps():
    """Two steps of 16 rows for each process, and not a row more, which would be a third step."""
    dpo = load_adapter("trl.dpo")
    settings = dpo.hyperparameters(per_device_train_batch_size=16)
    assert pairs_of_steps(dpo, settings, 1) == 32
    assert pairs_of_steps(dpo, settings, 2) == 64


def test_labelled_rows_are_two_a_pair():
    kto = load_adapter("trl.kto")
    assert pairs_of_steps(kto, kto.hyperparameters(per_device_train_batch_size=16), 1) == 16


def test_an_online_method_keeps_whole_groups_of_answers():
    """8 answers a step, 4 a prompt: 2 prompts a step; a fifth prompt fills no third step and is left out."""
    grpo = load_adapter("trl.grpo")
    assert pairs_of_steps(grpo, grpo.hyperparameters(), 1) == 5


def test_the_engine_is_started_as_planned_and_asked_for_one_token():
    planned = next(stage for stage in plan_of().stages if stage.kind == "collect")
    stage = engine_stage(planned, Origin("prompts.jsonl", "its sha256"))
    asked = stage.parameters
    assert (stage.kind, asked.generator.max_model_len, asked.max_tokens) == ("answer_math", 128, 1)
    assert stage.setting.options == planned.setting.options
    assert (stage.setting.source, asked.prompts.rows.source) == ("prompts.jsonl", "its sha256")


class Played:
    """Workers that end every stage as they are told, and store what a training would."""

    def __init__(self, answers=()):
        self.answers = dict(answers)
        self.began, self.stopped, self.noted = [], False, False

    def begin(self, order):
        self.began.append(order)
        self.noted = False
        return "slot"

    def next_event(self, timeout_seconds):
        order = self.began[-1]
        if not self.noted:
            self.noted = True
            return Noted("a word")
        answer = self.answers.get(order.stage.kind)
        if answer is not None:
            return answer(order.stage.digest)
        with Store(Path(order.store)).writing(order.stage) as draft:
            draft.commit(Outcome(spend={"peak_memory_bytes": 7.0} if order.stage.kind == "train" else {}))
        return Ended(order.stage.digest, 1.0, 0)

    def stop(self):
        self.stopped = True


def tried(store, workers, *overrides):
    plan = plan_of(*overrides)
    return list(probe(plan, estimates_of(plan), store, workers))


@pytest.mark.slow
def test_engine_reference_and_training_are_tried_in_turn(tmp_path):
    workers = Played()
    engine, training = tried(Store(tmp_path / "store"), workers)
    assert [order.stage.kind for order in workers.began] == [
        "fingerprint",
        "answer_math",
        "reference",
        "train",
    ]
    assert (engine.failure, engine.peak_memory_bytes) == ("", None)
    assert (training.failure, training.peak_memory_bytes) == ("", 7)
    assert training.expected_bytes > 650 << 20
    assert workers.stopped


def test_inputs_of_the_training_are_in_the_store_of_the_probe(tmp_path):
    workers = Played()
    tried(Store(tmp_path / "store"), workers)
    train = workers.began[-1]
    assert {role: stage.kind for role, stage in train.inputs.items()} == {
        "pairs": "import_pairs",
        "reference": "reference",
    }


def test_a_method_without_reference_is_trained_at_once(tmp_path):
    workers = Played()
    tried(Store(tmp_path / "store"), workers, "methods.simpo={max_length: 64}", "methods.dpo.max_length=16")
    assert [order.stage.kind for order in workers.began] == ["fingerprint", "answer_math", "train"]


def test_nothing_of_a_probe_is_left(tmp_path):
    tried(Store(tmp_path / "store"), Played())
    assert list((tmp_path / "store").iterdir()) == []


def test_a_failure_is_told_and_what_needs_it_is_not_tried(tmp_path):
    def fail(digest):
        return Failed(digest, "out of memory", lasting=False, disk_full=False)

    workers = Played({"reference": fail})
    _, training = tried(Store(tmp_path / "store"), workers)
    assert (training.failure, training.peak_memory_bytes) == ("out of memory", None)
    assert [order.stage.kind for order in workers.began] == ["fingerprint", "answer_math", "reference"]


def test_a_stage_that_another_run_holds_is_a_failure(tmp_path):
    workers = Played({"answer_math": lambda digest: Busy(digest, "somebody")})
    engine, _ = tried(Store(tmp_path / "store"), workers)
    assert "somebody" in engine.failure


def test_progress_is_waited_through(tmp_path):
    events = iter([Advanced("x", 1, 2, 0)])

    def advance_then_end(digest):
        return next(events, Ended(digest, 1.0, 0))

    engine, _ = tried(Store(tmp_path / "store"), Played({"answer_math": advance_then_end}))
    assert engine.failure == ""


def test_a_store_that_can_not_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(StoreError, match="can't write"):
        tried(Store(tmp_path / "file" / "store"), Played())


def test_a_disk_that_fills_up_is_said_and_the_workers_end(tmp_path, monkeypatch):
    import errno

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "no space")

    workers = Played()
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StoreError, match="disk is full"):
        tried(Store(tmp_path / "store"), workers)
    assert workers.stopped


class OnlyTraining:
    """Estimates that know no engine, which takes long to start."""

    def __init__(self, plan):
        self._estimates = estimates_of(plan)

    def largest(self, kind):
        return self._estimates.largest(kind) if kind == "train" else None


LIMITED_WORKER = """
import resource, runpy
from pathlib import Path
pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])  # of its address space so far
limit = pages * resource.getpagesize() + (2 << 30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
runpy.run_module("lorr_bench.run.worker", run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited as Linux does")
def test_a_training_too_large_for_the_memory_fails_with_advice(tmp_path, warm_workers):
    """1,024 sequences of 128 tokens keep 6 GB of activations; the worker may have 2 GB."""
    plan = plan_of(
        "methods.dpo.adapter=simpo",
        "methods.dpo.backend=native",
        "methods.dpo.per_device_train_batch_size=512",
        "methods.dpo.beta=2",
    )
    limited = (sys.executable, "-P", "-c", LIMITED_WORKER)
    workers = LocalExecutor(plan.suite, (), 1, start=partial(WorkerProcess, command=limited))
    [training] = probe(plan, OnlyTraining(plan), Store(tmp_path / "store"), workers)
    assert "can't allocate memory" in training.failure
    assert "per_device_train_batch_size" in training.failure


@pytest.mark.slow
def test_a_worker_that_is_killed_is_a_failure(tmp_path):
    plan = plan_of()
    start = partial(WorkerProcess, command=("bash", "-c", "read order; kill -KILL $$"))
    [training] = probe(
        plan, OnlyTraining(plan), Store(tmp_path / "store"), LocalExecutor(plan.suite, (), 1, start=start)
    )
    assert "killed, most often because memory ran out" in training.failure


@pytest.mark.slow
def test_the_smoke_suite_passes_its_probe(tmp_path):
    done = lorr_bench_warm(
        "plan", SMOKE, "--probe", "--output", tmp_path / "out", cwd=tmp_path, COLUMNS="120"
    )
    assert (done.returncode, done.stderr) == (0, "")
    engine, training = [line for line in done.stdout.splitlines() if line.startswith("Probe passed")]
    assert "the engine" in engine
    assert re.search(r"peak memory [\d.]+ [MG]iB, expected [\d.]+ MiB", training)
    assert list((tmp_path / "out" / "store").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("failure", "code"), [("", 0), ("out of memory", 1)])
def test_the_command_ends_with_1_where_a_probe_failed(failure, code, tmp_path, monkeypatch):
    from lorr_bench.probe import probe as probing

    monkeypatch.setattr(probing, "probe_plan", lambda *args: iter([Probed("training", failure, 1.0, 7, 8.0)]))
    done = lorr_bench_here("plan", SMOKE, "--probe", "--output", tmp_path / "out")
    assert done.returncode == code
    assert ("Probe failed: training" in done.stderr) == bool(failure)
    assert ("Probe passed: training" in done.stdout) != bool(failure)
