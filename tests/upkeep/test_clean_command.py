"""``lorr-bench clean`` from end to end."""

import json
from functools import partial

import pytest
from command_line import lorr_bench_here
from finished_suite import SUITE, finish, plan_of

from lorr_bench.store.store import Store


@pytest.fixture
def clean(tmp_path):
    return partial(lorr_bench_here, "clean", cwd=tmp_path)


@pytest.mark.slow
def test_weights_are_shown_then_freed(clean, tmp_path):
    values = {**SUITE, "seeds": [0], "budget": {"unique_pairs": [8]}, "execution": {"keep": "none"}}
    plan = plan_of(values, tmp_path)
    store = Store(tmp_path / "output" / "store")
    for stage in plan.stages:
        finish(store, stage)
    asked = [tmp_path / "suite.yaml", "--output", tmp_path / "output"]
    shown = clean(*asked)
    assert shown.returncode == 0, shown.stderr
    assert "weights that `keep: none` does not keep" in shown.stdout
    assert "can be freed: the same command with --yes frees it." in shown.stdout
    assert all(map(store.whole, plan.stages))
    assert "freed." in clean(*asked, "--yes").stdout
    assert not any(store.whole(stage) for stage in plan.stages if stage.kind == "train")
    assert "Nothing to free." in clean(*asked).stdout


def test_without_a_suite_what_is_damaged_goes(clean, tmp_path):
    damaged = tmp_path / "results" / "store" / "damaged" / "train-abc"
    damaged.mkdir(parents=True)
    (damaged / "weights").write_text("12345", "utf-8")
    assert "5 B freed." in clean("--yes").stdout
    assert not damaged.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--unused"], "what is unused depends on the suites"),
        (["--output", "x"], "an output folder is that of one suite"),
    ],
)
def test_options_that_need_a_suite_say_so(clean, arguments, words):
    done = clean(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_suite_that_is_not_valid_frees_nothing(clean, tmp_path):
    (tmp_path / "suite.yaml").write_text(json.dumps({"name": "x"}), "utf-8")
    damaged = tmp_path / "results" / "store" / "damaged" / "a"
    damaged.mkdir(parents=True)
    assert clean("suite.yaml", "--yes").returncode == 2
    assert damaged.exists()
