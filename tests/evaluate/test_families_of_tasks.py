"""The families of lm-eval's questions, from its own run over a raw file to the rows beside the scores."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace

import pytest
from stage_samples import families_of_tasks, sample

from lorr_bench.stages.measuring import evaluate_general
from lorr_bench.stages.measuring.families import families
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.store.generations import read_lines

LIMIT = 7
# About which text each question of the raw file is, the questions of a text apart from each other.
TEXTS = {"north": [3, 1, 3, 2, 2, 1, 3, 9, 9], "south": [1, 1, 4, 1, 4, 4, 2, 9]}
TASK = """
task: {name}
dataset_path: json
dataset_kwargs:
  data_files: {{test: {path}}}
  cache_dir: {cache}
test_split: test
output_type: multiple_choice
doc_to_text: question
doc_to_choice: ["yes", "no"]
doc_to_target: 0
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
"""
GROUP = "group: both\ntask: [south, north]\n"


def right(question: str) -> bool:
    """Whether the scripted model answers a question right: where its number is a prime."""
    return int(question.split()[2]) in (2, 3, 5, 7)


@pytest.fixture
def model():
    from lm_eval.api.model import LM

    class Primes(LM):
        cut_prompts: set[tuple[int, ...]] = set()  # noqa: RUF012 - one object only

        def loglikelihood(self, requests):
            asked = (request.args for request in requests)
            return [(float((answer.strip() == "yes") == right(question)), True) for question, answer in asked]

        def generate_until(self, requests):
            raise NotImplementedError

        loglikelihood_rolling = generate_until

    return Primes()


@pytest.fixture
def raw(tmp_path):
    """The raw rows of each task, and the folder with its task files."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    found = {}
    for name, texts in TEXTS.items():
        path = tmp_path / f"{name}.jsonl"
        found[name] = [{"question": f"In {name} {n} ?", "text_id": text} for n, text in enumerate(texts)]
        path.write_text("".join(json.dumps(row) + "\n" for row in found[name]), "utf-8")
        written = TASK.format(name=name, path=path, cache=tmp_path / "cache")
        (folder / f"{name}.yaml").write_text(written, "utf-8")
    (folder / "both.yaml").write_text(GROUP, "utf-8")
    return SimpleNamespace(rows=found, folder=folder)


@pytest.fixture
def measure(raw, model, monkeypatch, tmp_path):
    """Scores and families of some tasks, by the two stages."""
    engine = SimpleNamespace(llm=SimpleNamespace(reset_prefix_cache=lambda: None), home=str(tmp_path))
    monkeypatch.setattr("lorr_bench.evaluate.general.harness_model", lambda llm, path: model)
    monkeypatch.setattr(evaluate_general, "counted", lambda llm, progress: contextlib.nullcontext())
    monkeypatch.setattr(Task, "engine", lambda task: engine)

    def run(*tasks):
        setting = {"include_path": str(raw.folder)}
        stage = sample("evaluate_general", tasks=tasks, limit=LIMIT, setting=setting)
        measured = task_of(stage, {}, "measured")
        evaluate_general.evaluate_general(measured)
        found = task_of(families_of_tasks("text_id"), {"problems": measured.output}, "found")
        families(found)
        scores = json.loads((measured.output / "scores.json").read_text("utf-8"))
        return scores, list(read_lines(found.output / "families.jsonl"))

    def task_of(stage, inputs, name):
        output = tmp_path / name
        output.mkdir()
        return Task(stage, inputs, output, tmp_path / "scratch", EngineRoom(), lambda *_: None)

    return run


@pytest.mark.slow
def test_a_group_that_is_pooled(measure, raw):
    """Row by row of the raw files: south's first seven questions, then north's."""
    scores, rows = measure("both")
    asked = [(name, row) for name in ("south", "north") for row in raw.rows[name][:LIMIT]]
    assert scores["both"]["scores"]["acc"]["per_problem"] == [right(row["question"]) for _, row in asked]
    assert [row["family"] for row in rows] == [f"{name}/{row['text_id']}" for name, row in asked]
    assert {row["scores"] for row in rows} == {"both"}


def test_several_tasks(measure, raw):
    scores, rows = measure("north", "south")
    for name in TEXTS:
        asked = raw.rows[name][:LIMIT]
        assert scores[name]["scores"]["acc"]["per_problem"] == [right(row["question"]) for row in asked]
        found = [row["family"] for row in rows if row["scores"] == name]
        assert found == [str(row["text_id"]) for row in asked]
