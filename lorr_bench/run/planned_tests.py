"""What will be tested, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

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
    if not analysis.budgets:
        yield NO_BUDGET
        return
    yield f"{_heading(plan)}: {_tests(analysis)} Everything else is secondary."
    across = [contrast for contrast in analysis.primary if len(_methods(contrast)) > 1]
    if across and suite.budget.equal not in ACROSS_METHODS:
        unequal = f"`budget.equal: {suite.budget.equal}` holds nothing equal across methods"
        yield f"{unequal}: {contrasts_text(across)}."


def _heading(plan: Plan) -> str:
    seeds, contrasts = len(plan.suite.seeds), len(plan.analysis.primary)
    if seeds == 1:
        return "With more it would be"
    holm = f"Holm's correction over {contrasts:,}, " if contrasts > 1 else ""
    return f"Will be tested ({holm}{seeds:,} seeds)"


def _tests(analysis: Analysis) -> str:
    *smaller, largest = analysis.budgets
    first = f"{measure_text(analysis)} at {largest:,} pairs: {contrasts_text(analysis.primary)}."
    below = ", ".join(f"{pairs:,}" for pairs in reversed(smaller))
    return f"{first} Below that in fixed sequence: {below}." if smaller else first


def measure_text(analysis: Analysis) -> str:
    """``nano_easy greedy``."""
    return f"{analysis.benchmark} {analysis.metric or '(its first metric)'}"


def contrasts_text(contrasts: Sequence[Contrast]) -> str:
    """All of them; of many, plug-ins with the number of methods they are compared in, and the first ones."""
    if len(contrasts) <= MAX_NAMED:
        return "; ".join(map(str, contrasts))
    names = _grouped(contrasts)
    rest = f"; and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return "; ".join(names[:MAX_NAMED]) + rest


def _grouped(contrasts: Sequence[Contrast]) -> list[str]:
    """Contrasts of the same two plug-ins within a method as one, those across methods as they are."""
    counts = Counter(_name_within(contrast) or str(contrast) for contrast in contrasts)
    return [
        name if "+" in name else f"{name} in {number:,} method{'s' * (number > 1)}"
        for name, number in counts.items()
    ]


def _name_within(contrast: Contrast) -> str | None:
    """``lorr - plain`` of a contrast within a method."""
    if len(_methods(contrast)) > 1:
        return None
    return str(Contrast(*(arm.partition("+")[2] for arm in (contrast.treatment, contrast.reference))))


def _methods(contrast: Contrast) -> set[str]:
    return {arm.partition("+")[0] for arm in (contrast.treatment, contrast.reference)}
