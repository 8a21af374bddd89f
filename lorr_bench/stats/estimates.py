"""What the functions of this package return."""

from __future__ import annotations

from dataclasses import dataclass, field

from lorr_bench.stats.components import Components
from lorr_bench.stats.hierarchy import equivalence_p_value
from lorr_bench.stats.power import detectable


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        mean: Mean over all seeds and problems.
        low: Lower end.
        high: Upper end.
        seeds: Trained models it rests on. With 1 the interval covers the choice of problems only: it says
            nothing about another training run.
        problems: Problems it rests on.
        families: Families of problems that were taken as drawn; as many as problems where none are given.
    """

    mean: float
    low: float
    high: float
    seeds: int
    problems: int
    families: int = -1

    def __post_init__(self) -> None:
        if self.families < 0:
            object.__setattr__(self, "families", self.problems)


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean paired difference, treatment minus baseline.

    Attributes:
        mean: Mean difference over all seeds and problems.
        low: Lower end of its confidence interval.
        high: Upper end.
        p_value: Two-sided; below ``1 - level`` exactly where the interval leaves out zero. NaN with one
            seed: problems are not replications of training.
        seeds: Seeds that both have.
        problems: Problems that both have.
        families: Families of problems that were taken as drawn; as many as problems where none are given.
        parts: Mean and variance components of the difference.
    """

    mean: float
    low: float
    high: float
    p_value: float
    seeds: int
    problems: int
    families: int
    parts: Components = field(repr=False, compare=False)

    @property
    def detectable(self) -> float:
        """Smallest true difference that a test at 5 % finds in 80 % of such suites, as ``detectable_at``."""
        return detectable(self.parts)

    def detectable_at(self, alpha: float) -> float:
        """Smallest true difference that a test at another level finds in 80 % of such suites.

        Args:
            alpha: Level of the test. The first step of Holm's correction of m tests has 0.05 / m.

        Returns:
            The difference, the variance being as estimated here; NaN with one seed.

        Raises:
            ValueError: If the level is not between 0 and 1.
        """
        return detectable(self.parts, alpha)

    def equivalence_p(self, margin: float) -> float:
        """p-value of equivalence: below α exactly where the interval of level 1 - 2α lies within the margin.

        Args:
            margin: Largest difference, either way, that is as good as none; above 0.

        Returns:
            That of two one-sided tests, as ``equivalence_p_value``; NaN with one seed.

        Raises:
            ValueError: If the margin is not above 0.
        """
        return equivalence_p_value(self.parts, margin)


@dataclass(frozen=True, slots=True)
class Efficiency:
    """How much data the treatment needs for the baseline's final accuracy, beside what the baseline needs.

    Attributes:
        ratio: The treatment's need over the baseline's own. NaN if the treatment never gets there, and where
            the baseline does not rise, so that it has no need that can be measured; an upper bound, from the
            smallest budget, if the treatment is there from its smallest budget on.
        low: Lower end of the ratio's interval; 0 where the treatment's need may lie below its smallest
            budget.
        high: Upper end; infinite where the treatment's need may lie beyond its largest budget, or the
            baseline's below its smallest.
        reached: Whether the treatment's curve crosses that accuracy between two of its budgets, so that the
            ratio is measured and no bound.
        reason: Why not, in words; empty if reached.
        baseline_needed: Data with which the baseline's own curve first has its final accuracy, at most its
            largest budget. NaN where the ratio is not defined.
    """

    ratio: float
    low: float
    high: float
    reached: bool
    reason: str
    baseline_needed: float
