"""The suites that ask the questions at nano scale: declared beforehand, on the same pairs, and tuned on others."""

from pathlib import Path

import pytest
import yaml

from lorr_bench.spec.load import load_suite

SUITES = Path(__file__).parents[2] / "suites"
SUPERSEDED = {"curve", "tuning"}
"""Made before a suite could declare and tune; published results refer to them."""
CHOOSE = {"adaptive_rules"}
"""Chose what another suite tests, on validation problems."""
QUESTIONS = sorted({file.stem for file in (SUITES / "nano").glob("*.yaml")} - SUPERSEDED - CHOOSE)


@pytest.fixture(params=QUESTIONS)
def name(request):
    return request.param


def suite_of(name):
    return load_suite(SUITES / f"{name}.yaml").suite


def test_what_is_tested_is_said_and_no_default(name):
    analysis = suite_of(f"nano/{name}").analysis
    assert (analysis.measure.benchmark, analysis.measure.metric) == ("nano_easy", "greedy")
    assert analysis.primary


def test_pairs_and_problems_are_those_of_the_quickstart(name):
    suite, quickstart = suite_of(f"nano/{name}"), suite_of("quickstart")
    assert suite.data == quickstart.data
    assert suite.engine == quickstart.engine
    assert suite.evaluation.math == quickstart.evaluation.math
    assert len(suite.seeds) >= 5


def test_settings_are_chosen_on_other_problems_with_other_seeds(name):
    said = yaml.safe_load((SUITES / "nano" / f"{name}.yaml").read_text("utf-8"))
    tuning = said.get("tuning", {"seeds": [100], "benchmark": {"source": "nano/validation"}})
    assert tuning["benchmark"]["source"] == "nano/validation"
    assert tuning["seeds"] == [100]
    assert 100 not in said["seeds"]


def test_the_page_of_experiments_names_every_suite_that_asks_a_question():
    page = (SUITES.parent / "docs" / "experiments.md").read_text("utf-8")
    folders = ("nano", "paper", "onegpu")
    names = {f"{folder}/{file.stem}" for folder in folders for file in (SUITES / folder).glob("*.yaml")}
    assert {name for name in names if f"`{name}`" not in page} == {f"nano/{name}" for name in SUPERSEDED}
