"""What `plan`, `status` and `compare` print with `--json`: keys and values that programs rely on."""

import json

import pytest
from command_line import SMOKE, lorr_bench_here
from synthetic_results import make_results

from lorr_bench.plan.plan import make_plan
from lorr_bench.report.formats.results_file import RESULTS_FILE, results_bytes
from lorr_bench.run.state import STATE_FILE, Journal
from lorr_bench.spec.load import load_suite


def printed(*words, cwd):
    done = lorr_bench_here(*words, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def plan():
    return make_plan(load_suite(SMOKE))


def test_a_plan(tmp_path, plan):
    """The smoke suite: 80 prompts with 4 answers each; of two plug-ins, the second passes twice over 32 pairs.

    By batches of 16 that is 4 steps; a model of 869,504 parameters of 4 bytes is kept of each of 4 trainings.
    """
    found = printed("plan", SMOKE, "-o", tmp_path / "out", cwd=tmp_path)
    assert list(found) == [
        *("suite", "output", "store", "held_equal", "arms", "stages", "costs", "devices", "hours"),
        *("free_bytes", "tuning", "warnings", "tests", "notes"),
    ]
    assert (found["devices"], found["hours"]) == (None, [])
    assert (found["suite"], found["output"]) == ("smoke", str(tmp_path / "out"))
    assert found["held_equal"] == ["prompts", "unique_pairs", "verifier_calls"]
    assert found["arms"][-1] == {
        "arm": "dpo+lorr",
        "method": "dpo",
        "plugin": "lorr",
        "adapter": "trl.dpo",
        "unique_pairs": 32,
        "global_batch_size": 16,
        "at_most": {
            "unique_pairs": 32,
            "prompts": 80,
            "verifier_calls": 320,
            "pair_visits": 64,
            "optimizer_steps": 4,
        },
    }
    assert [stage["digest"] for stage in found["stages"]] == [stage.digest for stage in plan.stages]
    collect = next(stage for stage in found["stages"] if stage["kind"] == "collect")
    assert collect["label"] == "collect, seed 0"
    assert (list(collect["inputs"]), collect["done"]) == (["start"], False)
    train = next(cost for cost in found["costs"] if cost["kind"] == "train")
    assert (train["stages"], train["left"], train["memory_verdict"]) == (4, 4, "fits")
    assert train["seconds"] == {"value": None, "bound": None, "rests_on": "nothing measured"}
    assert train["disk_bytes"]["value"] == pytest.approx(4 * 4 * 869_504, rel=0.01)
    assert found["tests"][0].startswith("One seed")


def test_a_plan_for_gpus_that_are_not_here(tmp_path):
    """Two GPUs halve what four trainings take; what lm-eval takes is unknown of each of the five models."""
    found = printed("plan", SMOKE, "-o", tmp_path / "out", "--devices", "h100-80gb:2", cwd=tmp_path)
    assert found["devices"] == "2 × H100 80 GB"
    hours = {each.pop("kind"): each for each in found["hours"]}
    train = hours["train"]
    assert (train["left"], train["devices"], train["unknown"], train["measured"]) == (4, 1, 0, 0)
    low, high = train["device_seconds"]
    assert 0 < low < high
    assert train["seconds"] == [low / 2, high / 2]
    general = hours["evaluate_general"]
    assert (general["unknown"], general["device_seconds"], general["seconds"]) == (5, None, None)


def test_a_status(tmp_path, plan):
    trained = list(plan.training.values())
    journal = Journal(tmp_path / "out" / STATE_FILE)
    (tmp_path / "out").mkdir()
    journal.fails(trained[0], "the loss is not finite", tmp_path / "x.log")
    found = printed("status", SMOKE, "-o", tmp_path / "out", cwd=tmp_path)
    assert list(found) == ["suite", "output", "store", "owner", "done", "total", "stages"]
    assert (found["owner"], found["done"], found["total"]) == (None, 0, len(plan.stages))
    states = {stage["digest"]: stage for stage in found["stages"]}
    assert states[trained[0]] == {
        "digest": trained[0],
        "kind": "train",
        "label": "train dpo+plain, 16 pairs, seed 0",
        "state": "failed",
        "seconds": None,
        "slot": None,
        "attempts": 1,
        "reason": "the loss is not finite",
        "log": str(tmp_path / "x.log"),
    }
    assert (states[trained[1]]["state"], states[trained[1]]["attempts"]) == ("left", 0)


@pytest.mark.slow
def test_a_comparison(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "report").mkdir(parents=True)
        (tmp_path / name / "report" / RESULTS_FILE).write_bytes(results_bytes(make_results()))
    found = printed("compare", "one", "two", cwd=tmp_path)
    assert (found["runs"], found["not_compared"]) == (["one", "two"], [])
    first, second, *_ = found["rows"]
    assert (first["run"], second["run"]) == ("one", "two")
    assert (first["difference"], second["difference"]) == (None, 0.0)  # the same results twice
    assert {"benchmark", "metric", "arm", "unique_pairs", "mean", "low", "high", "p_holm"} <= set(second)


@pytest.mark.slow
def test_a_run_that_is_misspelt_is_told_the_nearest(tmp_path):
    (tmp_path / "plain_run" / "report").mkdir(parents=True)
    (tmp_path / "plain_run" / "report" / RESULTS_FILE).write_bytes(results_bytes(make_results()))
    done = lorr_bench_here("compare", "plain_run", "plain_rum", cwd=tmp_path)
    assert done.returncode == 3
    assert "did you mean `plain_run`?" in done.stderr
