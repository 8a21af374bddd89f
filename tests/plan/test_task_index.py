"""Of lm-eval's own folder only the files are read that can define a name; they say what all of them would say."""

import pytest

from lorr_bench.plan.identity import task_index
from lorr_bench.plan.identity.task_index import FILES, index_of

FILES_OF_LM_EVAL = {
    "near.yaml": "task: near\ndataset_path: a/near",
    "nearly.yaml": "task: nearly\ndataset_path: a/nearly",
    "b/quoted.yaml": '"include": "_template_yaml"\n"task": "quoted"',
    "b/_template_yaml": "dataset_path: a/template\ntag: tagged",
    "b/plain.yaml": "include: ../b/_template_yaml\ntask: plain",
    "c/group.yaml": "group: whole\ntask: [near, {group: inner, task: [{task: leaf, dataset_path: a/x}, plain]}]",
    "c/listed.yaml": "include:\n  - ../b/_template_yaml\ntask: listed",
    "z/second.yaml": "task: near\ndataset_path: a/second",
    "z/broken.yaml": "task: [near",
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder in the place of lm-eval's."""
    for name, text in FILES_OF_LM_EVAL.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.setattr(task_index, "own_folder", lambda: tmp_path)
    return tmp_path


def sets(index):
    """The data sets of tasks by name, without the files that they come from."""
    return {name: config["dataset_path"] for name, config in index.tasks.items()}


def test_a_task_is_found_and_another_whose_name_holds_its_own_is_not_read(own):
    found = index_of([own], ["near"])
    assert sets(found)["near"] == "a/near"  # the first of two of a name, in the order of the files
    assert "nearly" not in found
    assert found.tasks["near"][FILES] == [(own / "near.yaml").resolve()]


@pytest.mark.parametrize("name", ["quoted", "plain", "listed"])
def test_a_task_that_includes_another_file_is_found(own, name):
    assert sets(index_of([own], [name]))[name] == "a/template"


def test_a_tag_that_stands_in_an_included_file_has_its_tasks(own):
    found = index_of([own], ["tagged"])
    assert sorted(found.tags["tagged"]) == ["listed", "plain", "quoted"]
    assert set(found.tasks) == {"listed", "plain", "quoted"}


def test_the_members_of_a_group_are_found_through_groups_within(own):
    found = index_of([own], ["whole"])
    assert {"near", "plain"} <= set(found.tasks)
    assert "nearly" not in found.tasks
    assert "whole" in found


def test_a_name_that_nothing_defines_is_not_there(own):
    assert "nea" not in index_of([own], ["nea"])


def test_a_later_folder_counts_before_that_of_lm_eval(own, tmp_path_factory):
    mine = tmp_path_factory.mktemp("mine")
    (mine / "near.yaml").write_text("task: near\ndataset_path: mine/near", "utf-8")
    assert sets(index_of([own, mine], ["near"]))["near"] == "mine/near"


def test_for_no_name_no_file_is_read(own, monkeypatch):
    monkeypatch.setattr(task_index, "read_config", None)
    assert index_of([own], []) == task_index.TaskIndex()
