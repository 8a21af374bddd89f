"""Worker processes that hang or die: the stage is begun again, and the run finishes."""

import hashlib
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from installed import needs_vllm
from stage_samples import sample

from lorr_bench.events import Advanced, Postponed, tell_all
from lorr_bench.plan.plan import make_plan
from lorr_bench.run.driver import Driver, Scope
from lorr_bench.run.local import LocalExecutor, WorkerProcess
from lorr_bench.run.state import Journal
from lorr_bench.spec.execution import ExecutionSpec
from lorr_bench.spec.load import load_suite
from lorr_bench.store.store import Store

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"
EXECUTION = ExecutionSpec(retry_delay_seconds=0)


class StoppedAtOnce(WorkerProcess):
    """Its process is stopped before it can say anything; a second counts as an hour of silence."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        os.kill(self.pid, signal.SIGSTOP)

    @property
    def silent_seconds(self):
        return 3600 * super().silent_seconds


@pytest.fixture
def run(tmp_path):
    """Run stages in real processes; ``first`` is the class of the first one.

    Gives the state, the reasons for which stages were tried again, and the processes.
    """

    def run_plan(plan, first=WorkerProcess, only=None, watch=lambda event, workers: None):
        workers, seen = [], []

        def start(*arguments):
            workers.append((WorkerProcess if workers else first)(*arguments))
            return workers[-1]

        executor = LocalExecutor(load_suite(SMOKE).suite, (), 1, start)
        store, journal = Store(tmp_path / "store"), Journal(tmp_path / "state.json")
        driver = Driver(
            plan,
            store,
            executor,
            watcher=tell_all(seen.append, lambda event: watch(event, workers)),
            journal=journal,
            logs=tmp_path / "logs",
            execution=EXECUTION,
            scope=Scope(only=only),
        )
        state = driver.run()
        return state, [event.reason for event in seen if isinstance(event, Postponed)], workers

    return run_plan


class OneStage:
    """A plan that imports pairs."""

    def __init__(self, folder):
        file = folder / "pairs.jsonl"
        file.write_text(json.dumps({"prompt": "p", "chosen": "good", "rejected": "bad"}) + "\n", "utf-8")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        setting = {"source": str(file)}
        self.stages = (sample("import_pairs", "pairs, seed 0", source=digest, setting=setting),)


@pytest.mark.slow
def test_a_worker_that_hangs_is_ended_and_its_stage_runs_again(run, tmp_path):
    plan = OneStage(tmp_path)
    state, reasons, workers = run(plan, StoppedAtOnce)
    assert (list(state.ran), state.failed, state.retried) == ([plan.stages[0].digest], {}, 1)
    assert "did not answer" in reasons[0]
    assert len(workers) == 2
    assert "was killed" in workers[0].exit_reason()


@pytest.mark.slow
@needs_vllm
@pytest.mark.usefixtures("warm_workers")
def test_an_engine_that_dies_within_a_batch_is_started_again(run, smoke, tmp_path):
    """360 answers take a second; the process is killed when the first of them are told."""
    shutil.copytree(smoke[0] / "store" / "fingerprint", tmp_path / "store" / "fingerprint")
    plan = make_plan(load_suite(SMOKE, ["evaluation.math.0.avg_at=8"]))
    answers = next(e.answers for e in plan.evaluations if e.kind == "math")

    def kill_first(event, workers):
        if isinstance(event, Advanced) and len(workers) == 1:
            os.kill(workers[0].pid, signal.SIGKILL)

    state, reasons, workers = run(plan, only={answers}, watch=kill_first)
    assert (list(state.ran), state.failed, state.retried) == ([answers], {}, 1)
    assert reasons == ["its process was killed, most often because memory ran out"]
    assert len(workers) == 2
