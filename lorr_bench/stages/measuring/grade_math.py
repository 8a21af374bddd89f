"""Grade stored answers to a math benchmark; no model is needed, so they can be graded again and again."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lorr_bench.evaluate.metrics import (
    average_at_k,
    majority_at_k,
    missing_reason,
    pass_at_k,
    repeat_deviation,
)
from lorr_bench.grade import Policy, grade_many
from lorr_bench.plan.kinds.grade_math import GradeMath
from lorr_bench.stages.task import Task
from lorr_bench.store.generations import (
    ANSWERS_FILE,
    GREEDY,
    PROBLEMS_FILE,
    SAMPLED,
    SCORES_FILE,
    VERDICTS_FILE,
    read_lines,
)
from lorr_bench.store.record import Outcome
from lorr_bench.values import Verdict

Row = Mapping[str, Any]
MISSING = "missing"


@dataclass(frozen=True)
class Graded:
    """The answers of one sampling.

    Attributes:
        correct: Verdicts (problems, repeats): 1, 0, or NaN for an answer that is missing.
        extracted: The answers that the grader found, in the same shape.
    """

    correct: NDArray[np.float64]
    extracted: list[list[str | None]]


def grade_math(task: Task[GradeMath]) -> Outcome:
    """Verdicts on all answers, and the metrics made of them."""
    folder, parameters = task.inputs["answers"], task.stage.parameters
    golds = {row["id"]: row["gold"] for row in read_lines(folder / PROBLEMS_FILE)}
    answers = list(read_lines(folder / ANSWERS_FILE))
    with task.clock.part("grade"):
        verdicts = grade_answers(golds, answers, Policy(**parameters.policy.model_dump()))
    task.write_lines(VERDICTS_FILE, map(_verdict_row, answers, verdicts))
    scores: dict[str, dict[str, Any]] = {}
    for name in (GREEDY, SAMPLED):
        graded = _table([pair for pair in zip(answers, verdicts, strict=True) if pair[0]["sampling"] == name])
        if graded is not None:
            scores |= scores_of(name, graded, parameters.pass_at)
    conduct = _conduct(answers, verdicts)
    (task.output / SCORES_FILE).write_text(json.dumps({"scores": scores, "conduct": conduct}), "utf-8")
    values = {metric: score["value"] for metric, score in scores.items()}
    return Outcome(metrics={**values, **conduct}, parts=task.clock.parts)


def grade_answers(golds: Mapping[str, str], answers: Sequence[Row], policy: Policy) -> list[Verdict | None]:
    """A verdict for each answer; None for one that is missing."""
    given = [row for row in answers if row["text"] is not None]
    verdicts = iter(grade_many([(golds[row["id"]], row["text"]) for row in given], policy=policy))
    return [next(verdicts) if row["text"] is not None else None for row in answers]


def scores_of(sampling: str, graded: Graded, pass_at: Sequence[int]) -> dict[str, dict[str, Any]]:
    """The metrics of one sampling by name.

    Args:
        sampling: ``greedy`` or ``sampled``.
        graded: Its answers.
        pass_at: The k of pass@k.

    Returns:
        For each metric the value, one value a problem, the deviation over repeats, and why a value is NaN.
    """
    correct = graded.correct
    if sampling == GREEDY:
        return {GREEDY: _score(average_at_k(correct), correct, GREEDY, 1)}
    k = correct.shape[1]
    average = f"avg@{k}"
    scores = {average: _score(average_at_k(correct), correct, average, k, repeat_deviation(correct))}
    for drawn in pass_at:
        name = f"pass@{drawn}"
        scores[name] = _score(pass_at_k(correct, drawn), correct, name, drawn)
    if k > 1:
        name = f"maj@{k}"
        scores[name] = _score(majority_at_k(graded.extracted, correct), correct, name, k)
    return scores


def _score(
    per_problem: NDArray[np.float64],
    correct: NDArray[np.float64],
    metric: str,
    needed: int,
    deviation: float = math.nan,
) -> dict[str, Any]:
    return {
        "value": _number(per_problem.mean()),
        "per_problem": [_number(value) for value in per_problem],
        "deviation": _number(deviation),
        "reason": missing_reason(correct, metric, needed),
    }


def _number(value: float) -> float | None:
    """A number as JSON knows it: no NaN."""
    return None if math.isnan(value) else float(value)


def _table(rows: Sequence[tuple[Row, Verdict | None]]) -> Graded | None:
    """Rows in the order of repeats, then problems, as tables (problems, repeats); None without rows."""
    if not rows:
        return None
    repeats = 1 + max(row["repeat"] for row, _ in rows)
    correct = np.array([math.nan if verdict is None else verdict.correct for _, verdict in rows], dtype=float)
    extracted = np.array([verdict.extracted if verdict else None for _, verdict in rows], dtype=object)
    by_problem = extracted.reshape(repeats, -1).T.tolist()
    return Graded(correct.reshape(repeats, -1).T, by_problem)


def _conduct(answers: Sequence[Row], verdicts: Sequence[Verdict | None]) -> dict[str, Any]:
    """How the model went about its answers."""
    given = [pair for pair in zip(answers, verdicts, strict=True) if pair[1] is not None]
    return {
        "answers": len(given),
        "mean_tokens": _mean(row["tokens"] for row, _ in given),
        "truncated_share": _mean(row["truncated"] for row, _ in given),
        "no_answer_share": _mean(verdict.extracted is None for _, verdict in given if verdict),
        "timeouts": sum(verdict.reason == "timeout" for _, verdict in given if verdict),
        "missing": len(answers) - len(given),
    }


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None


def _verdict_row(answer: Row, verdict: Verdict | None) -> dict[str, Any]:
    return {
        "id": answer["id"],
        "sampling": answer["sampling"],
        "repeat": answer["repeat"],
        "extracted": verdict.extracted if verdict else None,
        "correct": verdict.correct if verdict else None,
        "reason": verdict.reason if verdict else MISSING,
    }
