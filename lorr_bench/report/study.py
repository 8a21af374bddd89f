"""The results of a suite with what every part of a report derives from them, computed once and handed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lorr_bench.values import (
    GENERAL,
    MATH,
    START,
    Analysis,
    ArmParts,
    Contrast,
    Measure,
    Point,
    Results,
    Score,
    preferred,
)

AVERAGE = "average"
"""What stands for the benchmark where several of a kind are averaged."""


@dataclass(frozen=True)
class Study:
    """What tables, figures and sentences are made from.

    Attributes:
        results: What the suite found.
    """

    results: Results

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods, in the order of the suite."""
        return tuple(dict.fromkeys(arm.method for arm in self.results.arms.values()))

    @cached_property
    def plugins(self) -> tuple[str, ...]:
        """The plug-ins that any method has, in the order of the suite: those of baselines first."""
        ordered = sorted(self.results.arms, key=lambda arm: not self.is_baseline(arm))
        return tuple(dict.fromkeys(map(self.plugin_of, ordered)))

    @cached_property
    def compared_arms(self) -> tuple[str, ...]:
        """The arms that are compared with another one, in the order of the suite."""
        return tuple(arm for arm in self.results.arms if not self.is_baseline(arm))

    @cached_property
    def baseline_name(self) -> str:
        """What captions call the baseline: the arm, or with several methods ``its method's plain arm``."""
        baselines = self.results.baselines
        names = sorted({baselines[arm] for arm in self.results.arms if arm in baselines})
        if len(names) == 1:
            return names[0]
        plugins = {self.plugin_of(name) for name in names}
        return f"its method's {plugins.pop()} arm" if len(plugins) == 1 else "its method's baseline"

    def method_of(self, arm: str) -> str:
        """The method of an arm of the suite."""
        return self.results.arms[arm].method

    def plugin_of(self, arm: str) -> str:
        """The plug-in of an arm of the suite."""
        return self.results.arms[arm].plugin

    def arm(self, method: str, plugin: str) -> str | None:
        """The arm of a method and a plug-in; None where the suite has none."""
        return self._arms.get(ArmParts(method, plugin))

    def is_baseline(self, arm: str) -> bool:
        """Whether others are compared with this arm."""
        return self.results.baselines.get(arm) == arm

    def one_point_per_arm(self, points: Iterable[Point]) -> list[Point]:
        """Of each arm the point with the largest budget and the lowest seed, in the order of the suite."""
        chosen: dict[str, Point] = {}
        for point in sorted(points, key=lambda point: (-point.unique_pairs, point.seed)):
            chosen.setdefault(point.arm, point)
        return sorted(chosen.values(), key=lambda point: self._place(point.arm))

    def points_at_largest(self, points: Iterable[Point]) -> list[Point]:
        """Of each arm the points with its largest budget, in the order of the suite, then of the seeds."""
        found = list(dict.fromkeys(points))
        first = {point.arm: number for number, point in reversed([*enumerate(found)])}
        largest = {point.arm: point.unique_pairs for point in self.one_point_per_arm(found)}
        kept = [point for point in found if point.unique_pairs == largest[point.arm]]
        return sorted(kept, key=lambda point: (self._place(point.arm), first[point.arm], point.seed))

    @cached_property
    def tested_measures(self) -> tuple[Measure, ...]:
        """Every measure that is tested: math first, each kind in the order of its scores."""
        found = dict.fromkeys(score.measure for score in self.results.scores)
        return _math_first(measure for measure in found if measure.tested)

    @cached_property
    def averages(self) -> Mapping[Measure, tuple[Measure, ...]]:
        """For each kind with two benchmarks or more: the average as a measure, and what it is the average of.

        That is one measure a benchmark, of equal weight.
        """
        averages = {}
        for kind in (MATH, GENERAL):
            parts = _one_per_benchmark(measure for measure in self.tested_measures if measure.kind == kind)
            if len(parts) > 1:
                # A benchmark may have this name itself; one table can't hold both under it.
                taken = any(part.benchmark == AVERAGE for part in parts)
                name = f"{AVERAGE} of {len(parts)}" if taken else AVERAGE
                metrics = dict.fromkeys(part.metric for part in parts)
                averages[Measure(name, kind, " / ".join(metrics))] = parts
        return averages

    @cached_property
    def benchmark_measures(self) -> tuple[Measure, ...]:
        """One measure a benchmark: greedy where there is one, its first otherwise."""
        return _one_per_benchmark(self.tested_measures)

    @cached_property
    def reported_measures(self) -> tuple[Measure, ...]:
        """The columns of the comparison: what is tested, those of a kind before their average."""
        return _math_first((*self.tested_measures, *self.averages))

    @cached_property
    def primary_measure(self) -> Measure | None:
        """The measure that was declared, else the first math measure, a greedy one if there is any.

        None where no model has been evaluated on it.
        """
        measures, analysis = self.tested_measures, self.results.analysis
        if analysis is not None and analysis.benchmark:
            declared = (
                measure
                for measure in measures
                if measure.benchmark == analysis.benchmark and analysis.metric in ("", measure.metric)
            )
            return next(declared, None)
        return preferred([each for each in measures if each.kind == measures[0].kind]) if measures else None

    @cached_property
    def analysis(self) -> Analysis:
        """The analysis of these results; where they hold none, each arm against its baseline.

        Results of a version that asked for none, and of suites that are put together in tests, hold none.
        """
        if self.results.analysis is not None:
            return self.results.analysis
        measure = self.primary_measure
        benchmark, metric = (measure.benchmark, measure.metric) if measure else ("", "")
        return Analysis(benchmark, metric, primary=self._baseline_contrasts)

    @cached_property
    def contrasts(self) -> tuple[Contrast, ...]:
        """Every contrast that is looked at, the primary ones first, each once."""
        analysis = self.analysis
        return tuple(dict.fromkeys([*analysis.primary, *analysis.secondary, *self._baseline_contrasts]))

    @cached_property
    def primary_budget(self) -> int:
        """The budget of the primary tests: the largest of the suite, else the largest of the results."""
        return max(self.analysis.budgets or self.evaluated_budgets or [0])

    @cached_property
    def evaluated_budgets(self) -> tuple[int, ...]:
        """Unique pairs at which models were evaluated, rising; 0 is the start model's."""
        return tuple(sorted({score.point.unique_pairs for score in self.results.scores}))

    @cached_property
    def largest_budgets(self) -> Mapping[str, int]:
        """The largest budget at which each arm was evaluated, the start model first."""
        largest: dict[str, int] = {}
        for score in self.results.scores:
            largest[score.point.arm] = max(score.point.unique_pairs, largest.get(score.point.arm, 0))
        return {arm: largest[arm] for arm in (START.arm, *self.results.arms) if arm in largest}

    @cached_property
    def models(self) -> tuple[tuple[str, int], ...]:
        """Arm and budget of each row of a table: the start model, then budget by budget in suite order."""
        evaluated = {(score.point.arm, score.point.unique_pairs) for score in self.results.scores}
        evaluated |= {(point.arm, point.unique_pairs) for point in self.results.spends}
        return tuple(sorted(evaluated, key=lambda model: (model[1], self._place(model[0]), model[0])))

    @cached_property
    def scores(self) -> Mapping[tuple[Measure, str, int], Mapping[int, Score]]:
        """The scores by measure, arm and budget, then by training seed."""
        scores: dict[tuple[Measure, str, int], dict[int, Score]] = {}
        for score in sorted(self.results.scores, key=lambda score: score.point.seed):
            key = (score.measure, score.point.arm, score.point.unique_pairs)
            scores.setdefault(key, {})[score.point.seed] = score
        return scores

    def parts(self, measure: Measure) -> tuple[Measure, ...]:
        """What a measure is the average of; a single one is its own part."""
        return self.averages.get(measure, (measure,))

    def scores_by_seed(self, measure: Measure, arm: str, budget: int) -> dict[int, list[Score]]:
        """Scores of an arm at a budget by seed, one a part of a measure; of seeds that have all parts."""
        found = [self.scores.get((part, arm, budget), {}) for part in self.parts(measure)]
        seeds = sorted(set(found[0]).intersection(*found[1:]))
        return {seed: [by_seed[seed] for by_seed in found] for seed in seeds}

    def families(self, measure: Measure, by_problem: Sequence[bool]) -> list[tuple[str, ...] | None]:
        """Family of each problem of each part of a measure; None where they have nothing in common.

        Args:
            measure: The measure.
            by_problem: Of each part, whether its scores are known by problem.
        """
        return [
            self.results.families.get(part.benchmark) if known else None
            for part, known in zip(self.parts(measure), by_problem, strict=True)
        ]

    @cached_property
    def _baseline_contrasts(self) -> tuple[Contrast, ...]:
        """Each arm that has a baseline of its own against it, in the order of the suite."""
        baselines = self.results.baselines
        return tuple(Contrast(arm, baselines[arm]) for arm in self.compared_arms if arm in baselines)

    @cached_property
    def _arms(self) -> Mapping[ArmParts, str]:
        return {parts: arm for arm, parts in self.results.arms.items()}

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {arm: number for number, arm in enumerate((START.arm, *self.results.arms))}

    def _place(self, arm: str) -> int:
        """Where the suite names an arm, the start model first; arms that it does not name stand last."""
        return self._places.get(arm, len(self._places))


def _math_first(measures: Iterable[Measure]) -> tuple[Measure, ...]:
    return tuple(sorted(measures, key=lambda measure: measure.kind != MATH))


def _one_per_benchmark(measures: Iterable[Measure]) -> tuple[Measure, ...]:
    groups: dict[str, list[Measure]] = {}
    for measure in measures:
        groups.setdefault(measure.benchmark, []).append(measure)
    return tuple(map(preferred, groups.values()))
