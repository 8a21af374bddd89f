"""Which files of a local model are its identity, and what a model folder may not be."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.errors import ModelError
from lorr_bench.plan.identity.model_files import NOT_READ, asks_for_date, is_read, model_files
from lorr_bench.plan.identity.origins import model_origin
from lorr_bench.plan.identity.revisions import Revisions
from lorr_bench.spec.sources import ModelSpec

COUNT = (
    "chat_template.jinja", "generation_config.json", "special_tokens_map.json", "added_tokens.json",
    "merges.txt", "modeling_mine.py", "chat_templates/tool_use.jinja", "preprocessor_config.json",
    "README.py", "LICENSE.json", "deep/er/anything",
)  # fmt: skip
DO_NOT = (
    "README.md", "LICENSE", "LICENSE.txt", "pytorch_model.bin", "pytorch_model-00001-of-00002.bin",
    "optimizer.pt", "training_args.bin", "original/consolidated.00.pth", ".git/config",
    ".cache/huggingface/x", "__pycache__/modeling_mine.cpython-311.pyc",
)  # fmt: skip


def identity(folder: Path, *, trusted: bool = False) -> str:
    spec = ModelSpec(path=str(folder), trust_remote_code=trusted)
    return model_origin(spec, folder, Revisions()).identity


@pytest.fixture
def model(small_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_model, tmp_path / "model"))


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")


@pytest.mark.parametrize("name", COUNT)
def test_a_file_counts_when_it_comes_changes_and_goes(model: Path, name: str) -> None:
    (model / name).unlink(missing_ok=True)
    before = identity(model)
    write(model, name, "one")
    one = identity(model)
    write(model, name, "two")
    assert len({before, one, identity(model)}) == 3
    (model / name).unlink()
    assert identity(model) == before


@pytest.mark.parametrize("name", DO_NOT)
def test_what_no_run_reads_does_not_count(model: Path, name: str) -> None:
    before = identity(model)
    write(model, name, "one")
    assert identity(model) == before


def test_every_name_on_the_list_has_a_reason() -> None:
    assert all(len(reason.split()) >= 3 for reason in NOT_READ.values())


@pytest.mark.slow
@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8))
def test_no_name_of_a_kind_that_is_loaded_is_on_the_list(stem: str) -> None:
    for kind in (".safetensors", ".json", ".jinja", ".py", ".model", ".txt"):
        name = stem + kind
        known = name in ("trainer_state.json", "README.txt", "LICENSE.txt", "NOTICE.txt")
        assert is_read(Path(name)) or known


def test_times_and_names_of_folders_do_not_count(model: Path, tmp_path: Path) -> None:
    before = identity(model)
    os.utime(model / "config.json", (0, 0))
    moved = model.rename(tmp_path / "elsewhere")
    assert identity(moved) == before


def test_links_are_followed_and_a_loop_ends(model: Path, tmp_path: Path) -> None:
    (tmp_path / "blob").write_text("one")
    (model / "merges.txt").symlink_to(tmp_path / "blob")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.jinja").write_text("one")
    (model / "chat_templates").symlink_to(tmp_path / "templates")
    (model / "chat_templates" / "again").symlink_to(model)
    before = identity(model)
    for file in (tmp_path / "blob", tmp_path / "templates" / "a.jinja"):
        file.write_text("two")
        assert identity(model) != before
        before = identity(model)
    assert len(set(model_files(model))) == len(model_files(model))


def test_an_adapter_is_no_whole_model(model: Path) -> None:
    write(model, "adapter_config.json", "{}")
    with pytest.raises(ModelError, match="an adapter, whose base model lies elsewhere"):
        identity(model)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_another_repository_is_refused_where_code_may_run(model: Path, file: str) -> None:
    values = json.loads((model / file).read_text("utf-8"))
    classes = {"AutoTokenizer": ["other/repository--tokenization.Tokenizer", None]}
    write(model, file, json.dumps({**values, "auto_map": classes}))
    identity(model)
    with pytest.raises(ModelError, match=r"code lies in another repository.*other/repository--tokenization"):
        identity(model, trusted=True)


def test_a_damaged_configuration_is_left_to_whoever_loads_it(model: Path) -> None:
    before = identity(model, trusted=True)
    write(model, "config.json", "[" * 9000)
    assert identity(model, trusted=True) != before


@pytest.mark.parametrize(
    ("name", "text", "asks"),
    [
        ("chat_template.jinja", "{{ strftime_now('%d') }}", True),
        ("chat_templates/tool.jinja", "{{ strftime_now('%d') }}", True),
        ("tokenizer_config.json", '{"chat_template": "{{ strftime_now() }}"}', True),
        ("chat_template.jinja", "{{ messages }}", False),
    ],
)
def test_a_template_that_asks_for_the_date_is_seen(tmp_path: Path, name: str, text: str, asks: bool) -> None:
    write(tmp_path, name, text)
    assert asks_for_date(tmp_path) is asks
