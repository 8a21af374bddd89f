"""No path and no secret of this machine in what is published."""

from pathlib import Path

import pytest
import yaml
from small_suite import SUITE

from lorr_bench.errors import DataError
from lorr_bench.publish.portable import portable_suite, refuse_local
from lorr_bench.spec.load import load_suite

HOME = Path("/home/ada")
TOKEN = "hf_" + "a1B2" * 8  # of the shape of one, and none


def suite_of(folder, **changes):
    (folder / "suite.yaml").write_text(yaml.safe_dump({**SUITE, **changes}), "utf-8")
    return load_suite(folder / "suite.yaml").suite


def test_a_suite_without_paths_stays_as_it_is(tmp_path):
    suite = suite_of(tmp_path)
    (tmp_path / "again.yaml").write_text(portable_suite(suite), "utf-8")
    assert load_suite(tmp_path / "again.yaml").suite == suite


def test_absolute_paths_become_their_last_part(tmp_path):
    text = portable_suite(suite_of(tmp_path, model={"path": "/home/ada/models/tiny"}))
    assert yaml.safe_load(text)["model"]["path"] == "tiny"
    assert "/home" not in text


def test_a_path_within_another_is_no_matter(tmp_path):
    pairs = {"pairs": {"source": "/home/ada/models/tiny/pairs.jsonl"}}
    text = portable_suite(suite_of(tmp_path, model={"path": "/home/ada/models/tiny"}, data=pairs))
    values = yaml.safe_load(text)
    assert (values["model"]["path"], values["data"]["pairs"]["source"]) == ("tiny", "pairs.jsonl")


def test_secrets_are_blotted_out(tmp_path):
    text = portable_suite(suite_of(tmp_path, description=f"with {TOKEN}"))
    assert TOKEN not in text
    assert "with ***" in text


@pytest.mark.parametrize("name", ["report.md", "figures/a.svg", "provenance.json", "scores.csv"])
def test_a_place_of_this_machine_is_refused_in_any_text(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("in /home/ada/work/store.", "utf-8")
    with pytest.raises(DataError, match="names a place of this machine, /home/ada/work"):
        refuse_local(tmp_path, [HOME / "work"], {})


@pytest.mark.parametrize("text", ["/home/adam/x", "/home/ada-2", "home/ada", "ada"])
def test_other_names_are_no_places_of_this_machine(tmp_path, text):
    (tmp_path / "a.md").write_text(text, "utf-8")
    refuse_local(tmp_path, [HOME], {})


def test_a_place_that_is_a_common_word_is_not_looked_for(tmp_path):
    (tmp_path / "a.md").write_text("see /root and /", "utf-8")
    refuse_local(tmp_path, [Path("/root"), Path("/")], {})


def test_a_secret_is_refused(tmp_path):
    (tmp_path / "a.md").write_text(f"token {TOKEN}", "utf-8")
    with pytest.raises(DataError, match="holds what looks like a secret"):
        refuse_local(tmp_path, [], {})
    (tmp_path / "a.md").write_text("the word is swordfish99", "utf-8")
    with pytest.raises(DataError, match="holds what looks like a secret"):
        refuse_local(tmp_path, [], {"MY_PASSWORD": "swordfish99"})
