"""Starting ranks, hearing from them, and ending them."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest
import torch
import yaml

from lorr_bench.errors import DataError, LostError, MissingPackageError, StageError, SuiteError
from lorr_bench.plan.sharding import library_of, sharding_of
from lorr_bench.spec.models import TrainingSpec
from lorr_bench.stages.training import rank as rank_module
from lorr_bench.stages.training import ranks
from lorr_bench.stages.training.rank import main, teller
from lorr_bench.stages.training.ranks import check_devices, config_file, rank_environment, train_in_processes

HERE = Path(__file__).parent
FOUND = os.pathsep.join(map(str, [HERE, HERE.parent, HERE.parents[1]]))
QUIET = lambda *_: None  # noqa: E731


@pytest.fixture(autouse=True)
def _found_by_the_ranks(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", FOUND)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """Two runs side by side, in a folder with files that no rank may import: by number, the outcome and what was told; what is left."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("torch.py", "lorr_bench.py"):
        (folder / name).write_text("raise SystemExit('a file of the user was run')")
    told = {20: [], 100: []}

    def train(number):
        tell = lambda *of: told[number].append(of)  # noqa: E731
        log = folder / f"log {number}"
        return train_in_processes({"number": number}, 2, "ddp", log, tell, work="rank_work:report")

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as both:
        patch.setenv("PYTHONPATH", FOUND)
        patch.setenv("OMP_NUM_THREADS", "4")
        patch.setenv("CUDA_VISIBLE_DEVICES", "5,3")  # those of the worker
        (folder / "temporary").mkdir()
        patch.setenv("TMPDIR", str(folder / "temporary"))
        patch.setattr(ranks, "check_devices", lambda number, sharding: None)
        patch.chdir(folder)
        outcomes = dict(zip(told, both.map(train, told), strict=True))
        return outcomes, told, sorted((folder / "temporary").iterdir())


@pytest.mark.slow
def test_the_ranks_work_together_and_rank_0_speaks_for_all(two_runs):
    outcomes, told, _ = two_runs
    environment = {"WORLD_SIZE": "2", "OMP_NUM_THREADS": "2", "FSDP_VERSION": None}
    assert outcomes[20] == {"rank": 0, "sum": 41, **environment, "CUDA_VISIBLE_DEVICES": "5,3"}
    assert told[20][-1] == (2, 2, 10)
    assert set(told[20]) <= {(1, 2, 5), (2, 2, 10)}


@pytest.mark.slow
def test_two_runs_side_by_side_do_not_meet(two_runs):
    outcomes, *_ = two_runs
    assert [outcome["sum"] for outcome in outcomes.values()] == [20 + 21, 100 + 101]


@pytest.mark.slow
def test_nothing_is_left_among_temporary_files(two_runs):
    *_, left = two_runs
    assert left == []


@pytest.mark.slow
def test_the_ranks_import_nothing_from_the_folder_of_the_run(two_runs):
    """Else they had ended before they could say who they are."""
    outcomes, *_ = two_runs
    assert [outcome["rank"] for outcome in outcomes.values()] == [0, 0]


@pytest.mark.slow
@pytest.mark.usefixtures("warm_ranks")
def test_all_ranks_decide_by_the_signal_of_the_first(tmp_path):
    """Alone, rank 1 would see its margin rise to ln 4."""
    log = tmp_path / "log"
    first, second = train_in_processes({}, 2, "ddp", log, QUIET, work="rank_work:decide")["seen"]
    assert first == second == [[0.0, 0.0], [{"signal/held_out_margin": 0.0, "reset_factor": 1.0}], 0]


@pytest.mark.slow
@pytest.mark.usefixtures("warm_ranks")
def test_the_reason_of_one_rank_ends_all_and_keeps_its_kind(tmp_path):
    with pytest.raises(DataError) as caught:
        train_in_processes({}, 2, "ddp", tmp_path / "log", QUIET, work="rank_work:explain")
    error = caught.value
    assert (error.what, error.where, error.fix) == ("the file is empty", "pairs.jsonl", "Fill it.")


@pytest.mark.slow
@pytest.mark.usefixtures("warm_ranks")
def test_a_crash_of_one_rank_ends_all_and_shows_the_log(tmp_path):
    with pytest.raises(StageError, match="ZeroDivisionError: a number by zero") as caught:
        train_in_processes({}, 2, "ddp", tmp_path / "log", QUIET, work="rank_work:crash")
    assert caught.value.where == "rank 1"
    assert str(tmp_path / "log") in caught.value.fix
    assert "Traceback" in (tmp_path / "log").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("warm_ranks")
