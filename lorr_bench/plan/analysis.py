"""What a suite will test, as far as it is known before anything runs."""

from __future__ import annotations

from lorr_bench.plan.arms import Arm
from lorr_bench.spec.analysis import contrasts_of, measure_of, pair_of
from lorr_bench.spec.models import Suite
from lorr_bench.values import Analysis, Contrast


def resolve(suite: Suite, arms: tuple[Arm, ...]) -> Analysis:
    """The contrasts of arms that a suite means, and its measure.

    Each arm against its method's baseline is among the secondary contrasts where it is no primary one.

    Args:
        suite: What was asked.
        arms: Its arms.

    Raises:
        ValueError: The suite names an arm, a plug-in or a measure that it does not have; a suite that was
            validated does not.
    """
    said = suite.analysis
    plugins = {method: suite.plugins_of(method) for method in suite.methods}
    benchmark, metric = measure_of(said.measure, suite.evaluation)
    baselines = tuple(Contrast(arm.name, arm.baseline) for arm in arms if arm.name != arm.baseline)
    primary = contrasts_of(said.primary, plugins) if said.primary else baselines
    named = contrasts_of(said.secondary, plugins)
    known = {pair_of(contrast) for contrast in (*primary, *named)}
    others = (contrast for contrast in baselines if pair_of(contrast) not in known)
    budgets = _budgets(suite, arms, primary)
    return Analysis(benchmark, metric, primary, (*named, *others), budgets, declared=said.is_said)


def _budgets(suite: Suite, arms: tuple[Arm, ...], primary: tuple[Contrast, ...]) -> tuple[int, ...]:
    """The data budgets at which both arms of a primary contrast are trained."""
    trained = {arm.name: set(arm.budgets) for arm in arms}
    shared = [trained[contrast.treatment] & trained[contrast.reference] for contrast in primary]
    return tuple(pairs for pairs in suite.budget.unique_pairs if any(pairs in both for both in shared))
