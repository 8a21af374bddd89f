"""Families in the order of the scores that stages wrote."""

import json

import pytest
from stage_samples import families_of_tasks, sample

from lorr_bench.errors import DataError
from lorr_bench.stages.measuring.families import families
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.store.generations import read_lines

# Of each question of a task, what it is about. Documents are asked in the order of their numbers.
ABOUT = {"one": ["cats", "dogs", "cats"], "two": ["cats", "cats"], "three": [4, 4]}


@pytest.fixture
def task(tmp_path):
    def make(stage, inputs=None):
        output = tmp_path / "out"
        output.mkdir(exist_ok=True)
        return Task(stage, inputs or {}, output, tmp_path / "scratch", EngineRoom(), lambda *_: None)

    return make


@pytest.fixture
def evaluated(tmp_path):
    """What an evaluate_general stage writes: samples in the order of answers, and two rows of a question."""

    def write(scores):
        """Args: the tasks behind each name that has scores."""
        folder = tmp_path / "general"
        folder.mkdir(exist_ok=True)
        questions, table = [], {}
        for name, members in scores.items():
            asked = [f"{member}/{number}" for member in members for number in range(len(ABOUT[member]))]
            questions += [{"id": question, "text": "?"} for question in asked]
            table[name] = {"scores": {"acc": {"per_problem": [1.0] * len(asked)}}}
        lines(folder / "questions.jsonl", questions)
        (folder / "scores.json").write_text(json.dumps(table), "utf-8")
        for member, topics in ABOUT.items():
            rows = [{"doc_id": n, "doc": {"q": "?", "about": topic}} for n, topic in enumerate(topics)]
            lines(folder / f"samples_{member}.jsonl", [*reversed(rows), *rows])
        return folder

    return write


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def written(made):
    outcome = families(made)
    return list(read_lines(made.output / "families.jsonl")), outcome.metrics


def test_families_of_a_file(task, tmp_path):
    rows = [
        {"problem": "p", "answer": "1", "text": "b"},
        {"problem": "q", "answer": "", "text": "a"},
        {"problem": "r", "answer": "3", "text": "b"},
        {"problem": "s", "answer": "4", "text": "a"},
    ]
    lines(tmp_path / "mine.jsonl", rows)
    setting = {"source": str(tmp_path / "mine.jsonl")}
    stage = sample("families", cluster_column="text", limit=2, incomplete="skip", setting=setting)
    found, metrics = written(task(stage))
    assert found == [{"id": "mine-1", "family": "b"}, {"id": "mine-3", "family": "b"}]
    assert metrics == {"problems": 2, "families": 1}


def test_several_tasks_keep_their_own_scores_and_families(task, evaluated):
    folder = evaluated({"two": ["two"], "one": ["one"]})
    found, metrics = written(task(families_of_tasks("about"), {"problems": folder}))
    assert [(row["scores"], row["id"], row["family"]) for row in found] == [
        ("two", "two/0", "cats"),
        ("two", "two/1", "cats"),
        ("one", "one/0", "cats"),
        ("one", "one/1", "dogs"),
        ("one", "one/2", "cats"),
    ]
    assert metrics == {"problems": 5, "families": 3}


def test_families_of_tasks_that_are_scored_together_are_of_one_task_each(task, evaluated):
    folder = evaluated({"pooled": ["one", "three", "two"]})
    found, _ = written(task(families_of_tasks("about"), {"problems": folder}))
    assert {row["scores"] for row in found} == {"pooled"}
    assert [row["family"] for row in found] == [
        "one/cats", "one/dogs", "one/cats", "three/4", "three/4", "two/cats", "two/cats",
    ]  # fmt: skip


def test_a_task_without_the_field_is_named_with_its_fields(task, evaluated):
    folder = evaluated({"one": ["one"]})
    with pytest.raises(DataError, match="lm-eval task one, document 0: no column 'abuot'") as caught:
        families(task(families_of_tasks("abuot"), {"problems": folder}))
    assert "there are 'q', 'about'" in str(caught.value)
    assert "did you mean 'about'? Set `cluster_column`" in caught.value.fix


def test_a_question_without_a_family_is_named(task, evaluated):
    folder = evaluated({"one": ["one"]})
    lines(folder / "samples_one.jsonl", [{"doc_id": n, "doc": {"about": "x" * (n != 1)}} for n in range(3)])
    with pytest.raises(DataError, match="lm-eval task one, document 1: no family in column 'about'"):
        families(task(families_of_tasks("about"), {"problems": folder}))
