"""The table of a paper: methods and benchmarks, each plain, with the plug-in, and the difference."""

from __future__ import annotations

from collections.abc import Iterator

from lorr_bench.report.contrasts import SIGNIFICANCE
from lorr_bench.report.formatting import DAGGER, MISSING, START_MODEL, counted
from lorr_bench.report.study import Study
from lorr_bench.report.table import Cell, Column, Table
from lorr_bench.report.tables.comparison import (
    KIND_NAMES,
    Comparison,
    difference_cell,
    measure_heading,
    score_text,
)
from lorr_bench.values import START, Measure

SECTION = "paper"


def paper_table(study: Study, comparison: Comparison) -> Table:
    """Scores at the largest budget: the baseline, the plug-in that was declared, and their difference.

    Args:
        study: The results.
        comparison: Their comparison.

    Returns:
        Of a single method one row a benchmark; of several one row a method, the benchmarks beside each other.
        No rows where no arm is compared with a baseline.
    """
    return _Paper(study, comparison).table() if study.compared_arms else _without_rows()


def _without_rows() -> Table:
    return Table(SECTION, "Scores", "", (Column("benchmark", "text"),), ())


class _Paper:
    """The table while it is made.

    Args:
        study: The results.
        comparison: Their comparison.
    """

    def __init__(self, study: Study, comparison: Comparison) -> None:
        self.study = study
        self.rows = comparison.at_largest_budget
        self.comparison = comparison
        self.plugin = study.plugin_of(_declared_arm(study))
        self.baseline = study.plugin_of(study.results.baselines[_declared_arm(study)])
        self.measures = _measures(study, comparison)

    def table(self) -> Table:
        """The table."""
        several = len(self.study.methods) > 1
        title = f"At {self.comparison.largest_budget:,} unique pairs: {self.baseline}, + {self.plugin}"
        return Table(
            section=SECTION,
            heading=title,
            caption=self._caption(),
            columns=tuple(self._method_columns() if several else self._benchmark_columns()),
            rows=tuple(self._method_rows() if several else self._benchmark_rows()) if self.measures else (),
            file="methods.csv",
            main=True,
            breaks=frozenset({1}) if several else frozenset(),
        )

    def _caption(self) -> str:
        shown = [
            row for (arm, measure), row in self.rows.items() if arm != START.arm and measure in self.measures
        ]
        seeds = counted((row.seeds for row in shown), "seed")
        over = f", means of {seeds}" if seeds else ""
        found = f" Bold: corrected p < {SIGNIFICANCE}." if any(row.significant for row in shown) else ""
        return (
            f"Scores in %{over}; Δ: difference in points, in brackets its 95 % interval; {DAGGER}: declared "
            f"beforehand.{found}"
        )

    def _benchmark_columns(self) -> Iterator[Column]:
        yield Column("benchmark", "text")
        yield from map(Column, ("start", self.baseline, f"+ {self.plugin}", "Δ"))

    def _benchmark_rows(self) -> Iterator[tuple[Cell, ...]]:
        arms = self._arms(self.study.methods[0])
        for measure in self.measures:
            rows = [self.rows.get((arm, measure)) for arm in (START.arm, *arms)]
            yield (
                self._benchmark_cell(measure),
                *(Cell(score_text(row)) for row in rows),
                difference_cell(rows[-1], MISSING),
            )

    def _benchmark_cell(self, measure: Measure) -> Cell:
        """The benchmark over its metric and n, an average over how many it is of."""
        benchmark, metric = measure_heading(measure, self.comparison)
        parts = self.study.averages.get(measure)
        return Cell(benchmark, f"of {len(parts)} {KIND_NAMES[measure.kind]}" if parts else metric)

    def _method_columns(self) -> Iterator[Column]:
        yield Column("method", "text")
        for measure in self.measures:
            group = measure_heading(measure, self.comparison)
            for title in (self.baseline, f"+ {self.plugin}", "Δ"):
                yield Column(title, group=group)

    def _method_rows(self) -> Iterator[tuple[Cell, ...]]:
        starts = (Cell(score_text(self.rows.get((START.arm, each)))) for each in self.measures)
        yield Cell(START_MODEL), *(cell for start in starts for cell in (start, Cell(""), Cell("")))
        for method in self.study.methods:
            baseline, other = self._arms(method)
            plugin = self.study.plugin_of(other) if other else self.plugin
            cells = []
            for measure in self.measures:
                rows = self.rows.get((baseline, measure)), self.rows.get((other, measure))
                cells += [*(Cell(score_text(row)) for row in rows), difference_cell(rows[-1], MISSING)]
            yield Cell(method if plugin == self.plugin else f"{method} (+ {plugin})"), *cells

    def _arms(self, method: str) -> tuple[str, str]:
        """The baseline of a method, and its arm with the plug-in; without such an arm its first other one."""
        own = [arm for arm in self.study.compared_arms if self.study.method_of(arm) == method]
        named = self.study.arm(method, self.plugin)
        other = named if named in own else next(iter(own), "")
        return self.study.results.baselines.get(other or "", ""), other or ""


def _declared_arm(study: Study) -> str:
    """The first arm that was declared against its baseline; the first compared one where none was."""
    baselines = study.results.baselines
    declared = (
        each.treatment
        for each in study.analysis.primary
        if baselines.get(each.treatment) == each.reference and not each.names_budgets
    )
    return next((arm for arm in declared if arm in study.compared_arms), study.compared_arms[0])


def _measures(study: Study, comparison: Comparison) -> list[Measure]:
    """One a benchmark, the primary one of its own; and the average of each kind after them."""
    primary = study.primary_measure
    chosen = [
        primary if primary is not None and primary.benchmark == measure.benchmark else measure
        for measure in study.benchmark_measures
    ]
    present = {measure for _, measure in comparison.at_largest_budget}
    wanted = [
        measure for measure in study.reported_measures if measure in chosen or measure in study.averages
    ]
    return [measure for measure in wanted if measure in present]
