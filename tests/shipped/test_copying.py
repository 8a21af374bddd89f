"""A shipped suite as a file of the user's own."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.plan.plan import make_plan
from lorr_bench.shipped.catalog import shipped_suites
from lorr_bench.shipped.copying import copy_suite
from lorr_bench.spec.load import load_suite


@pytest.mark.parametrize("name", sorted(shipped_suites()))
def test_a_copy_says_the_same_suite(tmp_path, name):
    copy = copy_suite(name, tmp_path)
    assert copy == tmp_path / f"{name.rpartition('/')[2]}.yaml"
    assert load_suite(copy).suite == load_suite(shipped_suites()[name]).suite
    first, *rest = copy.read_text("utf-8").splitlines()
    assert rest == shipped_suites()[name].read_text("utf-8").splitlines()[1:]
    place = urlsplit(first.partition("$schema=")[2])
    assert place.scheme == "file"
    assert json.loads(Path(unquote(place.path)).read_text("utf-8"))["title"] == "lorr-bench suite"


def test_a_copy_of_a_paper_suite_has_its_published_figures(tmp_path):
    published = make_plan(load_suite(copy_suite("paper/iterative_math", tmp_path))).published
    # DPO-VP's README: MATH-500 64.8 for the base, 74.8 after six rounds
    shown = {(line.arm, line.value) for line in published if line.benchmark == "math500"}
    assert shown == {("start", 0.648), ("dpo_iterative+plain", 0.748)}


def test_a_missing_folder_is_made(tmp_path):
    assert copy_suite("smoke", tmp_path / "a" / "b").parent == tmp_path / "a" / "b"


def test_a_file_that_is_there_stays(tmp_path):
    mine = tmp_path / "smoke.yaml"
    mine.write_text("mine\n", "utf-8")
    with pytest.raises(SuiteError, match="is there already"):
        copy_suite("smoke", tmp_path)
    assert mine.read_text("utf-8") == "mine\n"


def test_a_place_that_can_not_be_written_is_one_message(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SuiteError, match="can't be written"):
        copy_suite("smoke", tmp_path / "file")


def test_an_unknown_name_gets_the_nearest(tmp_path):
    with pytest.raises(SuiteError) as caught:
        copy_suite("quikstart", tmp_path)
    assert caught.value.what == "no shipped suite has this name"
    assert caught.value.fix.startswith("did you mean `quickstart`? Shipped are gsm8k, methods, ")
