from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from lorr_bench.spec.presets import PRESETS, expand_preset, packages_needed

FOLDERS = ("arc", "hellaswag", "mmlu/default", "truthfulqa", "winogrande", "gsm8k", "leaderboard", "mmlu_pro")
FOLDERS += ("bbh/cot_fewshot",)
BENCHMARKS = [(preset, part["name"], part) for preset, parts in PRESETS.items() for part in parts]


@pytest.fixture(scope="module")
def index():
    """lm-eval's own task files, those of the presets."""
    import lm_eval.tasks
    from lm_eval.tasks import TaskManager

    root = Path(lm_eval.tasks.__file__).parent
    return TaskManager(include_path=[root / folder for folder in FOLDERS], include_defaults=False).task_index


def leaves(index, name):
    """The settings of the tasks behind a name."""
    entry = index[name]
    if entry.kind.name == "TASK":
        return [entry.cfg]
    members = entry.cfg["task"] if entry.kind.name == "GROUP" else sorted(entry.tags)
    return [leaf for member in members for leaf in leaves(index, member)]


@pytest.mark.parametrize(("preset", "name", "part"), BENCHMARKS)
def test_lm_eval_has_the_tasks_with_metric_and_filter(index, preset, name, part):
    metric, _, chosen = part["metric"].partition(",")
    for task in part["tasks"]:
        for leaf in leaves(index, task):
            assert metric in [entry["metric"] for entry in leaf["metric_list"]]
            filters = [entry["name"] for entry in leaf.get("filter_list", [])]
            assert not chosen or chosen in filters


def test_the_few_shot_numbers_of_the_second_leaderboard_stand_in_its_tasks(index):
    found = {
        part["name"]: {leaf.get("num_fewshot", 0) for task in part["tasks"] for leaf in leaves(index, task)}
        for part in PRESETS["leaderboard"]
    }
    assert found == {
        "leaderboard_bbh": {3},
        "leaderboard_gpqa": {0},
        "leaderboard_ifeval": {0},
        "leaderboard_math_hard": {4},
        "leaderboard_mmlu_pro": {5},
        "leaderboard_musr": {0},
    }


def test_the_second_leaderboard_is_complete(index):
    named = {
        leaf["task"] for part in PRESETS["leaderboard"] for t in part["tasks"] for leaf in leaves(index, t)
    }
    assert named == {leaf["task"] for leaf in leaves(index, "leaderboard")}


def test_the_classic_six_have_their_few_shot_numbers():
    assert {part["tasks"][0]: part["num_fewshot"] for part in PRESETS["classic"]} == {
        "arc_challenge": 25,
        "hellaswag": 10,
        "mmlu": 5,
        "truthfulqa_mc2": 0,
        "winogrande": 5,
        "gsm8k": 5,
    }


def test_a_preset_is_copied_for_each_suite():
    first = expand_preset("bbh")
    first[0]["num_fewshot"] = 99
    assert expand_preset("bbh")[0]["num_fewshot"] == 3


def test_an_unknown_preset_is_an_error():
    with pytest.raises(KeyError, match="nothing"):
        expand_preset("nothing")


def test_ifeval_needs_packages_of_its_own(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    needed = ("immutabledict", "langdetect", "nltk>=3.9.1", "setuptools<81")
    assert packages_needed(["leaderboard_ifeval", "bbh", "leaderboard"]) == needed
    assert packages_needed(["mmlu", "leaderboard_math_hard"]) == ()


def test_installed_packages_are_not_asked_for(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "langdetect" else name)
    assert packages_needed(["ifeval"]) == ("langdetect",)
