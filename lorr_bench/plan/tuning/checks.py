"""Whether the settings of a suite are chosen by other problems than it is tested on."""

from __future__ import annotations

from lorr_bench.errors import SuiteError
from lorr_bench.plan.identity.origins import prompt_origin
from lorr_bench.plan.ingredients import Ingredients
from lorr_bench.plan.kinds.prompts import ProblemRows
from lorr_bench.spec.evaluation import MathBenchmark
from lorr_bench.spec.load import LoadedSuite
from lorr_bench.spec.tuning.section import TuningSpec


def check_benchmark(loaded: LoadedSuite, spec: TuningSpec, made: Ingredients) -> None:
    """Refuse a benchmark whose rows are those of a test benchmark under another path or name.

    Args:
        loaded: The suite.
        spec: What it says of its tuning.
        made: What its stages are made of.

    Raises:
        SuiteError: The rows are the same.
        DataError: A file is missing, or the embedded task has no such split.
    """
    chosen_by = _rows(spec.benchmark, made, "tuning.benchmark.source")
    for math in loaded.suite.evaluation.math:
        if _rows(math, made, f"evaluation.math.{math.name}.source") == chosen_by:
            raise SuiteError(
                f"settings would be chosen by the rows of `{math.name}`, which the suite tests on",
                where=loaded.place(("tuning", "benchmark", "source")),
                fix="Name other problems: a validation split.",
            )


def _rows(math: MathBenchmark, made: Ingredients, where: str) -> tuple[str | None, ...]:
    rows = ProblemRows.of(math, prompt_origin(math, made.folder, made.revisions, where))
    return rows.source, rows.revision, rows.subset, rows.split
