"""The families that a report gets, beside the scores that it gets."""

import json
import math
from collections import Counter

import pytest
from finished_suite import SUITE, plan_of

from lorr_bench.store.record import Outcome
from lorr_bench.store.results import DAMAGED, load_results
from lorr_bench.store.store import Store
from lorr_bench.values import START

pytestmark = pytest.mark.slow

MATH = [{"id": "a", "family": "x"}, {"id": "b", "family": "y"}, {"id": "c", "family": "x"}]
PER_PROBLEM = [1.0, None, 0.0]  # the second problem left no room for an answer


def of_tasks(scores):
    """Rows of families, by the name that scores have."""
    return [
        {"scores": name, "id": f"{name}/{number}", "family": family}
        for name, families in scores.items()
        for number, family in enumerate(families)
    ]


@pytest.fixture
def results(tmp_path):
    """Results of the small suite, whose stages that measure left these rows and these scores."""
    evaluation = SUITE["evaluation"]
    general = [{**evaluation["general"][0], "cluster_column": "gold"}]
    plan = plan_of({**SUITE, "evaluation": {**evaluation, "general": general}}, tmp_path)
    store = Store(tmp_path / "store")

    def load(math_rows, general_rows, leave_out=()):
        for stage in plan.stages:
            if stage.label not in leave_out:
                rows = general_rows if stage.inputs else math_rows
                with store.writing(stage) as draft:
                    for name, text in files_of(stage.kind, rows, general_rows).items():
                        (draft.folder / name).write_text(text, "utf-8")
                    draft.commit(Outcome(metrics={"prompts": 0, "problems": 0, "overlapping": 0}))
        return load_results(plan, store, {})

    load.plan, load.store = plan, store
    return load


def files_of(kind, rows, general_rows):
    """What a stage writes of what a report reads; no answers to show."""
    asked = Counter(row["scores"] for row in general_rows)
    general = {name: {"scores": {"acc": number([1.0] * count)}} for name, count in asked.items()}
    return {
        "answer_math": {"problems.jsonl": "", "answers.jsonl": ""},
        "grade_math": {"scores.json": json.dumps(GRADED), "verdicts.jsonl": ""},
        "evaluate_general": {"scores.json": json.dumps(general)},
        "contamination": {"overlaps.json": "[]"},
        "families": {"families.jsonl": "".join(json.dumps(row) + "\n" for row in rows)},
    }.get(kind, {})


def number(per_problem):
    return {"value": None, "per_problem": per_problem, "deviation": None, "reason": ""}


CONDUCT = {
    "answers": 2, "mean_tokens": 1.0, "truncated_share": 0.0, "no_answer_share": 0.0, "timeouts": 0, "missing": 1,
}  # fmt: skip
GRADED = {"scores": {"greedy": number(PER_PROBLEM)}, "conduct": CONDUCT}


def scores_of(found, benchmark):
    (score,) = [s for s in found.scores if s.benchmark == benchmark and s.point == START]
    return score.per_problem


def test_a_family_for_each_score_also_where_an_answer_is_missing(results):
    found = results(MATH, of_tasks({"nano_compare": "ab"}))
    assert found.families == {"easy": ("x", "y", "x")}
    by_problem = dict(zip("abc", scores_of(found, "easy"), strict=True))
    assert (by_problem["a"], by_problem["c"], math.isnan(by_problem["b"])) == (1.0, 0.0, True)


def test_one_task_has_the_name_of_its_benchmark_as_its_scores_have(results):
    found = results(MATH, of_tasks({"nano_compare": "aa"}))
    assert found.families["general"] == ("a", "a")
    assert len(scores_of(found, "general")) == 2


def test_several_tasks_keep_their_own_names_as_their_scores_do(results):
    found = results(MATH, of_tasks({"one": "aa", "two": "bb", "three": "cd"}))
    assert set(found.families) == {"easy", "one", "two"}  # three's questions have nothing in common
    assert {"one", "two", "three"} <= {score.benchmark for score in found.scores}


def test_families_of_one_problem_each_are_none(results):
    rows = [{"id": name, "family": name} for name in "abc"]
    assert results(rows, of_tasks({"nano_compare": "ab"})).families == {}


def test_families_that_were_not_found_yet_are_missing(results):
    found = results(MATH, of_tasks({"nano_compare": "aa"}), leave_out=["families of easy"])
    assert set(found.families) == {"general"}
    assert found.missing == {"families of easy": "not run yet"}


def test_damaged_families_are_missing(results):
    results(MATH, of_tasks({"nano_compare": "aa"}))
    stage = next(s for s in results.plan.stages if s.digest == results.plan.families["easy"])
    (results.store.folder(stage) / "families.jsonl").write_text("{}\n", "utf-8")
    found = load_results(results.plan, results.store, {})
    assert set(found.families) == {"general"}
    assert found.missing == {"families of easy": DAMAGED}
