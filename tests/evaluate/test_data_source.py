"""Where lm-eval's tasks take their data from: commits of the Hub, and files by their content."""

from __future__ import annotations

import json
import os

import datasets
import pytest
import yaml

from lorr_bench.errors import DataError
from lorr_bench.evaluate.harness import DataSource, load_tasks, taken_from

NEW, OLD = "b" * 40, "a" * 40
COMMITS = (("org/set@main", NEW), ("org/set@v1", OLD), ("org/files@main", NEW))


@pytest.fixture
def asked(monkeypatch):
    """Calls of the library's own function, which does nothing here."""
    calls = []
    monkeypatch.setattr(
        datasets, "load_dataset", lambda path, *args, **options: calls.append((path, args, options))
    )
    return calls


@pytest.mark.parametrize(
    ("path", "options", "expected"),
    [
        ("org/set", {}, ("org/set", {"revision": NEW})),
        ("org/set", {"revision": None, "name": "x"}, ("org/set", {"revision": NEW, "name": "x"})),
        ("org/set", {"revision": "v1"}, ("org/set", {"revision": OLD})),
        ("org/other", {"revision": OLD}, ("org/other", {"revision": OLD})),
        (
            "json",
            {"data_files": {"test": ["hf://datasets/org/files/a/b.jsonl"]}},
            ("json", {"data_files": {"test": [f"hf://datasets/org/files@{NEW}/a/b.jsonl"]}}),
        ),
        (
            "json",
            {"data_files": f"hf://datasets/any/set@{OLD}/b.jsonl"},
            ("json", {"data_files": f"hf://datasets/any/set@{OLD}/b.jsonl"}),
        ),
    ],
)
def test_data_sets_are_loaded_at_their_commits(asked, path, options, expected):
    with taken_from(DataSource(COMMITS, None)):
        datasets.load_dataset(path, **options)
    assert [(name, given) for name, _, given in asked] == [expected]


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("org/unknown", {}),
        ("org/set", {"revision": "v2"}),
        ("json", {"data_files": "hf://datasets/o/x/a.json"}),
    ],
)
def test_no_other_data_set_is_loaded(asked, path, options):
    with (
        taken_from(DataSource(COMMITS, None)),
        pytest.raises(DataError, match="commit is not known") as caught,
    ):
        datasets.load_dataset(path, **options)
    assert "`data_sets: {" in caught.value.fix
    assert asked == []


def test_a_data_set_of_another_commit_is_refused(monkeypatch, tmp_path):
    """Without a network the library gives what it prepared last."""
    datasets.Dataset.from_list([{"x": 1}]).save_to_disk(tmp_path / OLD)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.load_from_disk(tmp_path / OLD))
    with taken_from(DataSource(COMMITS, None)), pytest.raises(DataError, match=r"org/set: .* was given"):
        datasets.load_dataset("org/set")


def test_without_a_source_nothing_is_changed(asked):
    with taken_from(None):
        datasets.load_dataset("org/any")
    assert asked == [("org/any", (), {})]


def test_a_file_that_changed_and_kept_its_time_is_read_anew(tmp_path, monkeypatch):
    """The library itself gives the rows that it prepared before."""
    file = tmp_path / "rows.jsonl"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def first_of(text):
        file.write_text(text, "utf-8")
        os.utime(file, (1_000_000, 1_000_000))
        return datasets.load_dataset("json", data_files={"test": str(file)})["test"][0]

    assert first_of('{"x": "one"}\n') == first_of('{"x": "two"}\n') == {"x": "one"}
    with taken_from(DataSource((), None)):
        assert first_of('{"x": "one"}\n') == {"x": "one"}
        assert first_of('{"x": "two"}\n') == {"x": "two"}


def test_relative_files_count_from_the_start_of_the_plan_wherever_the_worker_is(tmp_path, monkeypatch):
    tasks, start = tmp_path / "tasks", tmp_path / "start"
    for folder in (tasks, start, tmp_path / "worker"):
        folder.mkdir()
    (start / "rows.jsonl").write_text(json.dumps({"q": "right"}) + "\n", "utf-8")
    (tmp_path / "worker" / "rows.jsonl").write_text(json.dumps({"q": "wrong"}) + "\n", "utf-8")
    task = {
        "task": "from_start",
        "dataset_path": "json",
        "test_split": "test",
        "dataset_kwargs": {"data_files": {"test": "rows.jsonl"}, "cache_dir": str(tmp_path / "cache")},
        "doc_to_text": "{{q}}",
        "doc_to_target": "q",
        "output_type": "generate_until",
    }
    (tasks / "from_start.yaml").write_text(yaml.safe_dump(task), "utf-8")
    monkeypatch.chdir(tmp_path / "worker")
    loaded = load_tasks(("from_start",), tasks, None, trusted=False, source=DataSource((), start))
    assert loaded.by_name["from_start"].dataset["test"][0] == {"q": "right"}
