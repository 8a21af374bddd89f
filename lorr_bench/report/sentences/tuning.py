"""How the settings of the arms were chosen, in a sentence."""

from __future__ import annotations

from lorr_bench.values import Tuning


def tuning_line(tuning: Tuning | None) -> str:
    """How settings were chosen; nothing where the suite says them all itself.

    Args:
        tuning: Of the results.
    """
    if tuning is None:
        return ""
    arms = len({tuned.arm for tuned in tuning.arms})
    tries = [len(tuned.tries) for tuned in tuning.arms]
    most = f"{max(tries, default=0):,}"
    count = most if len(set(tries)) == 1 else f"up to {most}"
    problems = f"the first {tuning.problems:,} problems" if tuning.problems is not None else "all problems"
    seeds = f"seed{'s' * (len(tuning.seeds) > 1)} {', '.join(map(str, tuning.seeds))}"
    waiting = sum(tuned.chosen is None for tuned in tuning.arms)
    lacking = f" {waiting:,} of {len(tries):,} choices are still open." if waiting else ""
    return (
        f"Settings of {arms:,} arm{'s' * (arms != 1)} were chosen before a test problem was touched: of "
        f"{count} tries each, the one with the highest {tuning.metric} on {problems} of {tuning.benchmark}, "
        f"{seeds}; none of these problems and seeds is tested on.{lacking}"
    )
