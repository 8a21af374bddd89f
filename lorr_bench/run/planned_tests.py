"""What will be tested, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from lorr_bench.plan.arms import Arm
from lorr_bench.plan.charges import ACROSS_METHODS
from lorr_bench.plan.plan import Plan
from lorr_bench.values import Analysis, Contrast

MAX_NAMED: Final = 6
ONE_SEED: Final = "One seed: nothing can be tested."
NO_CONTRAST: Final = (
    "Nothing will be tested: no method has a second plug-in, and `analysis.primary` names no contrast."
)
NO_BUDGET: Final = (
    "Nothing will be tested: at no data budget both arms of a primary contrast are trained; see "
    "`unique_pairs` of their plug-ins."
)


def what_is_tested(plan: Plan) -> Iterator[str]:
    """What a plan will test and with how many seeds, or why it can't; what is unequal about it."""
    analysis, suite = plan.analysis, plan.suite
    if len(suite.seeds) == 1:
        yield ONE_SEED
    if not analysis.primary:
        yield NO_CONTRAST
        return
    if not analysis.budgets and not any(one.names_budgets for one in analysis.primary):
        yield NO_BUDGET
        return
    yield f"{_heading(plan)}: {_tests(plan)} Everything else is secondary."
    apart = [contrast for contrast in analysis.primary if not (contrast.names_budgets or analysis.budgets)]
    if apart:
        yield f"Not tested, as both arms are trained at no budget alike: {contrasts_text(apart, plan.arms)}."
    arms = {arm.name: arm for arm in plan.arms}
    across = [contrast for contrast in analysis.primary if _plugins(contrast, arms) is None]
    if across and suite.budget.equal not in ACROSS_METHODS:
        unequal = f"`budget.equal: {suite.budget.equal}` holds nothing equal across methods"
        yield f"{unequal}: {contrasts_text(across, plan.arms)}."


def _heading(plan: Plan) -> str:
    seeds, contrasts = len(plan.suite.seeds), len(plan.analysis.primary)
    if seeds == 1:
        return "With more it would be"
    holm = f"Holm's correction over {contrasts:,}, " if contrasts > 1 else ""
    return f"Will be tested ({holm}{seeds:,} seeds)"


def _tests(plan: Plan) -> str:
    analysis = plan.analysis
    everywhere, named = (
        [one for one in analysis.primary if one.names_budgets is names] for names in (False, True)
    )
    told = []
    if everywhere and analysis.budgets:
        told.append(f"at {analysis.budgets[-1]:,} pairs: {contrasts_text(everywhere, plan.arms)}")
    if named:
        told.append(f"at budgets of their own: {contrasts_text(named, plan.arms)}")
    below = ", ".join(f"{pairs:,}" for pairs in reversed(analysis.budgets[:-1]))
    parts = [
        f"{measure_text(analysis)} {'; '.join(told)}.",
        f"Below that in fixed sequence: {below}." if below else "",
        _equivalence(analysis),
    ]
    return " ".join(filter(None, parts))


def _equivalence(analysis: Analysis) -> str:
    """That a difference smaller than the margin is tested for, too; nothing without a margin."""
    if analysis.equivalence_margin is None:
        return ""
    return f"Each for a difference, and for equivalence within {margin_text(analysis.equivalence_margin)}."


def margin_text(margin: float) -> str:
    """``±2.0 points``."""
    return f"±{100 * margin:.1f} points"


def measure_text(analysis: Analysis) -> str:
    """``nano_easy greedy``."""
    return f"{analysis.benchmark} {analysis.metric or '(its first metric)'}"


def contrasts_text(contrasts: Sequence[Contrast], arms: Iterable[Arm]) -> str:
    """All of them; of many, plug-ins with the number of methods they are compared in, and the first ones.

    Args:
        contrasts: What is compared.
        arms: Of the suite; an arm that it no longer has is named in full.
    """
    if len(contrasts) <= MAX_NAMED:
        return "; ".join(map(str, contrasts))
    names = _grouped(contrasts, {arm.name: arm for arm in arms})
    rest = f"; and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return "; ".join(names[:MAX_NAMED]) + rest


def _grouped(contrasts: Iterable[Contrast], arms: Mapping[str, Arm]) -> list[str]:
    """Contrasts of the same two plug-ins within a method as one, those across methods as they are."""
    methods: dict[Contrast, int] = {}  # in the order of the first of each
    for contrast in contrasts:
        plugins = _plugins(contrast, arms)
        key = plugins or contrast
        methods[key] = methods.get(key, 0) + (plugins is not None)
    return [
        f"{compared} in {number:,} method{'s' * (number > 1)}" if number else str(compared)
        for compared, number in methods.items()
    ]


def _plugins(contrast: Contrast, arms: Mapping[str, Arm]) -> Contrast | None:
    """``lorr - plain`` of a contrast within a method; None of one across methods."""
    treatment, reference = arms.get(contrast.treatment), arms.get(contrast.reference)
    if treatment is None or reference is None or treatment.method != reference.method:
        return None
    return replace(contrast, treatment=treatment.plugin, reference=reference.plugin)
