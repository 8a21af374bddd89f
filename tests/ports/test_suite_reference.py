"""The page of suite keys is current, and has what people look for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from lorr_bench.ports.settings import settings_of
from lorr_bench.ports.suite_reference import reference
from lorr_bench.spec.models import Suite

PAGE = Path(__file__).parents[2] / "docs" / "suite-reference.md"


@cache
def rows(section: str) -> dict[str, list[str]]:
    """The cells of a section's table after the key, by the key."""
    _, _, after = PAGE.read_text("utf-8").partition(f"\n## {section}\n")
    lines = [line for line in after.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("`").partition("`")[0]: row[1:] for row in cells}


@pytest.mark.slow
def test_the_page_is_current() -> None:
    stale = "run: python -m lorr_bench.ports.suite_reference > docs/suite-reference.md"
    assert PAGE.read_text("utf-8") == reference(), stale


def test_every_key_of_the_suite_has_a_row_and_a_meaning() -> None:
    parts = (
        "model",
        "data",
        "budget",
        "evaluation",
        "analysis",
        "tuning",
        "published",
        "training",
        "engine",
        "execution",
    )
    told = rows("The suite itself").keys() | {key for part in parts for key in rows(f"`{part}`")}
    assert told == {setting.name for setting in settings_of(Suite)}
    assert all(row[2] for part in parts for row in rows(f"`{part}`").values())


def test_entries_of_lists_have_their_keys() -> None:
    assert rows("`evaluation`")["evaluation.math.repeats"][:2] == ["whole number ≥ 0", "0"]
    assert rows("`evaluation`")["evaluation.general.metric"][0] == "text or null"


def test_a_row_says_values_default_meaning_and_whether_results_change() -> None:
    assert rows("`engine`")["engine.enforce_eager"] == [
        "true or false",
        "true",
        "no CUDA graphs and no compilation (for which a CPU needs g++): starts sooner, runs slower",
        "",
    ]
    assert rows("The suite itself")["seeds"][3] == "yes"


def test_other_names_of_a_key_stand_beside_it_in_their_section() -> None:
    assert "| `plugins.NAME.reset.factor` or `plugins.NAME.reset.alpha` |" in PAGE.read_text("utf-8")


def test_what_backends_have_differently_is_said() -> None:
    common = rows("Hyper-parameters of every method")
    assert common["padding_free"][4] == "native"
    assert common["environment"][3:5] == ["", "llamafactory"]  # a place on this machine
    assert common["weight_decay"][3:5] == ["yes", ""]


def test_a_method_has_its_own_table() -> None:
    assert rows("`simpo`")["gamma_beta_ratio"][:2] == ["number ≥ 0", "0.55"]
    assert set(rows("`sft`")) == {"learning_rate"}
