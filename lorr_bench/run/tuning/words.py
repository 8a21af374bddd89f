"""What is said of the settings that a suite tries: before, and when they are chosen."""

from __future__ import annotations

from collections.abc import Iterator

from lorr_bench.values import DIVERGED, Try, Tuned, Tuning

PENDING = "to be chosen"


def tries_line(tuning: Tuning) -> str:
    """How many tries there are, and what decides.

    Args:
        tuning: Of a suite.
    """
    measured = [tuned for tuned in tuning.arms if tuned.measured]
    tries = sum(len(tuned.tries) for tuned in measured)
    seeds = f"seed{'s' * (len(tuning.seeds) > 1)} {', '.join(map(str, tuning.seeds))}"
    arms = len({tuned.arm for tuned in measured})
    return (
        f"Settings are chosen before a test problem is touched: {tries:,} tries for {arms:,} "
        f"arm{'s' * (arms > 1)}, by {tuning.benchmark} {tuning.metric}, {seeds}"
    )


def chosen_lines(tuning: Tuning) -> Iterator[str]:
    """What was chosen for each arm and data budget, or why nothing was.

    Args:
        tuning: Of a suite.
    """
    for tuned in tuning.arms:
        yield f"{tuned.arm} at {tuned.unique_pairs:,} pairs: {settings_text(tuned)}{score_text(tuned)}"


def settings_text(tuned: Tuned) -> str:
    """The chosen settings, or of how many they will be chosen, or why they can't be."""
    if tuned.chosen is not None:
        return str(tuned.tries[tuned.chosen])
    return why_open(tuned) or f"{PENDING} of {len(tuned.tries):,} tries"


def why_open(tuned: Tuned) -> str:
    """Why no settings can be chosen, where more than a run is lacking.

    Args:
        tuned: What came of the tries of an arm.
    """
    if all(each.reason == DIVERGED for each in tuned.tries):
        return f"nothing can be chosen: all {len(tuned.tries):,} tries diverged; lower the rates of the grid"
    failed = [each for each in tuned.tries if each.failed]
    if not failed:
        return ""
    more = f" (and {len(failed) - 1:,} more)" if len(failed) > 1 else ""
    return f"not chosen: try {failed[0]}{more}: {failed[0].reason}"


def score_text(tuned: Tuned) -> str:
    """``, best of 16: 82.3 (next 81.0)``; nothing where nothing was measured.

    Args:
        tuned: What came of the tries of an arm.
    """
    if tuned.chosen is None or not tuned.measured:
        return ""
    best, second = tuned.tries[tuned.chosen], tuned.runner_up
    behind = f" (next {_percent(second)})" if second is not None else ""
    return f", best of {len(tuned.tries):,}: {_percent(best)}{behind}"


def _percent(each: Try) -> str:
    return f"{100 * each.score:.1f}"
