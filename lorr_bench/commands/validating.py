"""``validate``: check a suite without running anything."""

from __future__ import annotations

import typer

from lorr_bench.commands.asked import Asked, store_of


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
    typer.echo(f"{asked.suite}: valid, {len(plan.arms)} arms, {len(plan.stages)} stages")


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
    counts = f"{len(plan.arms)} arms, {len(plan.stages)} stages"
    typer.echo(f"{asked.suite}: valid, data and model included, {counts}")
