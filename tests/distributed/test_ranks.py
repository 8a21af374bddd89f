"""Starting ranks, hearing from them, and ending them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lorr_bench.errors import DataError, StageError, SuiteError
from lorr_bench.stages import rank as rank_module
from lorr_bench.stages.rank import main, teller
from lorr_bench.stages.ranks import check_devices, rank_environment, train_in_processes

HERE = Path(__file__).parent
QUIET = lambda done, total: None  # noqa: E731


@pytest.fixture(autouse=True)
def _found_by_the_ranks(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{HERE}{os.pathsep}{HERE.parents[1]}")
    monkeypatch.setenv("OMP_NUM_THREADS", "4")


@pytest.mark.slow
def test_the_ranks_work_together_and_rank_0_speaks_for_all(tmp_path):
    told = []
    outcome = train_in_processes(
        {"number": 20},
        2,
        "ddp",
        tmp_path / "log",
        lambda *of: told.append(of),
        work="rank_work:report",
    )
    assert outcome == {"rank": 0, "sum": 41, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "2", "FSDP_VERSION": None}
    assert told[-1] == (2, 2)
    assert set(told) <= {(1, 2), (2, 2)}


@pytest.mark.slow
def test_the_reason_of_one_rank_ends_all_and_keeps_its_kind(tmp_path):
    with pytest.raises(DataError) as caught:
        train_in_processes({}, 2, "ddp", tmp_path / "log", QUIET, work="rank_work:explain")
    error = caught.value
    assert (error.what, error.where, error.fix) == ("the file is empty", "pairs.jsonl", "Fill it.")


@pytest.mark.slow
def test_a_crash_of_one_rank_ends_all_and_shows_the_log(tmp_path):
    with pytest.raises(StageError, match="ZeroDivisionError: a number by zero") as caught:
        train_in_processes({}, 2, "ddp", tmp_path / "log", QUIET, work="rank_work:crash")
    assert caught.value.where == "rank 1"
    assert str(tmp_path / "log") in caught.value.fix
    assert "Traceback" in (tmp_path / "log").read_text()


@pytest.mark.slow
def test_a_killed_rank_ends_all_and_shows_the_log(tmp_path):
    (tmp_path / "log").write_text("of an earlier run\n")
    with pytest.raises(StageError, match="ended from outside"):
        train_in_processes({}, 2, "ddp", tmp_path / "log", QUIET, work="rank_work:die")
    log = (tmp_path / "log").read_text()
    assert log.startswith("of an earlier run\n")
    assert "the last words of rank 1" in log


def running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # a process whose parent is gone and that nobody waits for still answers
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def rank_ids(folder):
    return [int(file.read_text()) for file in sorted(folder.glob("pid.*")) if file.read_text()]


@pytest.mark.slow
def test_an_interrupted_parent_leaves_no_rank_behind(tmp_path):
    class Interrupted(BaseException):
        pass

    def interrupt(done, total):
        wait_until(lambda: len(rank_ids(tmp_path)) == 2)
        raise Interrupted

    with pytest.raises(Interrupted):
        train_in_processes(
            {"folder": str(tmp_path)}, 2, "ddp", tmp_path / "log", interrupt, work="rank_work:linger"
        )
    wait_until(lambda: not any(map(running, rank_ids(tmp_path))))


@pytest.mark.slow
def test_ranks_end_when_parent_and_launcher_are_killed(tmp_path):
    """As a run does that is killed with all its group: the ranks are in sessions of their own."""
    call = (
        "from pathlib import Path; from lorr_bench.stages.ranks import train_in_processes as train;"
        f"train({{'folder': {str(tmp_path)!r}}}, 2, 'ddp', Path({str(tmp_path)!r}, 'log'), print,"
        " work='rank_work:linger')"
    )
    parent = subprocess.Popen([sys.executable, "-c", call], start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(rank_ids(tmp_path)) == 2)
    finally:
        os.killpg(parent.pid, 9)
        parent.wait()
    wait_until(lambda: not any(map(running, rank_ids(tmp_path))))


def test_fewer_accelerators_than_ranks_are_refused(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    check_devices(2, "fsdp")
    with pytest.raises(SuiteError, match="3 processes need as many accelerators, this machine has 2"):
        check_devices(3, "ddp")


def test_without_accelerator_only_replicas_can_be_trained(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    check_devices(64, "ddp")
    with pytest.raises(SuiteError, match="sharded on accelerators only"):
        check_devices(2, "fsdp")


def test_sharding_is_said_in_the_words_of_accelerate():
    environment = rank_environment({"OMP_NUM_THREADS": "9", "PATH": "/bin"}, 4, "fsdp")
    assert environment["ACCELERATE_USE_FSDP"] == "true"
    assert environment["FSDP_VERSION"] == "2"
    assert environment["OMP_NUM_THREADS"] == "2"
    assert environment["PATH"] == "/bin"


def test_what_the_user_has_set_for_accelerate_does_not_reach_the_ranks():
    own = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "1", "OMP_NUM_THREADS": "1"}
    assert rank_environment(own, 2, "ddp") == {"OMP_NUM_THREADS": "1"}
    assert rank_environment(own, 2, "fsdp")["FSDP_VERSION"] == "2"


def test_accelerate_reads_the_environment_as_meant(monkeypatch):
    from accelerate import FullyShardedDataParallelPlugin

    for name, value in rank_environment({}, 2, "fsdp").items():
        monkeypatch.setenv(name, value)
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2
    assert plugin.reshard_after_forward is True
    assert plugin.cpu_ram_efficient_loading is False
    assert str(plugin.state_dict_type) == "StateDictType.FULL_STATE_DICT"
    assert plugin.auto_wrap_policy.__name__ == "transformer_auto_wrap_policy"


def test_progress_is_written_seldom_but_its_end_always(tmp_path, monkeypatch):
    clock = iter([0.0, 0.1, 0.2, 0.3, 0.31])
    monkeypatch.setattr(rank_module.time, "monotonic", lambda: next(clock))
    tell, seen = teller(tmp_path / "progress.json"), []
    for done in range(1, 6):
        tell(done, 5)
        seen.append(json.loads((tmp_path / "progress.json").read_text()))
    assert seen == [[1, 5], [1, 5], [1, 5], [4, 5], [5, 5]]


@pytest.mark.parametrize(("rank", "files"), [(0, ["order.json", "outcome.json"]), (1, ["order.json"])])
def test_only_rank_0_leaves_an_outcome(tmp_path, rank, files):
    (tmp_path / "order.json").write_text(json.dumps({"work": "test_ranks:answer", "order": {"n": 5}}))
    assert main(tmp_path, rank) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == files


def answer(order, progress):
    return {"n": order["n"]}


def refuse(order, progress):
    raise DataError("no rows", where="here", fix="there")


def stumble(order, progress):
    raise KeyError("name")


@pytest.mark.parametrize(
    ("work", "code", "reason"),
    [
        ("refuse", 3, {"kind": "DataError", "what": "no rows", "where": "here", "fix": "there"}),
        ("stumble", 1, {"kind": "StageError", "what": "KeyError: 'name'", "where": "rank 1", "fix": ""}),
    ],
)
def test_a_failed_rank_leaves_its_reason(tmp_path, work, code, reason):
    (tmp_path / "order.json").write_text(json.dumps({"work": f"test_ranks:{work}", "order": {}}))
    assert main(tmp_path, 1) == code
    assert json.loads((tmp_path / "failure.1.json").read_text()) == reason
