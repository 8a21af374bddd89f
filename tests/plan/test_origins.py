"""Identities of Hub data and reward models; nothing here may need a network."""

from __future__ import annotations

import ast
import json
import shutil

import pytest

from lorr_bench.errors import DataError, ModelError, SuiteError
from lorr_bench.plan.identity import origins
from lorr_bench.plan.identity.origins import is_hub_source, model_origin, pair_origin, prompt_origin
from lorr_bench.plan.identity.revisions import Revisions
from lorr_bench.plan.scored import Scorer
from lorr_bench.spec.sources import PairFileSpec, PromptSpec, RewardModelSpec

COMMIT = "c" * 40
HUB = {"source": "openai/gsm8k", "revision": COMMIT, "split": "test"}


def test_hub_problems_are_known_by_id_revision_subset_and_split(tmp_path):
    origin = prompt_origin(PromptSpec(**HUB, subset="main"), tmp_path, Revisions(), "here")
    assert (origin.path, origin.identity) == ("openai/gsm8k", f"openai/gsm8k@{COMMIT} main test")


def test_hub_problems_need_a_split(tmp_path):
    with pytest.raises(SuiteError, match="without a split"):
        prompt_origin(PromptSpec(source="openai/gsm8k", revision=COMMIT), tmp_path, Revisions(), "here")


@pytest.mark.parametrize("source", ["nano/train", "problems.jsonl", "data/problems.json", "a/b/c"])
@pytest.mark.parametrize("field", ["revision", "subset", "split"])
def test_what_is_no_hub_id_takes_no_revision_subset_or_split(tmp_path, source, field):
    with pytest.raises(SuiteError, match=f"here: `{field}` is given, but {source} is no Hub id"):
        prompt_origin(PromptSpec(source=source, **{field: "x"}), tmp_path, Revisions(), "here")


@pytest.mark.parametrize(
    ("source", "revision", "hub"),
    [
        ("owner/set", None, True),
        ("owner/there", None, False),
        ("owner/there", "abc", True),
        ("owner/set.jsonl", "abc", False),
        ("set", "abc", False),
        ("../set", None, False),
        ("owner/set.parquet", None, False),
        ("owner/set.csv.gz", None, False),
    ],
)
def test_a_hub_source_looks_like_an_id_and_is_pinned_or_no_file(tmp_path, source, revision, hub):
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner" / "there").touch()
    assert is_hub_source(source, revision, tmp_path) is hub


@pytest.mark.parametrize(("field", "value"), [("subset", "main"), ("streaming", True)])
def test_pairs_that_are_no_hub_id_take_no_subset_or_streaming(tmp_path, field, value):
    with pytest.raises(SuiteError, match=f"data.pairs: `{field}` is given, but pairs.jsonl is no Hub id"):
        pair_origin(PairFileSpec(source="pairs.jsonl", **{field: value}), tmp_path, Revisions())


def test_a_saved_folder_is_known_by_what_was_saved(tmp_path):
    for name, text in (("state.json", "{}"), ("data.arrow", "rows"), ("cache-1.arrow", "computed")):
        (tmp_path / name).write_text(text)
    identities = []
    for name in ("cache-1.arrow", "data.arrow"):
        identities.append(pair_origin(PairFileSpec(source="."), tmp_path, Revisions()).identity)
        (tmp_path / name).write_text("other")
    identities.append(pair_origin(PairFileSpec(source="."), tmp_path, Revisions()).identity)
    assert identities[0] == identities[1] != identities[2]


def test_another_folder_is_refused_before_it_is_read(tmp_path):
    with pytest.raises(
        DataError, match=r"is a folder, and none of `save_to_disk`: it has no state.json\n  Name a file"
    ):
        pair_origin(PairFileSpec(source="."), tmp_path, Revisions())


def judge(path, folder, revision=None):
    """The reward model of a suite, as a stage that scores knows it."""
    spec = RewardModelSpec(path=str(path), revision=revision)
    return Scorer.of(spec, model_origin(spec, folder, Revisions(), "data.collect.reward_model")).parameters


def test_a_reward_model_is_known_by_revision_settings_and_packages(tmp_path):
    found = judge("owner/model", tmp_path, COMMIT)
    assert (found.weights.model, found.batch_size) == (f"owner/model@{COMMIT}", 8)
    assert set(found.packages) == {"torch", "transformers"}


def test_the_place_of_a_reward_model_is_no_part_of_its_identity(small_model, tmp_path):
    moved = tmp_path / "moved"
    moved.symlink_to(small_model)
    assert judge(small_model, tmp_path) == judge(moved, tmp_path)


def test_a_missing_reward_model_names_its_place_in_the_suite(tmp_path):
    with pytest.raises(ModelError, match=r"data\.collect\.reward_model\.path: no model folder"):
        judge("no-such-folder", tmp_path)


NANO_FILES = sorted(
    path.relative_to(origins.PACKAGE)
    for place in ("data/nano/tasks", "data/nano")
    for path in (origins.PACKAGE / place).iterdir()
    if path.suffix in (".py", ".yaml") and path.stem not in ("pretrain", "tokenizer", "families", "__init__")
)
"""What makes the embedded problems and questions; two left out made the embedded model once, one reads them."""


@pytest.fixture
def copied_package(tmp_path, monkeypatch):
    """The embedded data elsewhere, to be changed."""
    shutil.copytree(origins.PACKAGE / "data" / "nano", tmp_path / "data" / "nano")
    monkeypatch.setattr(origins, "PACKAGE", tmp_path)
    yield tmp_path
    forget()


def forget():
    origins.nano_tasks_identity.cache_clear()
    origins._nano_identity.cache_clear()
    origins.nano_families_identity.cache_clear()


@pytest.mark.parametrize("file", NANO_FILES, ids=str)
def test_what_makes_the_embedded_questions_is_in_their_identity(copied_package, file):
    forget()
    before = origins.nano_tasks_identity()
    (copied_package / file).write_bytes((copied_package / file).read_bytes() + b"\n")
    forget()
    assert origins.nano_tasks_identity() != before


def test_what_finds_the_families_has_an_identity_of_its_own(copied_package):
    """Other families are no other problems: nothing is answered again."""
    forget()
    found, problems = origins.nano_families_identity(), origins._nano_identity()
    with (copied_package / "data" / "nano" / "families.py").open("a", encoding="utf-8") as file:
        file.write("\n")
    forget()
    assert origins.nano_families_identity() != found
    assert origins._nano_identity() == problems


def test_the_generators_import_nothing_that_is_not_in_their_identity():
    allowed = {"lorr_bench.data.nano.problems", "lorr_bench.data.nano.general"}
    for file in NANO_FILES:
        if file.suffix == ".py":
            tree = ast.parse((origins.PACKAGE / file).read_text("utf-8"))
            named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
            assert {name for name in named if name.startswith("lorr_bench")} <= allowed, file


def test_what_is_prepared_inside_a_task_folder_is_no_part_of_its_identity(tmp_path):
    options = {"cache_dir": str(tmp_path / "cache")}
    (tmp_path / "mine.yaml").write_text(json.dumps({"task": "mine", "dataset_kwargs": options}), "utf-8")
    before = origins.task_folder_identity(tmp_path)
    for name in ("cache", "caches"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.arrow").touch()
        assert (origins.task_folder_identity(tmp_path) == before) is (name == "cache")
