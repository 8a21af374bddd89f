"""All results of a suite as files for other tools."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from lorr_bench.export.lm_eval_files import GeneralEvaluation, MathEvaluation, write_lm_eval
from lorr_bench.export.marl_eval_curves import left_out, marl_eval_json
from lorr_bench.plan.measurements import Evaluation
from lorr_bench.plan.plan import Plan
from lorr_bench.store.disk import storage_error, write_text
from lorr_bench.store.generations import graded_answers, read_lines
from lorr_bench.store.results import load_results
from lorr_bench.store.store import Store
from lorr_bench.values import START, Point, Results, Score

CURVES_FILE: Final = "marl_eval.json"
SAMPLES: Final = "samples_"
MEASURED: Final = ("answer_math", "grade_math", "evaluate_general")
"""Kinds of stages whose files are read here, each file verified."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        models: Models with files in lm-eval's shapes.
        curves: The curves in marl-eval's form; None where no arm has all seeds and budgets.
        left_out: Arms that are not in the curves, because they lack some.
    """

    models: int
    curves: Path | None
    left_out: tuple[str, ...]


def export_suite(plan: Plan, store: Store, folder: Path, time: datetime) -> Exported:
    """Write lm-eval's results and samples files of every model, and the curves for marl-eval.

    Args:
        plan: The suite's plan.
        store: Where its results lie.
        folder: Where to write; made if it isn't there.
        time: In the names of lm-eval's files.

    Raises:
        DataError: Two benchmarks of a model have the same name.
        StoreError: The folder can't be written.
    """
    stored = _Stored(plan, store, load_results(plan, store, {}))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        models = stored.models()
        for point, evaluations in models.items():
            write_lm_eval(
                folder / "lm_eval",
                model=_model_name(plan.suite.name, point),
                time=time,
                math=[stored.math(e) for e in evaluations if e.kind == "math"],
                general=[stored.general(e) for e in evaluations if e.kind == "general"],
            )
        return Exported(len(models), *_write_curves(folder, stored.results))
    except OSError as error:
        raise storage_error(error, folder) from error


class _Stored:
    """The evaluations of a plan that have results."""

    def __init__(self, plan: Plan, store: Store, results: Results) -> None:
        self.results = results
        self._plan = plan
        self._folders = {
            stage.digest: store.folder(stage)
            for stage in plan.settled_stages
            if stage.kind in MEASURED and store.read(stage, verify=True) is not None
        }
        self._scores: dict[tuple[Point, str], list[Score]] = defaultdict(list)
        for score in results.scores:
            self._scores[score.point, score.benchmark].append(score)

    def models(self) -> dict[Point, list[Evaluation]]:
        """The evaluations of each model."""
        found: dict[Point, list[Evaluation]] = defaultdict(list)
        for evaluation in self._plan.evaluations:
            if {evaluation.digest, evaluation.answers} <= self._folders.keys():
                found[evaluation.point].append(evaluation)
        return found

    def math(self, evaluation: Evaluation) -> MathEvaluation:
        name = evaluation.benchmark
        answers = graded_answers(self._folders[evaluation.answers], self._folders[evaluation.digest])
        conditions = self.results.conditions.get(name, {})
        return MathEvaluation(name, self._scores[evaluation.point, name], answers, conditions)

    def general(self, evaluation: Evaluation) -> GeneralEvaluation:
        return _general(self._folders[evaluation.digest])


def _general(folder: Path) -> GeneralEvaluation:
    samples = {path.stem.removeprefix(SAMPLES): path for path in sorted(folder.glob(f"{SAMPLES}*.jsonl"))}
    results = json.loads((folder / "results.json").read_text("utf-8"))
    return GeneralEvaluation(results, {task: read_lines(path) for task, path in samples.items()})


def _model_name(suite: str, point: Point) -> str:
    if point == START:
        return f"{suite}/{START.arm}"
    return f"{suite}/{point.arm}/{point.unique_pairs}/seed{point.seed}"


def _write_curves(folder: Path, results: Results) -> tuple[Path | None, tuple[str, ...]]:
    curves = marl_eval_json(results)
    missing = tuple(left_out(results))
    if not curves:
        return None, missing
    write_text(folder / CURVES_FILE, json.dumps(curves))
    return folder / CURVES_FILE, missing
