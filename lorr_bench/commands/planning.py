"""``plan``: what a suite comes to, what of it is done, and what the rest will cost."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from lorr_bench.budget import EQUAL_QUANTITIES
from lorr_bench.checks.check_plan import check_plan
from lorr_bench.checks.gpu_room import room_line
from lorr_bench.checks.rows import prompt_lines
from lorr_bench.commands.asked import Asked, consoles, say_json, store_of
from lorr_bench.commands.documents import plan_document
from lorr_bench.errors import SuiteError
from lorr_bench.forecast.devices import read_devices
from lorr_bench.forecast.forecast import estimate_plan
from lorr_bench.forecast.pair_counts import pair_lines
from lorr_bench.outside import without_secrets
from lorr_bench.plan.arms import training_lines
from lorr_bench.run.commits import revision_lines
from lorr_bench.run.declaration import foreseen
from lorr_bench.run.planned_tests import what_is_tested
from lorr_bench.terminal.long_table import plain_if_long
from lorr_bench.terminal.plan_tables import estimates_view, probe_text, tries_text
from lorr_bench.terminal.tables import arms_table, protocol_table, settings_table

if TYPE_CHECKING:
    from rich.console import Console

    from lorr_bench.forecast.forecast import Forecast
    from lorr_bench.plan.plan import Plan
    from lorr_bench.store.store import Store


@dataclass(frozen=True)
class _Look:
    """What was found out about a plan.

    Attributes:
        warnings: What is doubtful about it, the worst first.
        tests: What will be tested, and what the report will say of that.
        notes: Where models and data come from, and whether there will be pairs enough.
    """

    warnings: tuple[str, ...]
    tests: tuple[str, ...]
    notes: tuple[str, ...]


def show_plan(asked: Asked, devices: str | None, *, probe: bool, as_json: bool) -> None:
    """What ``lorr-bench plan`` does.

    Args:
        asked: The suite.
        devices: GPUs to ask about in place of this machine's.
        probe: Whether engine and largest training are tried.
        as_json: Whether a JSON object is printed in place of tables.

    Raises:
        LorrBenchError: The suite can't be planned, no such GPU is known, or GPUs elsewhere are to be probed.
        Exit: With code 1 where a probe failed.
    """
    chosen = read_devices(devices) if devices is not None else None
    if chosen is not None and probe:
        fix = "Leave one of the two out."
        raise SuiteError(
            "a probe tries this machine, and --devices asks about another", where="plan", fix=fix
        )
    plan, places = asked.plan(ask=True, gpu_build=True if chosen else None)
    store = store_of(places)
    doubts = check_plan(plan)
    notes = [*training_lines(plan.arms), *prompt_lines(plan, fetch=False), *pair_lines(plan, store)]
    forecast = estimate_plan(plan, store, os.environ, chosen)
    tuning = estimate_plan(plan.tries.plan, store, os.environ, chosen) if plan.tries else None
    late = (f"The report will say: {line}." for line in foreseen(plan, store, places.output))
    look = _Look(
        warnings=tuple(filter(None, (room_line(plan, forecast), *doubts))),
        tests=(*what_is_tested(plan), *late),
        notes=(*([tries_text(tuning)] if tuning else []), *revision_lines(plan, places.output), *notes),
    )
    if as_json:
        document = plan_document(plan, places, store, forecast)
        texts = {"warnings": look.warnings, "tests": look.tests, "notes": look.notes}
        say_json({**document, **{name: list(lines) for name, lines in texts.items()}})
    else:
        place = without_secrets(str(places.store))
        _show(consoles()[0], plan, forecast, look, f"Suite: {plan.suite.name}. Store: {place}")
    if probe:
        _probe(plan, forecast, store, apart=as_json)


def _show(out: Console, plan: Plan, forecast: Forecast, look: _Look, ending: str) -> None:
    for line in look.warnings:
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    out.print(plain_if_long(arms_table(plan)))
    if plan.tuning is not None:
        out.print(plain_if_long(settings_table(plan.tuning)))
    out.print(protocol_table(plan.suite.evaluation))
    for line in look.tests:
        out.print(line, highlight=False, markup=False)
    out.print(estimates_view(forecast))
    for line in look.notes:
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    held = ", ".join(name.replace("_", " ") for name in EQUAL_QUANTITIES[plan.suite.budget.equal])
    out.print(f"Held equal: {held}. {ending}", highlight=False, markup=False)


def _probe(plan: Plan, forecast: Forecast, store: Store, *, apart: bool) -> None:
    """Say what came of the probes, apart from an output that is for a program.

    Raises:
        Exit: With code 1 where one failed.
    """
    from lorr_bench.probe.probe import probe_plan

    out, err = consoles()
    if apart:
        out = err
    out.print("Probing on fake data: the engine, then the training that needs the most memory.")
    failed = False
    for probed in probe_plan(plan, forecast, store, os.environ):
        (err if probed.failure else out).print(probe_text(probed), soft_wrap=True)
        failed = failed or bool(probed.failure)
    if failed:
        raise typer.Exit(1)
