"""Runs set against each other, where they can be, and why not where they can't.

Scores of two runs are comparable on a benchmark if both evaluated the same problems under equal conditions.
If both also began from the same start model, scores stand side by side; from different ones only what
training added does: each arm's difference to the baseline of its own run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from lorr_bench.errors import DataError
from lorr_bench.report.compare.comparable import (
    Run,
    left_out,
    make_run,
    refusals_of_benchmark,
    refusals_of_run,
    same_start,
)
from lorr_bench.report.contrasts import PRIMARY, SECONDARY, SIGNIFICANCE
from lorr_bench.report.formats.results_file import RESULTS_FILE, read_results
from lorr_bench.report.score_arrays import stack
from lorr_bench.report.study import Study
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.stats import holm, paired_difference, permutation_test
from lorr_bench.values import Measure, Results, Score

COLUMNS: Final = (
    "benchmark",
    "kind",
    "metric",
    "arm",
    "unique_pairs",
    "run",
    "mean",
    "low",
    "high",
    "seeds",
    "problems",
    "gain",
    "gain_low",
    "gain_high",
    "difference",
    "difference_low",
    "difference_high",
    "p_value",
    "p_permuted_problems",
    "paired_seeds",
    "paired_problems",
    "role",
    "family",
)
LATER: Final = ("equivalence_margin", "p_equivalence", "p_equivalence_holm", "equivalent")
"""Columns that came later, and so stand last."""


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    """Runs lined up.

    Attributes:
        runs: Names of those that can be compared; the others are compared with the first.
        frame: One row a measure, arm, budget and run, as shares: score, ``gain`` over the baseline of the own
            run, and paired ``difference`` to the same arm of the first run, each with its 95 % interval;
            ``p_permuted_problems`` tells these very checkpoints apart, one seed included. ``role`` is
            ``primary`` for the measure that the first run declared, at its largest budget, of the arms in
            its primary contrasts; everything else is ``secondary``. ``p_holm`` is corrected by Holm within a
            ``family``: the primary ones, and of the others those of math and of general reasoning;
            ``significant`` where it is below 0.05. Where the first run declared a margin, primary differences
            have ``p_equivalence``, that of two one-sided tests against it, ``p_equivalence_holm``, corrected
            over these alone, and are ``equivalent`` where it is below 0.05.
            Scores of a run that began from another start model than the first are NaN.
        refused: What can't be compared, and why; a line each.
    """

    runs: tuple[str, ...]
    frame: pd.DataFrame
    refused: tuple[str, ...]


def compare_runs(folders: Sequence[Path]) -> ComparedRuns:
    """Runs lined up that lie in these folders.

    Args:
        folders: Output folders of runs, or their report folders; the others are compared with the first.

    Returns:
        The comparison.

    Raises:
        DataError: If a folder has no results, is named twice, or nothing can be compared.
    """
    files = [_results_file(folder) for folder in folders]
    return compare(list(zip(_names(files), map(read_results, files), strict=True)))


def compare(runs: Sequence[tuple[str, Results]]) -> ComparedRuns:
    """Runs lined up.

    Args:
        runs: Name and results of each; the others are compared with the first.

    Returns:
        The comparison.

    Raises:
        DataError: If there are fewer than two runs, two of one name, or nothing can be compared; with all
            reasons.
    """
    names = [name for name, _ in runs]
    if len(runs) < 2 or len(set(names)) < len(names):
        raise DataError(
            f"a comparison needs two different runs, not {', '.join(names) or 'none'}",
            where="compare",
            fix="Name the folders of two runs or more, each once.",
        )
    first, *others = (make_run(name, results) for name, results in runs)
    refused = [line for other in others for line in refusals_of_run(first, other)]
    kept = [other for other in others if not any(refusals_of_run(first, other))]
    rows, reasons = _lined_up(first, kept)
    refused += [f"{', '.join(benchmarks)}: {reason}" for reason, benchmarks in reasons.items()]
    refused += [line for other in kept for line in left_out(first, other)]
    if not rows:
        raise DataError(
            "".join(["nothing of these runs can be compared:", *(f"\n  - {line}" for line in refused)]),
            where=", ".join(names),
            fix="Compare runs that evaluated the same arms on the same problems in the same way.",
        )
    return ComparedRuns(
        runs=(first.name, *(run.name for run in kept)), frame=_frame(rows), refused=tuple(refused)
    )


def _lined_up(first: Run, others: Sequence[Run]) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The rows of the frame, and the benchmarks that can't be compared by the reason."""
    rows: list[dict[str, Any]] = []
    reasons: dict[str, list[str]] = {}
    for benchmark in _benchmarks([first, *others]) if others else ():
        comparable = []
        for other in others:
            reason = next(refusals_of_benchmark(benchmark, first, other), None)
            if reason is None:
                comparable.append(other)
            else:
                reasons.setdefault(reason, []).append(benchmark)
        rows += _rows(benchmark, first, comparable)
    return rows, reasons


def _results_file(folder: Path) -> Path:
    for place in (folder / "report" / RESULTS_FILE, folder / RESULTS_FILE):
        if place.is_file():
            return place
    raise DataError(
        f"there is no {RESULTS_FILE}",
        where=str(folder),
        fix=f"{nearest(str(folder), _reported(folder.parent))}Name the output folder of a run, and write its "
        "report first.",
    )


