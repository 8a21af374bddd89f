"""Evaluations as lm-eval writes them, so that whatever reads its files reads ours.

    FOLDER/<model>/results_<time>.json
    FOLDER/<model>/samples_<task>_<time>.jsonl

A math benchmark becomes a task with the metric ``exact_match``; lm-eval's filters say how the answers were
drawn and put together: ``greedy``, ``avg@k``, ``pass@k``, ``maj@k``. The samples hold each answer once: the
greedy one in the rows of ``greedy``, the repeats in those of ``avg@k``.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan, sqrt
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import DataError
from lorr_bench.store.disk import replacing, write_text
from lorr_bench.store.generations import GREEDY, GradedAnswer
from lorr_bench.values import Score

ENGINE: Final = "vllm"
METRIC: Final = "exact_match"
INVALID: Final = "[invalid]"
"""What lm-eval's filters put where they find no answer."""
NOT_AVAILABLE: Final = "N/A"
"""What lm-eval puts where it has no number."""


@dataclass(frozen=True)
class MathEvaluation:
    """One math benchmark of one model.

    Attributes:
        benchmark: Its name.
        scores: Its metrics.
        answers: Its graded answers.
        conditions: What decides the numbers besides the model, plain JSON values; goes into the task's
            configuration.
    """

    benchmark: str
    scores: Sequence[Score]
    answers: Iterable[GradedAnswer]
    conditions: Mapping[str, Any]


@dataclass(frozen=True)
class GeneralEvaluation:
    """What lm-eval itself found on one model.

    Attributes:
        results: Its results, as it writes them.
        samples: By task, the rows that it writes.
    """

    results: Mapping[str, Any]
    samples: Mapping[str, Iterable[Mapping[str, Any]]]


def write_lm_eval(
    folder: Path,
    *,
    model: str,
    time: datetime,
    math: Sequence[MathEvaluation],
    general: Sequence[GeneralEvaluation],
) -> Path:
    """Write all evaluations of one model: one file of results, one of samples for each task.

    Args:
        folder: Where the model's folder is made; lm-eval's ``--output_path``.
        model: Name of the model.
        time: When it was evaluated; tells apart the files of several evaluations.
        math: Benchmarks of the suite's own.
        general: lm-eval's.

    Returns:
        The file of results.

    Raises:
        DataError: Two evaluations have a task of the same name.
    """
    from lm_eval.utils import sanitize_model_name

    stamp = time.replace(tzinfo=None).isoformat(timespec="microseconds").replace(":", "-")
    target = folder / str(sanitize_model_name(model))
    results = _merged([_math_results(part) for part in math] + [dict(part.results) for part in general])
    target.mkdir(parents=True, exist_ok=True)
    for part in math:
        path = target / f"samples_{part.benchmark}_{stamp}.jsonl"
        results["task_hashes"][part.benchmark] = _write_samples(path, _math_samples(part))
    for record in general:
        for task, rows in record.samples.items():
            _write_samples(target / f"samples_{task}_{stamp}.jsonl", rows)
    path = target / f"results_{stamp}.json"
    results |= {
        "config": {**results.get("config", {}), "model": ENGINE, "model_args": {"pretrained": model}},
        "date": time.timestamp(),
        "model_source": ENGINE,
        "model_name": model,
        "model_name_sanitized": target.name,
    }
    write_text(path, json.dumps(results, indent=2))
    return path


