"""What several test folders use: a tiny model and its pairs, made by code."""

import variables  # isort: skip  # noqa: F401 - sets what libraries read when they are imported

import gc
import itertools
import json
import os
import random
import re
import sys
from types import SimpleNamespace
from unittest.mock import patch

import hypothesis
import pytest
from command_line import SMOKE, logs, lorr_bench_warm
from filelock import FileLock
from warm_process import AT_FIRST, not_waited_for, warm_process, with_warm_launcher, with_warm_workers

from lorr_bench import line_process
from lorr_bench.data.nano import problems
from lorr_bench.values import Pair

gc.disable()  # while test files are imported
os.fsync = not_waited_for

# A busy machine must not fail a test: speed is measured in benchmarks/. Nor must chance: the same code is tried with the
# same examples. `pytest --hypothesis-profile searching` looks for others.
hypothesis.settings.register_profile("searching", deadline=None)
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.load_profile("same")


frozen = SimpleNamespace(modules=0)  # so many had been imported


def freeze():
    """What was imported stays: the collections that training calls for need not walk through it each time."""
    gc.collect()
    gc.freeze()
    frozen.modules = len(sys.modules)


def pytest_collection_finish():
    """Most was imported by now, and set what it sets in the environment."""
    gc.enable()
    freeze()
    AT_FIRST.update(os.environ)


let_go = gc.unfreeze


def unfreeze():
    """What vLLM calls when an engine ends."""
    let_go()
    frozen.modules = 0


gc.unfreeze = unfreeze


def pytest_runtest_teardown():
    """Freeze again what an engine let go of, and what a test imported."""
    if len(sys.modules) > frozen.modules:
        freeze()


@pytest.fixture(scope="module", autouse=True)
def environment_as_it_was():
    """What the tests of a file left in the environment ends with them: warm processes serve the one that all have."""
    with patch.dict(os.environ):
        yield


SLOW_FILE = re.compile(r"^pytestmark = .*pytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path, config):
    """A file of slow tests alone is not even imported where those are left out: imports take most of that time."""
    if collection_path.suffix != ".py" or "not slow" not in config.option.markexpr:
        return None
    return bool(SLOW_FILE.search(collection_path.read_text("utf-8"))) or None


FIRST = "test_end_to_end.py"  # its run of the smoke suite is there when others ask for it


def pytest_collection_modifyitems(config, items):
    """Side by side, what takes long begins first, so that all processes end together."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: (item.path.name != FIRST, item.path not in slow))


@pytest.fixture(scope="session")
def nano_pairs():
    """40 pairs: the worked solution, and one with a misread verb."""
    rng = random.Random(0)
    pairs = []
    for index, problem in enumerate(problems.problems("train", 5)):
        wrong = problems.misread_solution(problem, rng)
        if wrong != problem.solution():
            pairs.append(Pair(f"p{index}", problem.text, problem.solution(), wrong, index))
        if len(pairs) == 40:
            return pairs
    raise AssertionError("the generator is endless")


@pytest.fixture(scope="session")
def small_model(tmp_path_factory):
    """A folder with a random 2-layer model of 50 thousand parameters and the nano tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from lorr_bench.data.nano import tokenizer

    folder = tmp_path_factory.mktemp("model") / "small"
    tok = tokenizer.build()
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tok),
            hidden_size=64,  # heads of 32: vLLM's CPU attention knows no smaller
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=128,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tok.eos_token_id,
            pad_token_id=tok.pad_token_id,
        )
    )
    model.save_pretrained(folder)
    tok.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def nano_problems():
    """Ten problems of the easy split."""
    return list(itertools.islice(problems.problems("easy", 0), 10))


@pytest.fixture
def warm_workers(monkeypatch):
    """Workers that are started in this process have the large libraries already."""
    if sys.platform == "linux":
        monkeypatch.setattr(line_process, "subprocess", with_warm_workers(warm_process))


@pytest.fixture
def warm_ranks(monkeypatch):
    """Likewise launchers and ranks; how real ones start, two tests of tests/distributed/test_ranks.py show."""
    from lorr_bench.stages.training import ranks

    if sys.platform == "linux":
        monkeypatch.setattr(ranks, "subprocess", with_warm_launcher(warm_process()))


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """The finished smoke suite, run once for all test processes: its output folder, and what it printed."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    printed = root / "smoke.json"
    with FileLock(root / "smoke.lock"):
        if not printed.exists():
            done = lorr_bench_warm("run", SMOKE, "-o", root / "smoke")
            assert done.returncode == 0, done.stderr + logs(root / "smoke")
            printed.write_text(json.dumps({"stdout": done.stdout, "stderr": done.stderr}), "utf-8")
    return root / "smoke", SimpleNamespace(**json.loads(printed.read_text("utf-8")))
