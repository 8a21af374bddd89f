"""Scores of a collection's answers from the verifier, and the rows that are kept of them."""

from __future__ import annotations

import pytest
from stage_samples import sample

from lorr_bench.stages.pairs import answers as module
from lorr_bench.stages.pairs.answered import Answered
from lorr_bench.stages.pairs.answers import grade_answers, scored_rows
from lorr_bench.values import Completion, Prompt, Verdict

PROBLEMS = [Prompt("a", "two and two", "4"), Prompt("b", "one and one", "2")]


def completions(*rows):
    return [[Completion(text, 3, truncated=False) for text in row] for row in rows]


def graded(problems, given, rule="one_each"):
    return grade_answers(sample("collect", pair_rule=rule).parameters, Answered(problems, problems, given))


def test_verdicts_are_scored_one_and_zero():
    given = completions([r"\boxed{4}", r"\boxed{5}", "no idea"], ["it is 2", "it is 3"])
    scores = graded(PROBLEMS, given)
    assert scores.values == [[1.0, 0.0, 0.0], [1.0, 0.0]]
    assert [[verdict.correct for verdict in row] for row in scores.verdicts] == [
        [True, False, False],
        [True, False],
    ]


def test_an_answer_whose_grading_did_not_finish_has_no_score(monkeypatch):
    verdicts = [Verdict(False, None, reason) for reason in ("timeout", "crash", "no_answer", "different")]
    monkeypatch.setattr(module, "grade_many", lambda _, policy: verdicts)
    scores = graded(PROBLEMS[:1], completions(["w", "x", "y", "z"]))
    assert scores.values == [[None, None, 0.0, 0.0]]


def test_the_length_rule_scores_what_has_no_box_below_what_is_wrong():
    given = completions([r"\boxed{4}", "it is 4", r"\boxed{5}", "it is 5", r"cut off: \boxed{4"])
    assert graded(PROBLEMS[:1], given, "verifier_length").values == [[1.0, -1.0, 0.0, -1.0, -1.0]]


def test_rows_of_a_collection_hold_score_and_verdict():
    given = completions([r"\boxed{4}"], ["it is 3"])
    scores = graded(PROBLEMS, given)
    rows = list(scored_rows(PROBLEMS, given, scores, truncated=False))
    assert [(row["score"], row["correct"], row["extracted"]) for row in rows] == [
        (1.0, True, "4"),
        (0.0, False, "3"),
    ]
    assert [(row["id"], row["repeat"], row["text"]) for row in rows] == [
        (PROBLEMS[0].id, 0, r"\boxed{4}"),
        (PROBLEMS[1].id, 0, "it is 3"),
    ]


@pytest.mark.parametrize("name", ["extracted", "correct", "reason"])
def test_a_reward_model_gives_no_verdict(name):
    scores = module.Scores([[0.5], [None]], None)
    rows = list(scored_rows(PROBLEMS, completions(["u"], ["v"]), scores, truncated=False))
    assert [row["score"] for row in rows] == [0.5, None]
    assert [row[name] for row in rows] == [None, None]
