"""A run that is killed, terminated and interrupted in the middle of a training leaves what an undisturbed one does.

``benchmarks/kills.py`` does the same at a hundred random moments of the smoke suite.
"""

import importlib.util
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from command_line import lorr_bench_warm
from warm_process import warm_popen, warm_process

pytestmark = pytest.mark.slow

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "kills.py"
SUITE = {
    "name": "tiny",
    "seeds": [0],
    "data": {"pairs": {"source": "pairs.jsonl"}},
    "budget": {"unique_pairs": [40]},
    "methods": {"simpo": {"backend": "native", "per_device_train_batch_size": 1, "max_length": 96}},
    "plugins": {"lorr": {"replays": 2}},
    "evaluation": {"math": [{"name": "nano_easy", "source": "nano/easy", "limit": 2, "max_tokens": 8}]},
    "training": {"save_steps": 1, "diagnostics": False},  # 80 steps, with a checkpoint after each
    "execution": {"workers": 1},
}
WAYS = ("kill_command", "terminate", "interrupt", "kill_all")


class Ending(NamedTuple):
    """How a run came to its end.

    Attributes:
        way: Name of the function that ended it.
        code: Its exit code.
        printed: What it printed.
        strays: Commands of processes that it left behind.
        locked: Whether its output folder was still locked.
        spent: Training seconds that are written down beside the checkpoints.
    """

    way: str
    code: int
    printed: str
    strays: list
    locked: bool
    spent: float


@pytest.fixture(scope="module")
def kills():
    spec = importlib.util.spec_from_file_location("kills", BENCHMARK)
    module = sys.modules["kills"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored would be inherited
    yield module
    signal.signal(signal.SIGINT, before)
    del sys.modules["kills"]


@pytest.fixture(scope="module")
def words(small_model, nano_pairs, tmp_path_factory):
    """What begins the trainings of a tiny suite; the output folder comes behind."""
    folder = tmp_path_factory.mktemp("suite")
    rows = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in nano_pairs]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    suite = folder / "suite.yaml"
    suite.write_text(yaml.safe_dump({**SUITE, "model": str(small_model)}), "utf-8")
    return ["run", str(suite), "--only", "train", "-o"]


@pytest.fixture(scope="module")
def start(kills, words, tmp_path_factory):
    """Start them in a folder, in processes that are known by their sessions."""
    printed = tmp_path_factory.mktemp("printed")
    command = [sys.executable, "-m", "lorr_bench.cli", *words]
    popen = warm_popen(warm_process()) if sys.platform == "linux" else subprocess.Popen
    return lambda output: kills.Run([*command, str(output)], printed, popen)


def steps(output):
    """The newest checkpoint of a training under way."""
    found = output.glob("store/unfinished/*/checkpoints/step-*")
    return max((int(path.name.removeprefix("step-")) for path in found), default=0)


def wait_for_a_further_checkpoint(run, output, before):
    while steps(output) <= before:
        assert run.process.poll() is None, run.printed
        time.sleep(0.002)


def spent(output):
    (file,) = output.glob("store/unfinished/*/spent.json")
    return json.loads(file.read_text("utf-8"))["seconds"]


@pytest.fixture(scope="module")
def undisturbed(words, tmp_path_factory):
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    run = lorr_bench_warm(*words, output)
    assert run.returncode == 0, run.stderr
    return output


@pytest.fixture(scope="module")
def disturbed(kills, words, start, tmp_path_factory):
    """A run that was ended in four ways, one after the other, and then left alone; and the four endings."""
    output = tmp_path_factory.mktemp("disturbed") / "out"
    endings = []
    for way in WAYS:
        before = steps(output)
        run = start(output)
        wait_for_a_further_checkpoint(run, output, before)
        run.processes()  # from now on their sessions are known
        getattr(kills, way)(run)
        code = run.process.wait()
        strays, locked = run.strays(), (output / "lock").exists()
        endings.append(Ending(way, code, run.printed, strays, locked, spent(output)))
        assert kills.broken(output / "store") == []
    run = lorr_bench_warm(*words, output)
    assert run.returncode == 0, run.stderr
    return output, endings


def test_results_and_weights_are_the_same_byte_for_byte(kills, undisturbed, disturbed):
    output, _ = disturbed
    expected, found = kills.contents(undisturbed), kills.contents(output)
    assert sum(name.endswith("model.safetensors") for name in expected) == 1
    assert "report/ledger.csv" in expected
    assert kills.differences(expected, found) == []


def test_no_process_is_left(disturbed):
    _, endings = disturbed
    assert {ending.way: ending.strays for ending in endings} == {way: [] for way in WAYS}


@pytest.mark.parametrize("way", ["terminate", "interrupt"])
def test_a_signal_ends_a_run_with_one_line(kills, disturbed, way):
    _, endings = disturbed
    (ending,) = [ending for ending in endings if ending.way == way]
    assert ending.code == 130
    assert kills.MESSAGE.fullmatch(ending.printed.splitlines()[-1])
    assert "Traceback" not in ending.printed
    assert not ending.locked


def test_what_was_spent_before_each_end_is_charged(disturbed):
    output, endings = disturbed
    before = [ending.spent for ending in endings]
    assert before == sorted(before)
    (record,) = (json.loads(path.read_text("utf-8")) for path in output.glob("store/train/*/record.json"))
    last = record["outcome"]["parts"]["train"]
    assert record["outcome"]["spend"]["wall_seconds"] == pytest.approx(before[-1] + last)
