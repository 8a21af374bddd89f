"""Worker processes that hang or die: the stage is begun again, and the run finishes."""

import hashlib
import json
import os
import signal
from pathlib import Path

import pytest
from installed import needs_vllm

from lorr_bench.plan.plan import make_plan
from lorr_bench.plan.stage import Stage
from lorr_bench.run.driver import Driver, Scope
from lorr_bench.run.local import LocalExecutor, WorkerProcess
from lorr_bench.run.state import Journal
from lorr_bench.spec.execution import ExecutionSpec
from lorr_bench.spec.load import load_suite
from lorr_bench.store.store import Store

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"
TERMS = ExecutionSpec(retry_delay_seconds=0)


class Watcher:
    """Remembers what was tried again; ``advanced`` is called when a stage advances."""

    def __init__(self, advanced=lambda: None):
        self.retries = []
        self._advanced = advanced

    def stage_advances(self, stage, done, total, tokens):
        self._advanced()

    def stage_retries(self, stage, reason, delay_seconds):
        self.retries.append(reason)

    def __getattr__(self, name):
        return lambda *_: None


def pid_of(worker):
    return worker._process.pid


class StoppedAtOnce(WorkerProcess):
    """Its process is stopped before it can say anything; a second counts as an hour of silence."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        os.kill(pid_of(self), signal.SIGSTOP)

    @property
    def silent_seconds(self):
        return 3600 * super().silent_seconds


@pytest.fixture
def run(tmp_path):
    """Run stages in real processes; ``first`` is the class of the first one."""

    def run_plan(plan, first=WorkerProcess, only=None, watcher=None):
        workers = []

        def start(*arguments):
            workers.append((WorkerProcess if workers else first)(*arguments))
            return workers[-1]

        watcher = watcher(workers) if watcher else Watcher()
        executor = LocalExecutor(load_suite(SMOKE).suite, (), 1, start)
        store, journal = Store(tmp_path / "store"), Journal(tmp_path / "state.json")
        driver = Driver(
            plan,
            store,
            executor,
            watcher=watcher,
            journal=journal,
            logs=tmp_path / "logs",
            terms=TERMS,
            scope=Scope(only=only),
        )
        return driver.run(), watcher, workers

    return run_plan


class OneStage:
    """A plan that imports pairs."""

    def __init__(self, folder):
        file = folder / "pairs.jsonl"
        file.write_text(json.dumps({"prompt": "p", "chosen": "good", "rejected": "bad"}) + "\n", "utf-8")
        columns = {f"{name}_column": name for name in ("prompt", "chosen", "rejected")}
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        params = {"source": digest, "revision": None, "split": "train", "seed": 0, **columns}
        self.stages = (Stage("import_pairs", "pairs, seed 0", params, setting={"source": str(file)}),)


@pytest.mark.slow
def test_a_worker_that_hangs_is_ended_and_its_stage_runs_again(run, tmp_path):
    plan = OneStage(tmp_path)
    state, watcher, workers = run(plan, StoppedAtOnce)
    assert (list(state.ran), state.failed, state.retried) == ([plan.stages[0].digest], {}, 1)
    assert "did not answer" in watcher.retries[0]
    assert len(workers) == 2
    assert workers[0]._process.returncode == -signal.SIGKILL


@pytest.mark.slow
@needs_vllm
def test_an_engine_that_dies_within_a_batch_is_started_again(run):
    """360 answers take a second; the process is killed when the first of them are told."""
    plan = make_plan(load_suite(SMOKE, ["evaluation.math.0.avg_at=8"]))
    answers = next(e.answers for e in plan.evaluations if e.kind == "math")

    def watcher(workers):
        return Watcher(lambda: os.kill(pid_of(workers[1]), signal.SIGKILL) if len(workers) == 2 else None)

    state, watched, workers = run(plan, only={answers}, watcher=watcher)
    [start] = [stage.digest for stage in plan.stages if stage.kind == "fingerprint"]
    assert (list(state.ran), state.failed, state.retried) == ([start, answers], {}, 1)
    assert watched.retries == ["its process was killed, most often because memory ran out"]
    assert len(workers) == 3  # the first takes the fingerprint of the start model