def test_a_killed_rank_ends_all_and_shows_the_log(tmp_path):
    (tmp_path / "log").write_text("of an earlier run\n")
    with pytest.raises(LostError, match="ended from outside"):
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
@pytest.mark.usefixtures("warm_ranks")
def test_an_interrupted_parent_leaves_no_rank_behind(tmp_path):
    class Interrupted(BaseException):
        pass

    def interrupt(*_):
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
        "from pathlib import Path; from lorr_bench.stages.training.ranks import train_in_processes as train;"
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
    with pytest.raises(SuiteError, match="shards weights on accelerators only"):
        check_devices(2, "fsdp")


def test_deepspeed_needs_no_accelerator_but_its_package(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(ranks.importlib.util, "find_spec", lambda name: object())
    check_devices(2, "deepspeed_zero2")
    monkeypatch.setattr(ranks.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="DeepSpeed is not installed") as caught:
        check_devices(2, {"distributed_type": "DEEPSPEED"})
    assert "pip install 'lorr-bench[deepspeed]'" in caught.value.fix


def test_the_ranks_share_the_threads_and_see_the_devices_of_their_worker():
    own = {"OMP_NUM_THREADS": "9", "PATH": "/bin", "CUDA_VISIBLE_DEVICES": "2,5"}
    assert rank_environment(own, 4) == {**own, "OMP_NUM_THREADS": "2", "PYTHONSAFEPATH": "1"}


def test_what_the_user_has_set_for_accelerate_does_not_reach_the_ranks():
    own = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "1", "OMP_NUM_THREADS": "1"}
    assert rank_environment(own, 2) == {"OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}


@pytest.mark.parametrize("name", get_args(TrainingSpec.model_fields["sharding"].annotation))
def test_every_name_of_a_sharding_has_a_configuration_that_a_user_could_have_written(name, tmp_path):
    config = yaml.safe_load(config_file(name, tmp_path).read_text())
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(config))
    training = TrainingSpec(num_processes=2, accelerate_config="own.yaml")
    assert sharding_of(training, tmp_path) == config
    assert library_of(config) == library_of(name)


@pytest.mark.slow
@pytest.mark.usefixtures("warm_ranks")
def test_accelerate_reads_the_shipped_fsdp_as_meant(tmp_path, monkeypatch):
    monkeypatch.setattr(ranks, "check_devices", lambda number, sharding: None)
    plugin = train_in_processes({}, 2, "fsdp", tmp_path / "log", QUIET, work="rank_work:fsdp_plugin")
    assert plugin == {
        "fsdp_version": "2",
        "reshard_after_forward": "True",
        "cpu_ram_efficient_loading": "False",
        "state_dict_type": "StateDictType.FULL_STATE_DICT",
        "auto_wrap_policy": "transformer_auto_wrap_policy",
    }


@pytest.mark.slow
@pytest.mark.usefixtures("warm_ranks")
def test_a_configuration_of_the_user_reaches_the_ranks(tmp_path, monkeypatch):
    monkeypatch.setattr(ranks, "check_devices", lambda number, sharding: None)
    own = yaml.safe_load(config_file("fsdp", tmp_path).read_text())
    own["fsdp_config"]["fsdp_reshard_after_forward"] = False
    plugin = train_in_processes({}, 2, own, tmp_path / "log", QUIET, work="rank_work:fsdp_plugin")
    assert plugin["reshard_after_forward"] == "False"


@pytest.mark.slow
@pytest.mark.usefixtures("warm_ranks")
def test_a_rank_without_memory_is_worth_another_attempt(tmp_path):
    with pytest.raises(MemoryError, match="rank 1: CUDA out of memory"):
        train_in_processes({}, 2, "ddp", tmp_path / "log", QUIET, work="rank_work:fill_memory")


def test_progress_is_written_seldom_but_its_end_always(tmp_path, monkeypatch):
    clock = iter([0.0, 0.1, 0.2, 0.3, 0.31])
    monkeypatch.setattr(rank_module.time, "monotonic", lambda: next(clock))
    tell, seen = teller(tmp_path / "progress.json"), []
    for done in range(1, 6):
        tell(done, 5, 10 * done)
        seen.append(json.loads((tmp_path / "progress.json").read_text()))
    assert seen == [[1, 5, 10], [1, 5, 10], [1, 5, 10], [4, 5, 40], [5, 5, 50]]


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