def _reported(folder: Path) -> list[str]:
    """The folders of runs in a folder that have a report."""
    return sorted(str(file.parent.parent) for file in folder.glob(f"*/report/{RESULTS_FILE}"))


def _names(files: Sequence[Path]) -> list[str]:
    """Names of the run folders; with as much of their paths as tells them apart."""
    folders = [
        file.resolve().parent.parent if file.parent.name == "report" else file.resolve().parent
        for file in files
    ]
    for depth in range(1, max(len(folder.parts) for folder in folders) + 1 if folders else 1):
        names = ["/".join(folder.parts[-depth:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _benchmarks(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(measure.benchmark for run in runs for measure in run.study.tested_measures))


def _rows(benchmark: str, first: Run, others: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """The rows of one benchmark: arms and budgets that the first run shares with another one."""
    for measure in first.study.tested_measures:
        for arm, budget in first.study.models if measure.benchmark == benchmark else ():
            key = (measure, arm, budget)
            lined_up = [other for other in others if _comparable(key, first, other)]
            if lined_up:
                absolute = any(same_start(first, other) for other in lined_up)
                yield _row(key, first, first, absolute=absolute)
            for other in lined_up:
                yield _row(key, first, other, absolute=same_start(first, other))


def _role(key: tuple[Measure, str, int], first: Run) -> dict[str, str]:
    """Whether the first run declared this measure of this arm, and what it is corrected with."""
    measure, arm, budget = key
    study = first.study
    if measure == study.primary_measure and (arm, budget) in _declared_models(study):
        return {"role": PRIMARY, "family": PRIMARY}
    return {"role": SECONDARY, "family": measure.kind}


def _declared_models(study: Study) -> set[tuple[str, int]]:
    """Arms and budgets of the primary contrasts."""
    largest = study.primary_budget
    return {
        (arm, largest if pairs is None else pairs)
        for one in study.analysis.primary
        for arm, pairs in ((one.treatment, one.treatment_pairs), (one.reference, one.reference_pairs))
    }


def _comparable(key: tuple[Measure, str, int], first: Run, other: Run) -> bool:
    """Whether both have this cell, and either began from one start model or have gains to show."""
    if key not in first.study.scores or key not in other.study.scores:
        return False
    measure, arm, budget = key
    gains = [run.comparison.rows[arm, budget, measure].difference for run in (first, other)]
    return same_start(first, other) or not any(map(math.isnan, gains))


def _row(key: tuple[Measure, str, int], first: Run, run: Run, *, absolute: bool) -> dict[str, Any]:
    measure, arm, budget = key
    own = run.comparison.rows[arm, budget, measure]
    row = {
        **asdict(measure),
        "arm": arm,
        "unique_pairs": budget,
        "run": run.name,
        "gain": own.difference,
        "gain_low": own.difference_low,
        "gain_high": own.difference_high,
        "seeds": own.seeds,
        "problems": own.problems,
        **_role(key, first),
    }
    if absolute:
        row |= {"mean": own.mean, "low": own.low, "high": own.high}
        if run is not first:
            scores = (each.study.scores[key] for each in (first, run))
            margin = first.study.analysis.equivalence_margin if row["role"] == PRIMARY else None
            row |= _difference(*scores, families=_families(measure, first, run), margin=margin)
    return row


def _families(measure: Measure, first: Run, run: Run) -> Sequence[str] | None:
    """Family of each problem, as either run knows it: both asked the same problems."""
    known = (each.results.families.get(measure.benchmark) for each in (first, run))
    return next((families for families in known if families), None)


def _difference(
    reference: Mapping[int, Score],
    treatment: Mapping[int, Score],
    *,
    families: Sequence[str] | None,
    margin: float | None,
) -> dict[str, Any]:
    """The paired difference over the seeds that both have; nothing where there is none."""
    shared = sorted(reference.keys() & treatment.keys())
    if not shared:
        return {}
    both, by_problem = stack([treatment[seed] for seed in shared] + [reference[seed] for seed in shared])
    families = families if by_problem else None
    found = paired_difference(both[: len(shared)], both[len(shared) :], families=families)
    permuted = permutation_test(both[: len(shared)], both[len(shared) :], "problems", families=families)
    return {
        "difference": found.mean,
        "difference_low": found.low,
        "difference_high": found.high,
        "p_value": found.p_value,
        "p_permuted_problems": permuted,
        "paired_seeds": found.seeds,
        "paired_problems": found.problems if by_problem else 0,
        **(
            {}
            if margin is None
            else {"p_equivalence": found.equivalence_p(margin), "equivalence_margin": margin}
        ),
    }


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *LATER])
    families = frame.groupby("family", sort=False)
    frame["p_holm"] = families["p_value"].transform(holm)
    frame["significant"] = frame["p_holm"] < SIGNIFICANCE
    frame["p_equivalence_holm"] = holm(frame["p_equivalence"].to_numpy(dtype=float))
    frame["equivalent"] = frame["p_equivalence_holm"] < SIGNIFICANCE
    return frame[[*COLUMNS, "p_holm", "significant", *LATER]]
