"""What the figures of scores are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from lorr_bench.report.figures.arm_styles import ArmStyles
from lorr_bench.report.formatting import counted
from lorr_bench.report.study import Study
from lorr_bench.report.tables.comparison import Comparison
from lorr_bench.values import MATH, Measure

MAX_MEASURES = 12


@dataclass(frozen=True, slots=True)
class FigureData:
    """What the figures of scores are drawn from.

    Attributes:
        arm_styles: The arms.
        comparison: The comparison, without rows that have no score.
        measures: The measures that can be drawn; with several methods a single one.
        total: How many there are, those that were left out included.
    """

    arm_styles: ArmStyles
    comparison: Comparison
    measures: tuple[Measure, ...]
    total: int

    @property
    def study(self) -> Study:
        """The results."""
        return self.arm_styles.study

    def problems(self, measure: Measure) -> str:
        """``300 problems``; nothing where scores are known as totals only."""
        return counted(self.comparison.of(measure)["problems"], "problem")

    def note(self, drawn: int) -> str:
        """How many measures are drawn of how many; empty where all are."""
        return "" if drawn == self.total else f"Drawn: the first {drawn} of {self.total:,} measures."


def figure_data(study: Study, comparison: Comparison) -> FigureData:
    """Arms and measures of the figures, without what has no score."""
    scored = Comparison(comparison.frame[comparison.frame["mean"].notna()])
    measures = figure_measures(study, scored)
    return FigureData(ArmStyles(study), scored, measures[:MAX_MEASURES], len(measures))


def figure_measures(study: Study, comparison: Comparison) -> tuple[Measure, ...]:
    """The measures of a figure: math, or general reasoning where there is no math.

    With several methods it is the primary one alone: each method takes a panel or a row.
    """
    measures = list(dict.fromkeys(measure for _, _, measure in comparison.rows))
    primary = study.primary_measure
    if primary in measures and len(study.methods) > 1:
        return (primary,)
    return tuple([measure for measure in measures if measure.kind == MATH] or measures)
