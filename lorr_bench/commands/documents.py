"""What commands print with ``--json``: plain values whose keys stay; docs/running.md describes them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lorr_bench.budget import EQUAL_QUANTITIES
from lorr_bench.outside import without_secrets
from lorr_bench.store.store import done_stages
from lorr_bench.terminal.tables import SPEND_COLUMNS

if TYPE_CHECKING:
    from lorr_bench.forecast.calibration import Figure
    from lorr_bench.forecast.device_hours import KindHours, Range
    from lorr_bench.forecast.estimates import KindEstimate
    from lorr_bench.forecast.forecast import Forecast
    from lorr_bench.plan.arms import Arm
    from lorr_bench.plan.plan import Plan
    from lorr_bench.plan.stage import Stage
    from lorr_bench.report.compare.runs import ComparedRuns
    from lorr_bench.run.state import Failure
    from lorr_bench.run.suite_run import Places
    from lorr_bench.store.store import Store
    from lorr_bench.terminal.status import SuiteStatus
    from lorr_bench.values import Tuned

Document = dict[str, Any]


def plan_document(plan: Plan, places: Places, store: Store, forecast: Forecast) -> Document:
    """A plan: its arms, its stages, and what those left will cost."""
    done = done_stages(plan.settled_stages, store)
    return {
        **_place(plan, places),
        "held_equal": list(EQUAL_QUANTITIES[plan.suite.budget.equal]),
        "arms": [_arm(plan, arm, pairs) for arm in plan.arms for pairs in arm.budgets],
        "stages": [
            {**_stage(stage), "inputs": dict(stage.inputs), "done": stage.digest in done}
            for stage in plan.stages
        ],
        "costs": [_cost(kind) for kind in forecast.estimates.by_kind()],
        "devices": None if forecast.devices is None else str(forecast.devices),
        "hours": [_hours(kind) for kind in forecast.hours],
        "free_bytes": forecast.free_bytes,
        "tuning": [] if plan.tuning is None else [_tuned(tuned) for tuned in plan.tuning.arms],
    }


def status_document(plan: Plan, places: Places, now: SuiteStatus) -> Document:
    """How far a suite is, stage by stage."""
    stages = [{**_stage(stage), **_state(stage.digest, now)} for stage in plan.stages]
    return {
        **_place(plan, places),
        "owner": now.owner,
        "done": sum(stage["state"] == "done" for stage in stages),
        "total": len(stages),
        "stages": stages,
    }


def comparison_document(compared: ComparedRuns) -> Document:
    """Runs side by side: every row of the CSV, and what can't be compared."""
    rows: Sequence[Mapping[Any, Any]] = compared.frame.to_dict("records")
    return {
        "runs": list(compared.runs),
        "rows": [{str(name): _finite(value) for name, value in row.items()} for row in rows],
        "not_compared": list(compared.refused),
    }


def _place(plan: Plan, places: Places) -> Document:
    return {
        "suite": plan.suite.name,
        "output": str(places.output),
        "store": without_secrets(str(places.store)),
    }


def _stage(stage: Stage) -> Document:
    return {"digest": stage.digest, "kind": stage.kind, "label": stage.label}


def _arm(plan: Plan, arm: Arm, pairs: int) -> Document:
    batch = arm.at(pairs).known_settings.global_batch_size
    spend = plan.predicted[arm.name, pairs]
    return {
        "arm": arm.name,
        "method": arm.method,
        "plugin": arm.plugin,
        "adapter": arm.adapter_name,
        "unique_pairs": pairs,
        "global_batch_size": batch * plan.suite.training.num_processes if batch else None,
        "at_most": {name: getattr(spend, name) for name in SPEND_COLUMNS},
    }


def _tuned(tuned: Tuned) -> Document:
    return {
        "arm": tuned.arm,
        "unique_pairs": tuned.unique_pairs,
        "used_at": list(tuned.used_at),
        "tries": [
            {"settings": dict(each.settings), "score": _finite(each.score), "reason": each.reason or None}
            for each in tuned.tries
        ],
        "settings": None if tuned.settings is None else dict(tuned.settings),
    }


def _cost(kind: KindEstimate) -> Document:
    memory = kind.largest.memory if kind.largest else None
    return {
        "kind": kind.kind,
        "stages": kind.stages,
        "left": kind.left,
        "seconds": _figure(kind.seconds),
        "device_seconds": _figure(kind.device_seconds),
        "tokens": _figure(kind.tokens),
        "disk_bytes": _figure(kind.disk),
        "peak_memory_bytes": _figure(memory.figure) if memory else None,
        "memory_verdict": memory.verdict if memory else None,
    }


def _hours(kind: KindHours) -> Document:
    return {
        "kind": kind.kind,
        "left": kind.left,
        "devices": kind.devices,
        "device_seconds": _range(kind.device_seconds),
        "seconds": _range(kind.seconds),
        "unknown": kind.unknown,
        "measured": kind.measured,
    }


def _range(span: Range | None) -> list[float] | None:
    return None if span is None else [span.low, span.high]


def _figure(figure: Figure) -> Document:
    return {"value": figure.value, "bound": figure.bound or None, "rests_on": str(figure)}


def _state(digest: str, now: SuiteStatus) -> Document:
    failure = now.failures.get(digest)
    return {
        "state": _word(digest, now, failure),
        "seconds": now.seconds.get(digest),
        "slot": now.running.get(digest),
        "attempts": failure.attempts if failure else 0,
        "reason": failure.reason if failure else None,
        "log": failure.log if failure else None,
    }


def _word(digest: str, now: SuiteStatus, failure: Failure | None) -> str:
    if digest in now.done:
        return "done"
    if digest in now.running:
        return "running"
    return "failed" if failure else "left"


def _finite(value: Any) -> Any:
    """A cell as JSON has it: null for what is not known."""
    if hasattr(value, "item"):  # a number of numpy
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
