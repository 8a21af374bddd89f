"""Tables that commands print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rich.markup import escape
from rich.table import Table

from lorr_bench.plan.plan import Plan
from lorr_bench.ports.registry import adapter_names, load_adapter
from lorr_bench.run.doctor import Finding
from lorr_bench.store.store import Store

SPEND_COLUMNS: Final = ("unique_pairs", "prompts", "verifier_calls", "pair_visits", "optimizer_steps")


def arms_table(plan: Plan) -> Table:
    """What each arm will use at each data budget, and its global batch."""
    table = Table(title="Arms, and what each will use at most", title_justify="left")
    table.add_column("arm")
    for column in (*SPEND_COLUMNS, "global_batch"):
        table.add_column(column.replace("_", " "), justify="right")
    for arm in plan.arms:
        batch = str(getattr(arm.hyperparameters, "global_batch_size", "?"))
        for pairs in plan.suite.budget.unique_pairs:
            spend = plan.predicted[arm.name, pairs].to_dict()
            table.add_row(escape(arm.name), *(f"{spend[name]:,.0f}" for name in SPEND_COLUMNS), batch)
    return table


def stages_table(plan: Plan, store: Store) -> Table:
    """How many stages of each kind there are, and how many are done."""
    table = Table(title="Stages", title_justify="left")
    for column in ("kind", "lane"):
        table.add_column(column)
    for column in ("all", "done"):
        table.add_column(column, justify="right")
    done = Counter(stage.kind for stage in plan.stages if store.read(stage) is not None)
    for kind, count in Counter(stage.kind for stage in plan.stages).items():
        lane = next(stage.lane for stage in plan.stages if stage.kind == kind)
        table.add_row(kind, lane, str(count), str(done[kind]))
    return table


def status_table(plan: Plan, store: Store, failed: Mapping[str, str]) -> tuple[Table, int]:
    """Every stage with its state, and the number of stages that are left."""
    table = Table(title=f"Suite {plan.suite.name}", title_justify="left")
    for column in ("stage", "state", "seconds"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    left = 0
    for stage in plan.stages:
        record = store.read(stage)
        if record is not None:
            table.add_row(escape(stage.label), "done", f"{record.wall_seconds:.1f}")
            continue
        left += 1
        reason = failed.get(stage.digest)
        table.add_row(escape(stage.label), f"failed: {escape(reason)}" if reason else "to do", "")
    return table, left


def methods_table() -> Table:
    """Every registered adapter with its backend, needs and source."""
    table = Table(title="Methods", title_justify="left")
    for column in ("method", "backend", "needs a reference", "source"):
        table.add_column(column)
    for name in adapter_names():
        adapter = load_adapter(name)
        needs = "yes" if adapter.needs_reference else "no"
        table.add_row(escape(name), escape(adapter.backend), needs, escape(adapter.source))
    return table


def findings_table(findings: Sequence[Finding]) -> Table:
    """What the doctor found, with the command that mends each fault."""
    table = Table(title="lorr-bench doctor", title_justify="left")
    for column in ("", "what", "found", "to mend it"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark = "[green]ok[/green]" if finding.ok else "[red]no[/red]"
        table.add_row(mark, escape(finding.name), escape(finding.value), escape(finding.fix))
    return table
