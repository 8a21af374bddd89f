"""``validate``: check a suite without running anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lorr_bench.commands.asked import Asked, store_of

if TYPE_CHECKING:
    from lorr_bench.plan.plan import Plan


def validate(asked: Asked) -> None:
    """Check a suite file.

    Raises:
        LorrBenchError: It is not valid, or can't be planned.
    """
    from lorr_bench.plan.plan import make_plan

    plan = make_plan(asked.load())
    if plan.suite.data.pairs is not None:
        from lorr_bench.forecast.pair_counts import check_pairs

        check_pairs(plan)
    typer.echo(f"{asked.suite}: valid, {_counts(plan)}")


def validate_data(asked: Asked) -> None:
    """Check what a suite names, too: what `plan` looks at, without what it will cost.

    Raises:
        LorrBenchError: Something of it is wrong.
    """
    from lorr_bench.checks.check_plan import check_plan
    from lorr_bench.checks.rows import prompt_lines
    from lorr_bench.forecast.pair_counts import pair_lines

    plan, places = asked.plan(ask=True)
    for line in [*check_plan(plan), *prompt_lines(plan, fetch=True), *pair_lines(plan, store_of(places))]:
        typer.echo(line)
    typer.echo(f"{asked.suite}: valid, data and model included, {_counts(plan)}")


def _counts(plan: Plan) -> str:
    """How much there is to do, and how much of it chooses settings."""
    counts = f"{len(plan.arms)} arms, {len(plan.stages)} stages"
    if plan.tries is None:
        return counts
    tries = sum(len(search.tries) for search in plan.tries.searches)
    return f"{counts}; {len(plan.tried)} of them choose settings, by {tries} tries"
