"""What a suite says it will test, and what is looked at besides."""

from __future__ import annotations

from lorr_bench.report.arms import compared_arms
from lorr_bench.report.measures import primary_measure
from lorr_bench.values import Analysis, Contrast, Results


def analysis_of(results: Results) -> Analysis:
    """The analysis of these results; where they hold none, each arm against its baseline.

    Results of a version that asked for none, and of suites that are put together in tests, hold none.
    """
    if results.analysis is not None:
        return results.analysis
    measure = primary_measure(results)
    benchmark, metric = (measure.benchmark, measure.metric) if measure else ("", "")
    return Analysis(benchmark, metric, primary=tuple(baseline_contrasts(results)))


def baseline_contrasts(results: Results) -> list[Contrast]:
    """Each arm that has a baseline of its own against it, in the order of the suite."""
    return [
        Contrast(arm, results.baselines[arm]) for arm in compared_arms(results) if arm in results.baselines
    ]


def all_contrasts(results: Results) -> tuple[Contrast, ...]:
    """Every contrast that is looked at, the primary ones first, each once."""
    analysis = analysis_of(results)
    return tuple(dict.fromkeys([*analysis.primary, *analysis.secondary, *baseline_contrasts(results)]))


def primary_budget(results: Results) -> int:
    """The budget of the primary tests: the largest of the suite, or of the results where it is not known."""
    analysis = analysis_of(results)
    evaluated = [score.point.unique_pairs for score in results.scores]
    return max(analysis.budgets or evaluated or [0])
