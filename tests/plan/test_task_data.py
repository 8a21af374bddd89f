"""What lm-eval's tasks read, found in their files without running anything."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from lorr_bench.errors import DataError
from lorr_bench.plan.identity.revisions import Revisions
from lorr_bench.plan.identity.task_data import (
    FILE_READERS,
    HubSet,
    defines_all,
    files_read,
    find_task_data,
)
from lorr_bench.plan.identity.task_index import own_folder
from lorr_bench.plan.plan import make_plan
from lorr_bench.ports.versions import package_version


@pytest.fixture
def tasks(tmp_path):
    """Write task files into a folder, whose files are then looked at from ``start``."""
    folder, start = tmp_path / "tasks", tmp_path / "start"
    folder.mkdir()
    start.mkdir()

    def find(*names, **files):
        for name, values in files.items():
            text = values if isinstance(values, str) else yaml.safe_dump(values)
            (folder / f"{name}.yaml").write_text(text, "utf-8")
        return find_task_data(names, [folder], start)

    find.folder, find.start = folder, start
    return find


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n", "utf-8")
    return paths


def reading(files, **more):
    return {"task": "mine", "dataset_path": "json", "dataset_kwargs": {"data_files": files}, **more}


def test_relative_files_count_from_the_start_and_whole_paths_from_nowhere(tasks, tmp_path):
    near, far = touch(tasks.start / "data" / "near.jsonl", tmp_path / "far.jsonl")
    found = tasks("mine", mine=reading({"train": str(far), "test": "data/near.jsonl"}))
    assert (set(found.files), found.hub, found.from_start) == ({near, far}, (), True)
    found = tasks("mine", mine=reading(str(far)))
    assert (found.files, found.from_start) == ((far,), False)


@pytest.mark.parametrize(
    "files",
    ["data/*.jsonl", ["data/a.jsonl", "data/b.jsonl"], {"test": ["data/a.jsonl"], "train": "data/b.jsonl"},
     [{"split": "test", "path": "data/?.jsonl"}], "data/**/[ab].jsonl"],
)  # fmt: skip
def test_every_form_of_data_files_is_understood(tasks, files):
    expected = touch(tasks.start / "data" / "a.jsonl", tasks.start / "data" / "b.jsonl")
    touch(tasks.start / "data" / "c.txt")
    assert tasks("mine", mine=reading(files)).files == expected


def test_a_folder_of_data_counts_whole_or_holds_the_files(tasks):
    one, two, other = touch(*(tasks.start / name for name in ("data/one.csv", "data/two.csv", "x/one.csv")))
    whole = {"task": "mine", "dataset_path": "csv", "dataset_kwargs": {"data_dir": "data"}}
    assert tasks("mine", mine=whole).files == (one, two)
    part = {**whole, "dataset_kwargs": {"data_dir": "x", "data_files": "one.csv"}}
    assert tasks("mine", mine=part).files == (other,)


def test_a_data_set_that_is_a_folder_counts_whole(tasks, tmp_path):
    (file,) = touch(tmp_path / "set" / "train.jsonl")
    for name in (str(tmp_path / "set"), "../set"):
        assert tasks("mine", mine={"task": "mine", "dataset_path": name}).files[0].samefile(file)


def test_a_folder_of_the_name_of_a_data_set_hides_it_as_in_lm_eval(tasks):
    assert tasks("mine", mine={"task": "mine", "dataset_path": "org/set"}).hub == (HubSet("org/set"),)
    (file,) = touch(tasks.start / "org" / "set" / "test.jsonl")
    found = tasks("mine")
    assert (found.files, found.hub, found.from_start) == ((file,), (), True)


def test_files_of_the_task_folder_itself_are_not_named(tasks):
    (file,) = touch(tasks.folder / "rows.jsonl")
    assert tasks("mine", mine=reading(str(file))).files == ()


def test_included_files_outside_the_folder_are_named_and_count(tasks, tmp_path):
    (rows,) = touch(tmp_path / "rows.jsonl")
    (tmp_path / "base").write_text(yaml.safe_dump({**reading(str(rows)), "include": "deeper"}), "utf-8")
    (tmp_path / "deeper").write_text("output_type: multiple_choice\n", "utf-8")
    found = tasks("mine", mine={"task": "mine", "include": ["../base"]})
    assert set(found.files) == {tmp_path / "base", tmp_path / "deeper", rows}


def test_functions_outside_the_folder_count(tasks, tmp_path, monkeypatch):
    beside, elsewhere = touch(tmp_path / "made.py", tmp_path / "lib" / "other" / "rows.py")
    (tmp_path / "base").write_text("a: !function made.one\nb: [!function other.rows.two]\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    found = tasks("mine", mine="task: mine\ninclude: ../base\nc: !function near.three\n")
    assert found.files == (tmp_path / "base", beside, elsewhere)
    assert tasks("mine", mine="task: mine\nc: !function made.one\n").files == ()


def test_what_includes_itself_ends(tasks):
    assert tasks("mine", mine="task: mine\ninclude: mine.yaml\n").files == ()


def test_groups_tags_and_changes_are_followed(tasks):
    found = tasks(
        "all",
        a={"task": "a", "dataset_path": "org/a", "tag": "tagged"},
        b={"task": "b", "dataset_path": "org/b", "tag": ["tagged", "other"]},
        c={"task": "c", "dataset_path": "org/c"},
        inner={"group": "inner", "task": ["c"], "dataset_kwargs": {"revision": "v1"}},
        all={
            "group": "all",
            "task": [
                "tagged",
                {"group": "inner"},
                {"task": "c", "dataset_path": "org/changed"},
                {"task": "inline", "dataset_path": "org/inline"},
                {"group": "new", "task": [{"task": "b", "dataset_kwargs": {"revision": "v2"}}, "all"]},
            ],
        },
        not_asked_for={"task": "d", "dataset_path": "org/d"},
    )
    assert found.hub == (
        HubSet("org/a"), HubSet("org/b"), HubSet("org/b", "v2"), HubSet("org/c", "v1"),
        HubSet("org/changed"), HubSet("org/inline"),
    )  # fmt: skip


def test_addresses_on_the_hub_name_a_data_set_and_a_revision(tasks):
    files = {
        "test": "hf://datasets/org/one/data/a.jsonl",
        "train": f"hf://datasets/org/two@{'a' * 40}/b.jsonl",
    }
    assert tasks("mine", mine=reading(files)).hub == (HubSet("org/one"), HubSet("org/two", "a" * 40))
    whole = {"task": "mine", "dataset_path": "hf://datasets/org/three"}
    assert tasks("mine", mine=whole).hub == (HubSet("org/three"),)


def test_files_inside_a_data_set_of_the_hub_are_not_looked_for_here(tasks):
    inside = {"task": "mine", "dataset_path": "org/set", "dataset_kwargs": {"data_files": "data/a.csv"}}
    found = tasks("mine", mine=inside)
    assert (found.hub, found.files) == ((HubSet("org/set"),), ())


def test_a_file_of_prompts_counts(tasks):
    (file,) = touch(tasks.start / "prompts.yaml")
    found = tasks("mine", mine={"task": "mine", "use_prompt": "prompts.yaml:all"})
    assert (found.files, found.from_start) == ((file,), True)


def test_a_task_whose_data_a_program_makes_reads_nothing_here(tasks):
    text = "task: mine\ncustom_dataset: !function made.rows\ndataset_path: json\n"
    assert tasks("mine", mine=text).files == ()


@pytest.mark.parametrize("path", ["rows.jsonl", "/nowhere/rows.jsonl", "*.nothing", "file:///nowhere.jsonl"])
def test_a_missing_file_is_told_with_the_folder_from_which_paths_count(tasks, path):
    with pytest.raises(DataError, match=r"lm-eval task mine: it reads .* no such file") as caught:
        tasks("mine", mine=reading(path))
    assert "from the folder in which the command is started" in caught.value.fix


@pytest.mark.parametrize("name", ["./set", "a/b/c", "/nowhere"])
def test_a_missing_folder_of_data_is_told(tasks, name):
    with pytest.raises(DataError, match="no such file"):
        tasks("mine", mine={"task": "mine", "dataset_path": name})


def test_an_address_on_the_web_is_refused(tasks):
    with pytest.raises(DataError, match=r"https://host/rows\.jsonl can change at any time"):
        tasks("mine", mine=reading("https://host/rows.jsonl"))


@pytest.mark.parametrize("text", ["- a\n", "a: [", "\0", "task: mine\nx: !python/none {}\n"])
def test_what_is_no_task_file_is_passed_over_as_in_lm_eval(tasks, text):
    assert tasks("mine", mine=text).hub == ()


def test_the_readers_of_files_are_those_of_datasets():
    from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

    assert set(FILE_READERS) == set(_PACKAGED_DATASETS_MODULES)


def test_what_a_call_reads_is_found_from_here(tmp_path, monkeypatch):
    (file,) = touch(tmp_path / "rows.jsonl")
    monkeypatch.chdir(tmp_path)
    assert files_read("json", {"data_files": {"test": "rows.jsonl"}}) == (file,)


FOLDERS = ("arc", "mmlu", "leaderboard", "gsm8k", "truthfulqa", "bbh", "arithmetic")
PRESET_TASKS = (
    "arc_challenge",
    "mmlu",
    "leaderboard_musr",
    "leaderboard_gpqa",
    "gsm8k",
    "truthfulqa_mc2",
    "bbh",
    "arithmetic",
)


@pytest.mark.slow
def test_lm_eval_itself_asks_for_the_same_data_sets(monkeypatch):
    """Its own factory builds each task, with a stand-in for the class that would download."""
    import lm_eval.tasks._factory as factory
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks import TaskManager

    asked = set()

    class Noting(ConfigurableTask):
        def __init__(self, config):
            files = (config.get("dataset_kwargs") or {}).get("data_files", {})
            addresses = [text.split("/")[3:5] for text in files.values() if text.startswith("hf://")]
            asked.update("/".join(parts) for parts in addresses)
            if config["dataset_path"] != "json":
                asked.add(config["dataset_path"])
            self._config = SimpleNamespace(task=config["task"])

        @property
        def task_name(self):
            return self._config.task

    monkeypatch.setattr(factory, "ConfigurableTask", Noting)
    folders = [own_folder() / folder for folder in FOLDERS]  # all of lm-eval's take seconds to read
    manager = TaskManager(include_path=folders, include_defaults=False)
    for name in PRESET_TASKS:
        asked.clear()
        manager.load([name])
        assert {data.name for data in find_task_data([name], [own_folder()], Path("/")).hub} == asked
        assert asked


OUTSIDE = {
    "tasks": ["mine"], "include_path": "tasks", "name": "general", "limit": 2,
}  # fmt: skip


@pytest.fixture
def outside(values, load, tmp_path, monkeypatch):
    """Digests of a suite with a task whose data lie outside its folder; a start to plan from."""
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine.yaml").write_text(yaml.safe_dump(reading("rows.jsonl")), "utf-8")
    values["evaluation"]["general"] = [OUTSIDE]

    def planned(start):
        monkeypatch.chdir(start)
        stages = make_plan(load(values)).stages
        return {one.digest: one for one in stages if one.kind == "evaluate_general"}

    return planned


def test_data_outside_the_task_folder_belong_to_the_identity_wherever_they_lie(outside, tmp_path):
    for name in ("one", "other"):
        touch(tmp_path / name / "rows.jsonl")
    first, second = outside(tmp_path / "one"), outside(tmp_path / "other")
    assert list(first) == list(second)
    starts = [{stage.setting.task_start for stage in found.values()} for found in (first, second)]
    assert starts == [{str(tmp_path / "one")}, {str(tmp_path / "other")}]
    (tmp_path / "one" / "rows.jsonl").write_text("{} \n", "utf-8")
    assert not set(outside(tmp_path / "one")) & set(first)


def test_a_plan_from_a_folder_without_the_data_is_refused(outside, tmp_path):
    with pytest.raises(DataError, match=r"lm-eval task mine: it reads .*rows\.jsonl"):
        outside(tmp_path)


COMMITS = {"dataset org/set@main": "a" * 40, "dataset org/more@v1": "b" * 40}


def test_data_sets_of_own_tasks_and_of_their_code_are_resolved(values, load, tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine.yaml").write_text("task: mine\ndataset_path: org/set\n", "utf-8")
    values["evaluation"]["general"] = [{**OUTSIDE, "data_sets": {"org/more": "v1"}}]
    plan = make_plan(load(values), Revisions(known=COMMITS, required=True))
    (found,) = {str(one.parameters.data_sets) for one in plan.stages if one.kind == "evaluate_general"}
    assert found == str({"org/set@main": "a" * 40, "org/more@main": "b" * 40})
    values["evaluation"]["general"][0]["data_sets"]["org/set"] = "c" * 40
    plan = make_plan(load(values), Revisions(known=COMMITS, required=True))
    (found,) = {str(one.parameters.data_sets) for one in plan.stages if one.kind == "evaluate_general"}
    assert found == str({"org/set@main": "c" * 40, "org/more@main": "b" * 40})


@pytest.mark.slow
def test_tasks_of_lm_eval_are_looked_up_once_and_only_where_it_may_take_a_while(values, load):
    values["evaluation"]["general"] = [{"tasks": ["arc_challenge"], "name": "arc"}]
    said = []
    revisions = Revisions(
        known={"dataset allenai/ai2_arc@main": "a" * 40}, reads_tasks=True, notice=said.append
    )

    def data_sets(given):
        plan = make_plan(load(values), given)
        (found,) = {str(one.parameters.data_sets) for one in plan.stages if one.kind == "evaluate_general"}
        return found

    assert data_sets(Revisions()) == "None"
    assert data_sets(revisions) == str({"allenai/ai2_arc@main": "a" * 40})
    assert len(said) == 1
    assert list(revisions.data_of_tasks.values()) == [[("allenai/ai2_arc", None)], []]  # and no group
    known = Revisions(known=revisions.known, data_of_tasks=revisions.data_of_tasks)
    assert data_sets(known) == data_sets(revisions)
    assert len(said) == 1


@pytest.mark.parametrize(("named", "scoring"), [("some", 2), ("mine", None), ("tagged", None)])
def test_how_groups_are_scored_is_part_of_what_names_one(values, load, tmp_path, named, scoring):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine.yaml").write_text("task: mine\ntag: tagged\n", "utf-8")
    (tmp_path / "tasks" / "some.yaml").write_text("group: some\ntask: [mine]\n", "utf-8")
    values["evaluation"]["general"] = [{**OUTSIDE, "tasks": [named]}]
    plan = make_plan(load(values))
    (found,) = {one.parameters.group_scoring for one in plan.stages if one.kind == "evaluate_general"}
    assert found == scoring


def test_groups_of_lm_eval_that_were_looked_up_are_known(values, load):
    """As in the folder of a run that goes on; without a look at lm-eval's files nothing is said of them."""
    values["evaluation"]["general"] = [{"tasks": ["mmlu"], "name": "mmlu"}]
    version = package_version("lm-eval")
    looked_up = {f"lm-eval {version}: mmlu": []}

    def scoring(known):
        plan = make_plan(load(values), Revisions(data_of_tasks=known))
        (found,) = {one.parameters.group_scoring for one in plan.stages if one.kind == "evaluate_general"}
        return found

    assert scoring(looked_up) is None
    assert scoring({**looked_up, f"groups of lm-eval {version}: mmlu": [("mmlu", None)]}) == 2


def test_names_are_defined_by_tasks_groups_and_tags(tasks):
    tasks("a", a={"task": "a", "tag": "t"}, g={"group": "g", "task": ["a"]})
    assert defines_all([tasks.folder], ["a", "t", "g"])
    assert not defines_all([tasks.folder], ["a", "mmlu"])
