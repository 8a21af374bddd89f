"""A worker process: real, with stages that need neither torch nor an engine."""

import hashlib
import io
import json
import os
import queue
import signal
import time
from pathlib import Path

import pytest
from stage_samples import sample

from lorr_bench.errors import DivergedError, LostError
from lorr_bench.events import Ended, Failed
from lorr_bench.run import worker as worker_module
from lorr_bench.run.local import Slot, WorkerProcess, worker_environment
from lorr_bench.run.worker import EventWriter, SpoiledError, run_stage, serve
from lorr_bench.stages.task import EngineRoom
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

ROWS = [{"prompt": f"p{i}", "chosen": "good", "rejected": "bad"} for i in range(5)]
TEXT = "".join(json.dumps(row) + "\n" for row in ROWS)
IDENTITY = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.fixture
def stage(tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text(TEXT, "utf-8")
    return sample("import_pairs", "pairs, seed 0", source=IDENTITY, setting={"source": str(file)})


def order_of(stage, store, inputs=None, log="log"):
    needed = {role: needed.to_dict() for role, needed in (inputs or {}).items()}
    return {"stage": stage.to_dict(), "inputs": needed, "store": store.location, "log": str(log)}


def answers_of(stage, store, inputs=None):
    out = io.StringIO()
    serve(order_of(stage, store, inputs), EngineRoom(), EventWriter(out))
    return [json.loads(line) for line in out.getvalue().splitlines()]


def answer_of(stage, store, inputs=None):
    return answers_of(stage, store, inputs)[-1]


def replace_stage(monkeypatch, function, name="import_pairs"):
    module = type("M", (), {name: staticmethod(function)})
    monkeypatch.setattr(worker_module.importlib, "import_module", lambda name: module)


@pytest.mark.slow
def test_a_stage_is_stored(stage, tmp_path):
    store = Store(tmp_path / "store")
    answer = answer_of(stage, store)
    assert (answer["event"], answer["digest"]) == ("Ended", stage.digest)
    assert store.read(stage, verify=True).outcome.metrics["pairs"] == 5


class RestlessRoom(EngineRoom):
    """Notes when it is told to rest, and what was told before."""

    def __init__(self, out, fault=None):
        super().__init__()
        self.out, self.fault, self.rested = out, fault, []

    def rest(self):
        self.rested.append(self.out.getvalue())
        if self.fault:
            raise self.fault


@pytest.mark.parametrize("text", [TEXT, ""])
def test_memory_is_given_back_before_the_end_of_a_stage_is_told(stage, tmp_path, text):
    """Also of one that fails for good, after which the process goes on."""
    (tmp_path / "pairs.jsonl").write_text(text, "utf-8")
    out = io.StringIO()
    room = RestlessRoom(out)
    serve(order_of(stage, Store(tmp_path / "store")), room, EventWriter(out))
    [before] = room.rested
    assert not {"Ended", "Failed"} & {json.loads(line)["event"] for line in before.splitlines()}


@pytest.mark.slow
def test_a_process_that_can_not_give_memory_back_is_to_be_ended_and_its_result_stays(stage, tmp_path):
    out, store = io.StringIO(), Store(tmp_path / "store")
    serve(
        order_of(stage, store), RestlessRoom(out, AssertionError("more memory than before")), EventWriter(out)
    )
    answer = json.loads(out.getvalue().splitlines()[-1])
    assert (answer["event"], answer["lasting"]) == ("Failed", False)
    assert "more memory than before" in answer["reason"]
    assert store.read(stage) is not None


def test_an_explained_failure_lasts_and_is_told_as_it_is(stage, tmp_path):
    (tmp_path / "pairs.jsonl").write_text("", "utf-8")
    answer = answer_of(stage, Store(tmp_path / "store"))
    assert (answer["event"], answer["lasting"], answer["disk_full"]) == ("Failed", True, False)
    assert str(tmp_path / "pairs.jsonl") in answer["reason"]


def test_an_unforeseen_failure_does_not_last_and_keeps_its_traceback_in_the_log(
    stage, tmp_path, monkeypatch, capfd
):
    def broken(task):
        raise RuntimeError("out of luck")

    replace_stage(monkeypatch, broken)
    answer = answer_of(stage, Store(tmp_path / "store"))
    assert answer["reason"] == "RuntimeError: out of luck. The log of the stage holds the traceback."
    assert not answer["lasting"]
    assert "Traceback" in capfd.readouterr().err


def test_out_of_memory_comes_with_advice_and_may_pass(tmp_path, monkeypatch, capfd):
    def large(task):
        raise MemoryError("no room")

    replace_stage(monkeypatch, large, "train")
    answer = answer_of(sample("train", "train"), Store(tmp_path / "store"))
    assert not answer["lasting"]
    assert "MemoryError: no room. Lower per_device_train_batch_size" in answer["reason"]


@pytest.mark.parametrize(("kind", "freed"), [("train", 1), ("reference", 1), ("grade_math", 0)])
def test_what_a_training_stage_leaves_is_let_go_of(tmp_path, monkeypatch, kind, freed):
    calls = []
    monkeypatch.setattr(worker_module, "free_memory", lambda: calls.append(kind))
    replace_stage(monkeypatch, lambda task: Outcome(), kind)
    answer_of(sample(kind, kind), Store(tmp_path / "store"))
    assert len(calls) == freed


def test_a_full_disk_is_told_as_such(stage, tmp_path, monkeypatch):
    def full(task):
        raise OSError(28, "No space left on device")

    replace_stage(monkeypatch, full)
    answer = answer_of(stage, Store(tmp_path / "store"))
    assert "disk is full" in answer["reason"]
    assert (answer["disk_full"], answer["lasting"]) == (True, False)


def test_a_rank_that_was_ended_from_outside_may_pass(stage, tmp_path, monkeypatch):
    def killed(task):
        raise LostError("a rank was ended from outside")

    replace_stage(monkeypatch, killed)
    assert not answer_of(stage, Store(tmp_path / "store"))["lasting"]


def test_another_failed_write_may_pass(stage, tmp_path, monkeypatch):
    def broken(task):
        raise OSError(5, "Input/output error")

    replace_stage(monkeypatch, broken)
    answer = answer_of(stage, Store(tmp_path / "store"))
    assert (answer["disk_full"], answer["lasting"]) == (False, False)


def test_what_another_run_has_done_is_taken(stage, tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    answer_of(stage, store)
    replace_stage(monkeypatch, lambda task: pytest.fail("it is done again"))
    assert answer_of(stage, store)["event"] == "Ended"


def test_work_that_somebody_does_is_busy(stage, tmp_path):
    store = Store(tmp_path / "store")
    with store.claim(stage):
        answer = answer_of(stage, store)
    assert answer["event"] == "Busy"
    assert str(os.getpid()) in answer["owner"]


def test_progress_is_told_with_tokens(stage, tmp_path, monkeypatch):
    replace_stage(monkeypatch, lambda task: task.progress(1, 4, 100) or Outcome())
    first = answers_of(stage, Store(tmp_path / "store"))[0]
    assert first == {"event": "Advanced", "digest": stage.digest, "done": 1, "total": 4, "tokens": 100}


def test_the_parts_of_a_stage_are_told(stage, tmp_path, monkeypatch):
    def parts(task):
        with task.clock.part("engine_start"):
            pass
        return Outcome()

    replace_stage(monkeypatch, parts)
    first = answers_of(stage, Store(tmp_path / "store"))[0]
    assert first == {"event": "Entered", "digest": stage.digest, "part": "engine_start"}


def scratching(task):
    """A stage that keeps something for the case of its interruption."""
    task.scratch.mkdir(parents=True, exist_ok=True)
    (task.scratch / "checkpoint").write_text("half", "utf-8")
    return Outcome()


def interrupted(task):
    scratching(task)
    raise RuntimeError("out of luck")


def test_scratch_goes_when_the_stage_is_done(stage, tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    replace_stage(monkeypatch, scratching)
    assert answer_of(stage, store)["event"] == "Ended"
    assert not store.scratch(stage).exists()


def test_scratch_stays_when_the_stage_fails_and_is_there_again(stage, tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    replace_stage(monkeypatch, interrupted)
    assert answer_of(stage, store)["event"] == "Failed"
    assert store.read(stage) is None
    found = []
    replace_stage(monkeypatch, lambda task: found.append(list(task.scratch.iterdir())) or Outcome())
    assert answer_of(stage, store)["event"] == "Ended"
    assert found == [[store.scratch(stage) / "checkpoint"]]
    assert not store.scratch(stage).exists()


def test_inputs_come_as_folders_by_their_roles(stage, tmp_path, monkeypatch):
    store = Store(tmp_path / "store")
    assert answer_of(stage, store)["event"] == "Ended"
    seen = []
    replace_stage(monkeypatch, lambda task: seen.append(dict(task.inputs)) or Outcome(), "train")
    reader = sample("train", "another", inputs={"pairs": stage.digest})
    run_stage(reader, {"pairs": stage}, store, EngineRoom(), progress=lambda *_: None, notice=print)
    assert seen == [{"pairs": store.folder(stage)}]


def test_a_missing_input_is_told(stage, tmp_path):
    gone = sample("collect", "a collection")
    store = Store(tmp_path / "store")
    with pytest.raises(SpoiledError, match="a collection"):
        run_stage(stage, {"pairs": gone}, store, EngineRoom(), progress=lambda *_: None, notice=print)
    answer = answer_of(stage, store, {"pairs": gone})
    assert answer == {"event": "Spoiled", "digest": stage.digest, "input": gone.digest}


def test_a_damaged_input_is_set_aside_with_a_word(stage, tmp_path):
    store = Store(tmp_path / "store")
    answer_of(stage, store)
    file = store.folder(stage) / "pairs.jsonl"
    file.write_bytes(file.read_bytes().replace(b"good", b"gold"))
    reader = sample("train", "another", inputs={"pairs": stage.digest})
    note, spoiled = answers_of(reader, store, {"pairs": stage})
    assert note["event"] == "Noted"
    assert "pairs.jsonl with another checksum" in note["text"]
    assert spoiled["input"] == stage.digest
    assert store.read(stage) is None


class Process:
    """A real worker process and what it says of its stages."""

    def __init__(self, log):
        self.inbox = queue.Queue()
        environment = worker_environment(os.environ, Slot("train", 1, (), 1))
        self.worker = WorkerProcess(environment, log, lambda _, event: self.inbox.put(event))

    def receive(self):
        return self.inbox.get(timeout=60)


@pytest.fixture
def process(tmp_path):
    made = Process(tmp_path / "start.log")
    yield made
    made.worker.kill()


@pytest.mark.slow
def test_a_process_runs_a_stage(process, stage, tmp_path):
    process.worker.send(order_of(stage, Store(tmp_path / "store"), log=tmp_path / "stage.log"))
    ended = process.receive()
    assert (type(ended), ended.digest) == (Ended, stage.digest)
    os.killpg(process.worker.pid, signal.SIGKILL)
    assert process.receive() is None
    assert process.worker.exit_reason() == "its process was killed, most often because memory ran out"


@pytest.mark.slow
def test_each_stage_prints_to_its_own_log(process, tmp_path):
    store = Store(tmp_path / "store")
    for name in ("first", "second"):
        broken = sample("reference", name, setting={"adapter": f"no.such_{name}"}, backend=name)
        process.worker.send(order_of(broken, store, log=tmp_path / "logs" / f"{name}.log"))
        assert isinstance(process.receive(), Failed)
        os.write(2, b"")
    assert (tmp_path / "logs" / "first.log").exists()
    assert (tmp_path / "logs" / "second.log").exists()


@pytest.mark.slow
def test_a_process_without_work_says_that_it_lives_and_nothing_of_a_stage(process):
    deadline = time.monotonic() + 60
    silent = 0.0
    while silent <= (silent := process.worker.silent_seconds) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.worker.silent_seconds < 1.0
    assert process.inbox.empty()


@pytest.mark.slow
def test_what_lies_in_the_current_folder_hides_no_adapter(stage, tmp_path, monkeypatch):
    """The entry points of a stale build in the current folder would come before those installed."""
    stale = tmp_path / "lorr_bench.egg-info"
    stale.mkdir()
    (stale / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: lorr-bench\nVersion: 0\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    process, store = Process(tmp_path / "start.log"), Store(tmp_path / "store")
    process.worker.send(order_of(stage, store, log=tmp_path / "a.log"))
    assert process.receive().digest == stage.digest
    setting = {"adapter": "trl.dpo", "hyperparameters": {"learning_rate": -1}}
    reference = sample("reference", "reference", inputs={"pairs": stage.digest}, setting=setting)
    process.worker.send(order_of(reference, store, {"pairs": stage}, log=tmp_path / "b.log"))
    failed = process.receive()
    process.worker.kill()
    assert "learning_rate" in failed.reason  # the adapter was found, and refused it


@pytest.mark.slow
def test_a_process_ends_with_its_driver(process, stage, tmp_path):
    """A killed driver closes the pipe; nothing of the worker stays."""
    process.worker.send(order_of(stage, Store(tmp_path / "store"), log=tmp_path / "a.log"))
    process.receive()
    process.worker.finish()  # closes the pipe, as the end of the driver does
    assert process.receive() is None
    assert "killed" in process.worker.exit_reason()


def test_a_file_that_changes_before_or_during_a_stage_gives_no_result(stage, tmp_path, monkeypatch):
    store, file = Store(tmp_path / "store"), Path(stage.setting.source)

    def work(_):
        file.write_text(TEXT + "\n", "utf-8")
        return Outcome()

    replace_stage(monkeypatch, work)
    for _ in ("during", "before"):
        answer = answer_of(stage, store)
        assert answer["event"] == "Failed"
        assert "is not what it was when the run was planned" in answer["reason"]
        assert store.read(stage) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "diverged"), [(DivergedError("training diverged"), True), (LostError("lost"), False)]
)
def test_whether_training_diverged_is_told(stage, tmp_path, monkeypatch, error, diverged):
    def fail(task):
        raise error

    replace_stage(monkeypatch, fail)
    assert answer_of(stage, Store(tmp_path / "store"))["diverged"] == diverged
