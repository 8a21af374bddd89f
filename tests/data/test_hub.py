from __future__ import annotations

import json

import datasets
import pytest

from lorr_bench.data.hub import source_rows
from lorr_bench.errors import DataError

PINNED = {"revision": "abc", "split": "test"}


def test_a_subset_is_asked_for_by_name(hub, tmp_path):
    hub.rows = [{"question": "q"}]
    rows = list(source_rows("openai/gsm8k", tmp_path, subset="main", **PINNED))
    assert hub.calls == [("openai/gsm8k", "main", {"revision": "abc", "split": "test"})]
    assert [(row.id, row.where, row.values) for row in rows] == [
        ("openai/gsm8k-0", "openai/gsm8k@abc test row 0", {"question": "q"})
    ]


@pytest.mark.parametrize("pinned", [{"revision": None, "split": "test"}, {"revision": "abc", "split": None}])
def test_a_hub_set_needs_revision_and_split(tmp_path, pinned):
    with pytest.raises(DataError, match=r"someone/prefs: a Hub data set needs a revision and a split"):
        source_rows("someone/prefs", tmp_path, **pinned)


def test_a_hub_set_that_cannot_be_loaded_says_why(tmp_path, monkeypatch):
    def load_dataset(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(DataError, match="someone/prefs@abc: the data set cannot be loaded: ConnectionError"):
        list(source_rows("someone/prefs", tmp_path, **PINNED))


def test_a_real_data_set_gives_plain_values(tmp_path, monkeypatch):
    """Through the library itself, which wraps columns and rows in types of its own."""
    table = datasets.Dataset.from_list([{"id": 7, "final_answer": ["1", "2"]}])
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: table)
    row = next(iter(source_rows("a/b", tmp_path, **PINNED)))
    assert (row.id, row.values) == ("7", {"id": 7, "final_answer": ["1", "2"]})


def test_a_file_named_like_a_hub_id_is_read_where_nothing_is_pinned(hub, tmp_path):
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "problems").write_text(json.dumps({"problem": "p"}))
    assert next(iter(source_rows("some/problems", tmp_path, revision=None, split=None))).values == {
        "problem": "p"
    }
    assert hub.calls == []


def test_a_folder_of_that_name_does_not_hide_a_pinned_set(hub, tmp_path):
    (tmp_path / "openai" / "gsm8k").mkdir(parents=True)
    hub.rows = [{"question": "q"}]
    assert len(list(source_rows("openai/gsm8k", tmp_path, **PINNED))) == 1
