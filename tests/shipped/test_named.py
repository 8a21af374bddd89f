"""A suite argument is a file, or the name of a shipped suite; what could mean both is refused."""

import shutil
from pathlib import Path

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.plan.plan import make_plan
from lorr_bench.shipped.catalog import needs, shipped_suites
from lorr_bench.shipped.named import load_named

SUITES = Path(__file__).parents[2] / "suites"
MODEL = SUITES.parent / "lorr_bench" / "data" / "nano" / "model"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, in which the command is typed."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(argument, *overrides):
    return load_named(Path(argument), overrides, Path())


def refusal(argument, *overrides):
    with pytest.raises(SuiteError) as caught:
        load(argument, *overrides)
    return caught.value


def test_every_suite_of_the_checkout_has_a_name():
    files = {path.relative_to(SUITES).as_posix() for path in SUITES.rglob("*.yaml")}
    assert {f"{name}.yaml" for name in shipped_suites()} == files
    assert {"quickstart", "paper/main_table"} <= set(shipped_suites())


@pytest.mark.parametrize("name", ["quickstart", "nano/curve", "paper/iterative_math"])
def test_a_name_gives_the_shipped_suite_with_the_digests_of_its_file(here, name):
    named, file = load(name), load(SUITES / f"{name}.yaml")
    assert named.suite == file.suite
    assert [stage.digest for stage in make_plan(named).stages] == [
        stage.digest for stage in make_plan(file).stages
    ]


def test_a_file_of_exactly_that_path_comes_first(here):
    shutil.copy(SUITES / "smoke.yaml", here / "quickstart")
    assert load("quickstart").suite.name == "smoke"


def test_a_folder_of_that_name_is_not_meant(here):
    (here / "quickstart").mkdir()
    assert load("quickstart").suite.name == "quickstart"


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_an_edited_copy_is_not_mistaken_for_the_shipped_suite(here, suffix):
    shutil.copy(SUITES / "smoke.yaml", here / f"smoke{suffix}")
    error = refusal("smoke")
    assert error.what == f"is both a shipped suite and a file here, smoke{suffix}"
    assert f"`smoke{suffix}`" in error.fix
    assert load(f"smoke{suffix}").suite.name == "smoke"


def test_the_shipped_file_itself_is_no_second_meaning(monkeypatch):
    monkeypatch.chdir(SUITES)
    assert load("smoke").suite.name == "smoke"


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("quikstart", "quickstart"),
        ("quickstart.yaml", "quickstart"),
        ("suites/smoke.yaml", "smoke"),  # as the documentation of a checkout has it
        ("suites/paper/main_table.yml", "paper/main_table"),
    ],
)
def test_what_is_nearly_a_name_gets_the_name(here, argument, name):
    error = refusal(argument)
    assert (error.what, error.where) == ("no such file", argument)
    assert error.fix.startswith(f"did you mean `{name}`?")


def test_a_fault_in_a_file_is_told_as_ever(here):
    (here / "quikstart").write_text("- a list\n", "utf-8")
    error = refusal("quikstart")
    assert error.what == "holds a list instead of a mapping"
    assert "did you mean" not in error.fix


def test_files_of_the_user_are_asked_for_by_their_keys(here):
    error = refusal("gsm8k")
    assert error.what == (
        "needs files of yours, which do not come with it: "
        "model.path, data.collect.source, evaluation.math.0.source"
    )
    assert "--set model.path=… --set data.collect.source=… --set evaluation.math.0.source=…" in error.fix
    assert "lorr-bench copy gsm8k ." in error.fix


def test_relative_paths_start_in_the_current_folder(here):
    shutil.copytree(MODEL, here / "model")
    (here / "problems.jsonl").write_text('{"problem": "1 + 1", "answer": "2"}\n', "utf-8")
    loaded = load(
        "gsm8k",
        "model.path=model",
        "data.collect.source=problems.jsonl",
        "evaluation.math=[{name: own, source: problems.jsonl, max_tokens: 8}]",
    )
    collected = [need.source for need in needs(loaded.suite, loaded.folder)]
    assert collected == ["model", "problems.jsonl", "problems.jsonl"]
    assert all((loaded.folder / source).exists() for source in collected)


def test_a_file_that_the_user_named_is_not_called_a_placeholder(here):
    """It is missing as well; planning says so, in its own words."""
    assert load("smoke", "model.path=no/such/folder").suite.model.path == "no/such/folder"


def test_needs_are_told_by_where_they_come_from(here):
    table = load("paper/main_table")
    assert {need.from_hub for need in needs(table.suite, table.folder)} == {True}
    assert "data.collect.reward_model.path" in {need.key for need in needs(table.suite, table.folder)}
    pairs = load("smoke", "data={pairs: {source: pairs.jsonl}}")
    (need,) = needs(pairs.suite, pairs.folder)
    assert (need.key, need.source, need.from_hub) == ("data.pairs.source", "pairs.jsonl", False)