def _merged(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Results of several evaluations as those of one; what is not by task is that of the first."""
    merged: dict[str, Any] = {"task_hashes": {}}
    for part in parts:
        if repeated := sorted(set(merged.get("results", {})) & set(part["results"])):
            raise DataError(
                f"two evaluations are called {', '.join(repeated)}",
                where="export to lm-eval's files",
                fix="give one of the benchmarks another name in the suite",
            )
        for key, value in part.items():
            known = merged.setdefault(key, {} if isinstance(value, dict) else value)
            if isinstance(known, dict) and isinstance(value, dict):
                known.update(value)
    return merged


def _math_results(evaluation: MathEvaluation) -> dict[str, Any]:
    """A math benchmark in the form of lm-eval's results."""
    name = evaluation.benchmark
    problems = len(evaluation.scores[0].per_problem)
    metrics = {key: value for score in evaluation.scores for key, value in _numbers(score).items()}
    return {
        "results": {name: {"name": name, "alias": name, "sample_len": problems, **metrics}},
        "group_subtasks": {},
        "configs": {name: _configuration(evaluation)},
        "versions": {name: NOT_AVAILABLE},
        "n-shot": {name: 0},
        "higher_is_better": {name: {METRIC: True}},
        "n-samples": {name: {"original": problems, "effective": problems}},
    }


def _numbers(score: Score) -> dict[str, float | str]:
    """A score and its standard error over problems, by lm-eval's keys."""
    value = NOT_AVAILABLE if isnan(score.value) else score.value
    return {f"{METRIC},{score.metric}": value, f"{METRIC}_stderr,{score.metric}": _stderr(score)}


def _stderr(score: Score) -> float | str:
    if isnan(score.value) or len(score.per_problem) < 2:
        return NOT_AVAILABLE
    return statistics.stdev(score.per_problem) / sqrt(len(score.per_problem))


def _configuration(evaluation: MathEvaluation) -> dict[str, Any]:
    return {
        "task": evaluation.benchmark,
        "output_type": "generate_until",
        "num_fewshot": 0,
        "metric_list": [{"metric": METRIC, "aggregation": "mean", "higher_is_better": True}],
        "metadata": {
            "conditions": dict(evaluation.conditions),
            "missing": {score.metric: score.reason for score in evaluation.scores if score.reason},
        },
    }


def _math_samples(evaluation: MathEvaluation) -> Iterator[dict[str, Any]]:
    """One row for each problem and way of drawing."""
    drawn: dict[str, dict[str, list[GradedAnswer]]] = {}
    for answer in evaluation.answers:
        by_problem = drawn.setdefault(answer.answer["sampling"], {})
        by_problem.setdefault(answer.problem["id"], []).append(answer)
    for sampling, by_problem in drawn.items():
        for index, answers in enumerate(by_problem.values()):
            filter_name = GREEDY if sampling == GREEDY else f"avg@{len(answers)}"
            yield _row(index, filter_name, answers)


def _row(index: int, filter_name: str, answers: Sequence[GradedAnswer]) -> dict[str, Any]:
    problem = answers[0].problem
    given = [graded for graded in answers if graded.answer["text"] is not None]
    document = {"id": problem["id"], "problem": problem["problem"], "answer": problem["gold"]}
    return {
        "doc_id": index,
        "doc": document,
        "target": problem["gold"],
        "arguments": {"gen_args_0": {"arg_0": problem["prompt"]}},
        "resps": [[graded.answer["text"] for graded in given]],
        "filtered_resps": [_extracted(graded.verdict) for graded in given],
        "filter": filter_name,
        "metrics": [METRIC],
        "doc_hash": _hash(json.dumps(document, indent=2, ensure_ascii=False)),
        "prompt_hash": _hash(problem["prompt"]),
        "target_hash": _hash(problem["gold"]),
        METRIC: _share_right(answers),
        "reasons": [graded.verdict["reason"] for graded in answers],
        "tokens": [graded.answer["tokens"] for graded in given],
        "truncated": [graded.answer["truncated"] for graded in given],
    }


def _extracted(verdict: Mapping[str, Any]) -> str:
    return INVALID if verdict["extracted"] is None else str(verdict["extracted"])


def _share_right(answers: Sequence[GradedAnswer]) -> float | None:
    """The share of right answers; none where one is missing."""
    verdicts = [graded.verdict["correct"] for graded in answers]
    return None if None in verdicts else sum(verdicts) / len(verdicts)


def _write_samples(path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows; returns the hash that lm-eval gives to the samples of a task."""
    hashes: list[str] = []
    with replacing(path) as file:
        for row in rows:
            file.write(f"{json.dumps(row)}\n".encode())
            hashes.append(row["doc_hash"] + row["prompt_hash"] + row["target_hash"])
    return _hash("".join(hashes))


def _hash(text: str) -> str:
    """lm-eval's hash of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
