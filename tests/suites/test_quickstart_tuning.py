"""The quickstart's settings are the best of the published grid, chosen where no test problem was seen."""

import csv
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import pytest
import yaml

ROOT = Path(__file__).parents[2]
QUICKSTART = yaml.safe_load((ROOT / "suites" / "quickstart.yaml").read_text("utf-8"))
TUNING = yaml.safe_load((ROOT / "suites" / "nano" / "tuning.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def accuracies():
    """Of each try, one a seed, by plug-in and budget."""
    found = defaultdict(lambda: defaultdict(list))
    with (ROOT / "results" / "published" / "tuning" / "scores.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["arm"] != "start":
                assert (row["benchmark"], row["metric"], row["n"]) == ("nano_validation", "greedy", "1000")
                method, plugin = row["arm"].split("+")
                found[plugin, int(row["unique_pairs"])][method].append(float(row["value"]))
    return found


def test_every_arm_has_as_many_tries(accuracies):
    assert {place: len(tries) for place, tries in accuracies.items()} == {
        ("plain", 256): 16, ("plain", 512): 16, ("plain", 1024): 16,
        ("lorr", 256): 16, ("lorr", 512): 16, ("lorr", 1024): 16,
        ("replay_only", 1024): 16, ("no_reset", 1024): 16,
    }  # fmt: skip


def test_the_settings_are_those_of_the_best_try(accuracies):
    """``beta0p5_lr1e-4`` is β 0.5 at a rate of 0.0001; of equal tries the first of the suite."""
    chosen = {}
    for (plugin, pairs), tries in accuracies.items():
        best = max(TUNING["methods"], key=lambda name: fmean(tries[name]))
        beta, rate = best.removeprefix("beta").replace("p", ".").split("_lr")
        chosen[f"dpo+{plugin}@{pairs}"] = {"beta": float(beta), "learning_rate": float(rate)}
    # YAML reads 3.0e-4 as a number only with the rules of the suite files, so both sides are made numbers here.
    shipped = {
        arm: {name: float(value) for name, value in settings.items()}
        for arm, settings in QUICKSTART["overrides"].items()
    }
    assert shipped == chosen


def test_the_tries_are_trained_as_the_quickstart_trains():
    first, *others = TUNING["methods"].values()
    ignored = ("adapter", "like", "beta", "learning_rate")
    assert {k: v for k, v in first.items() if k not in ignored} == QUICKSTART["methods"]["dpo"]
    assert all(other["like"] == "beta0p5_lr1e-4" for other in others)
    assert TUNING["budget"] == QUICKSTART["budget"]
    assert list(TUNING["plugins"]) == list(QUICKSTART["plugins"])


def test_test_problems_and_test_seeds_were_not_seen():
    tuned = {benchmark["source"] for benchmark in TUNING["evaluation"]["math"]}
    tested = {benchmark["source"] for benchmark in QUICKSTART["evaluation"]["math"]}
    assert tuned == {"nano/validation"}
    assert not tuned & tested
    assert not set(TUNING["seeds"]) & set(QUICKSTART["seeds"])
