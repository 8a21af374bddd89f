"""Which training prompts are compared with which problems."""

import json

import pytest
from stage_samples import PROMPTS, sample

from lorr_bench.data.pairs import write_pairs
from lorr_bench.stages.measuring.contamination import contamination
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.values import Pair

SHARED = "the old miller has seven sacks of flour and sells two of them"
OTHER = "a train leaves the station at noon and runs at ninety miles an hour"


@pytest.fixture
def task(tmp_path):
    problems = tmp_path / "problems"
    problems.mkdir()
    output = tmp_path / "out"
    output.mkdir()

    def make(prompts, setting, inputs=None, file="problems.jsonl", rows=None):
        rows = rows or [{"id": "a", "problem": SHARED}, {"id": "b", "problem": OTHER}]
        (problems / file).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        asked = prompts and {**PROMPTS, **prompts}
        label = "contamination of x, seed 3"
        stage = sample("contamination", label, ngram=8, seed=3, prompts=asked, setting=setting)
        rooms = EngineRoom()
        folders = {"problems": problems, **(inputs or {})}
        return Task(stage, folders, output, tmp_path / "scratch", rooms, lambda *_: None)

    return make


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "train.jsonl"
    rows = [{"problem": text, "answer": "5"} for text in (f"{SHARED}. How many are left?", "short one")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def test_the_problems_that_a_collection_asks_are_compared_without_their_template(task, source):
    described = {"template": f"{OTHER} {{problem}}", "num_prompts": 2}
    made = task(described, {"source": source})
    assert contamination(made).metrics == {"prompts": 2, "problems": 2, "overlapping": 1}
    assert json.loads((made.output / "overlaps.json").read_text("utf-8")) == ["a"]


def test_only_the_prompts_of_the_seed_count(task, source):
    found = [contamination(task({"num_prompts": 1}, {"source": source})).metrics["prompts"]]
    assert found == [1]


def test_ready_made_pairs_bring_their_prompts(task, tmp_path):
    folder = tmp_path / "pairs"
    folder.mkdir()
    pairs = [Pair("p", OTHER, "yes", "no", 0), Pair("q", OTHER, "yes", "never", 0)]
    write_pairs(folder / "pairs.jsonl", pairs)
    made = task(None, {"source": None}, {"pairs": folder})
    assert contamination(made).metrics == {"prompts": 1, "problems": 2, "overlapping": 1}


def test_questions_of_lm_eval_are_compared_too(task, source):
    rows = [{"id": "0", "text": SHARED}]
    made = task({"num_prompts": 2}, {"source": source}, file="questions.jsonl", rows=rows)
    assert contamination(made).metrics == {"prompts": 2, "problems": 1, "overlapping": 1}
