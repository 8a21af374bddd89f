"""Real questions on a real engine; the expected numbers come from the recorded answers alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import real_tasks
from installed import needs_vllm
from warm_process import run_warm

pytestmark = [
    pytest.mark.slow,
    needs_vllm,
    pytest.mark.skipif(not real_tasks.DATA.is_dir(), reason="needs the benchmark files in ../shared"),
]
CONTEXT = 512
LIMIT = 5
CHOICE = ("real_arc_challenge", "real_truthfulqa_mc1", "real_strategyqa")
AGAIN = "real_strategyqa,real_qasc"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What was asked to what came out."""
    folder = tmp_path_factory.mktemp("real")
    asked = [*CHOICE, "real_bbh", AGAIN, AGAIN]
    words = [Path(__file__).with_name("real_run.py"), folder, CONTEXT, LIMIT, *asked]
    done = run_warm(*words, environment=os.environ)
    assert done.returncode == 0, done.stderr
    assert "Generating" not in done.stderr
    assert "Truncating" not in done.stderr
    return json.loads((folder / "results.json").read_text("utf-8"))


def asked_of_the_model(rows):
    """Prompts, each with the answer to score or the options of generating one."""
    for row in rows:
        for argument in row["arguments"].values():
            yield argument["arg_0"], argument["arg_1"]


@pytest.mark.parametrize("index", range(3), ids=CHOICE)
def test_multiple_choice(results, index):
    rows = results[index]["samples"][CHOICE[index]]
    right = []
    for row in rows:
        likelihoods = [float(response[0][0]) for response in row["resps"]]
        right.append(float(likelihoods.index(max(likelihoods)) == row["doc"]["answer"]))
    (score,) = results[index]["scores"]
    assert (score["task"], score["metric"], score["per_problem"]) == (CHOICE[index], "acc", right)
    assert score["value"] == pytest.approx(sum(right) / LIMIT)
    assert [text for _, text in score["questions"]] == [
        f"Question: {row['doc']['question']}\nAnswer:" for row in rows
    ]
    cut = {text for text, choice in asked_of_the_model(rows) if len((text + choice).encode()) >= CONTEXT}
    assert results[index]["cut_prompts"] == len(cut)


def test_free_answers_of_a_group_are_pooled(results):
    (score,) = results[3]["scores"]
    assert (score["task"], len(score["members"]), score["metric"]) == ("real_bbh", 27, "exact_match")
    rows = [row for member in score["members"] for row in results[3]["samples"][member]]
    assert score["per_problem"] == [float(row["filtered_resps"][0] == row["doc"]["answer"]) for row in rows]
    needed = {
        text: len(text.encode()) + options["max_gen_toks"] for text, options in asked_of_the_model(rows)
    }
    assert results[3]["cut_prompts"] == sum(count > CONTEXT for count in needed.values()) > 0


def test_the_same_evaluation_twice_gives_the_same(results):
    first, second = results[4:]
    assert first["scores"] == second["scores"]
    assert first["samples"] == second["samples"]
