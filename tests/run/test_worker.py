"""A worker process: real, with stages that need neither torch nor an engine."""

import io
import json
import os
import queue
import signal

import pytest

from lorr_bench.errors import StoreError
from lorr_bench.plan.stage import Stage
from lorr_bench.run import worker as worker_module
from lorr_bench.run.lanes import Worker, worker_environment
from lorr_bench.run.worker import run_stage, serve
from lorr_bench.stages.task import EngineRoom
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

PARAMS = {
    "source": "identity",
    "revision": None,
    "split": "train",
    "prompt_column": "prompt",
    "chosen_column": "chosen",
    "rejected_column": "rejected",
    "seed": 0,
}


@pytest.fixture
def stage(tmp_path):
    file = tmp_path / "pairs.jsonl"
    rows = [{"prompt": f"p{i}", "chosen": "good", "rejected": "bad"} for i in range(5)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return Stage("import_pairs", "pairs, seed 0", PARAMS, setting={"source": str(file)})


def answer_of(stage, store):
    answers = io.StringIO()
    order = {"stage": stage.to_dict(), "inputs": {}, "store": str(store.root)}
    serve(order, EngineRoom(), answers)
    return json.loads(answers.getvalue())


def test_a_stage_is_stored(stage, tmp_path):
    store = Store(tmp_path / "store")
    assert answer_of(stage, store)["done"] == stage.digest
    assert store.read(stage, verify=True).outcome.metrics == {"pairs": 5, "dropped": 0}


def test_an_explained_failure_is_told_as_it_is(stage, tmp_path):
    (tmp_path / "pairs.jsonl").write_text("", "utf-8")
    answer = answer_of(stage, Store(tmp_path / "store"))
    assert answer["failed"] == stage.digest
    assert answer["fix"]


def test_an_unforeseen_failure_keeps_its_traceback_in_the_log(stage, tmp_path, monkeypatch, capfd):
    def broken(task):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(
        worker_module.importlib, "import_module", lambda name: type("M", (), {"import_pairs": broken})
    )
    answer = answer_of(stage, Store(tmp_path / "store"))
    assert answer["what"] == "RuntimeError: out of luck"
    assert "Traceback" in capfd.readouterr().err


def test_a_full_disk_is_told_as_such(stage, tmp_path, monkeypatch):
    def full(task):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        worker_module.importlib, "import_module", lambda name: type("M", (), {"import_pairs": full})
    )
    assert "disk is full" in answer_of(stage, Store(tmp_path / "store"))["what"]


def scratching(task):
    """A stage that keeps something for the case of its interruption."""
    task.scratch.mkdir(parents=True, exist_ok=True)
    (task.scratch / "checkpoint").write_text("half", "utf-8")
    return Outcome()


def interrupted(task):
    scratching(task)
    raise RuntimeError("out of luck")


def replace_stage(monkeypatch, function):
    module = type("M", (), {"import_pairs": staticmethod(function)})
    monkeypatch.setattr(worker_module.importlib, "import_module", lambda name: module)


def test_scratch_goes_when_the_stage_is_done(stage, tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    replace_stage(monkeypatch, scratching)
    assert answer_of(stage, store)["done"] == stage.digest
    assert not store.scratch(stage).exists()


def test_scratch_stays_when_the_stage_fails_and_is_there_again(stage, tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    replace_stage(monkeypatch, interrupted)
    assert "failed" in answer_of(stage, store)
    assert store.read(stage) is None
    found = []
    replace_stage(monkeypatch, lambda task: found.append(list(task.scratch.iterdir())) or Outcome())
    assert "done" in answer_of(stage, store)
    assert found == [[store.scratch(stage) / "checkpoint"]]
    assert not store.scratch(stage).exists()


def test_inputs_come_as_folders_by_their_roles(stage, tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    assert "done" in answer_of(stage, store)
    seen = []
    replace_stage(monkeypatch, lambda task: seen.append(dict(task.inputs)) or Outcome())
    reader = Stage("import_pairs", "another", {}, {"pairs": stage.digest})
    run_stage(reader, {"pairs": stage}, store, EngineRoom(), lambda done, total: None)
    assert seen == [{"pairs": store.folder(stage)}]


def test_a_missing_input_is_an_error(stage, tmp_path):
    gone = Stage("collect", "a collection", {})
    with pytest.raises(StoreError, match="is gone or damaged"):
        run_stage(stage, {"pairs": gone}, Store(tmp_path / "store"), EngineRoom(), lambda done, total: None)


def receive(inbox):
    return inbox.get(timeout=60)


def test_a_process_runs_a_stage_and_stops(stage, tmp_path):
    inbox = queue.Queue()
    worker = Worker("train", tmp_path / "train.log", inbox)
    worker.send(stage, {}, tmp_path / "store")
    lane, answer = receive(inbox)
    assert (lane, answer["done"]) == ("train", stage.digest)
    os.killpg(worker._process.pid, signal.SIGKILL)
    assert receive(inbox) == ("train", None)
    assert worker.exit_reason() == "its process was killed, most often because memory ran out"


def test_a_stopped_worker_can_start_again(stage, tmp_path):
    inbox = queue.Queue()
    worker = Worker("train", tmp_path / "train.log", inbox)
    for _ in range(2):
        worker.send(stage, {}, tmp_path / "store")
        assert receive(inbox)[1]["done"] == stage.digest
        worker.stop()
        assert receive(inbox) == ("train", None)


def test_what_lies_in_the_current_folder_hides_no_adapter(stage, tmp_path, monkeypatch):
    """The entry points of a stale build in the current folder would come before those installed."""
    stale = tmp_path / "lorr_bench.egg-info"
    stale.mkdir()
    (stale / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: lorr-bench\nVersion: 0\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    inbox = queue.Queue()
    worker = Worker("train", tmp_path / "train.log", inbox)
    worker.send(stage, {}, tmp_path / "store")
    assert receive(inbox)[1]["done"] == stage.digest
    setting = {"adapter": "trl.dpo", "hyperparameters": {"learning_rate": -1}}
    reference = Stage("reference", "reference", {}, {"pairs": stage.digest}, setting)
    worker.send(reference, {"pairs": stage}, tmp_path / "store")
    _, answer = receive(inbox)
    worker.stop()
    assert "learning_rate" in answer["what"]  # the adapter was found, and refused it


def test_a_process_ends_with_its_driver(stage, tmp_path):
    """A killed driver closes the pipe; nothing of the worker stays."""
    inbox = queue.Queue()
    worker = Worker("train", tmp_path / "train.log", inbox)
    worker.send(stage, {}, tmp_path / "store")
    receive(inbox)
    worker._process.stdin.close()
    assert receive(inbox) == ("train", None)
    assert "killed" in worker.exit_reason()


def test_what_the_user_set_wins():
    assert worker_environment({"OMP_NUM_THREADS": "7"}, "train")["OMP_NUM_THREADS"] == "7"


def test_the_engine_is_not_pinned_to_cores_that_training_uses():
    assert worker_environment({}, "engine")["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"
    assert "VLLM_CPU_OMP_THREADS_BIND" not in worker_environment({}, "train")
