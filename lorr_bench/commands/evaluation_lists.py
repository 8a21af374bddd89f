"""Lists of what measures: benchmarks, protocols, presets and tasks of lm-eval, and whole suites."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from lorr_bench.errors import SuiteError
from lorr_bench.plan.identity.task_data import names_in
from lorr_bench.plan.identity.task_index import own_folder
from lorr_bench.plan.identity.task_source import NANO_TASKS
from lorr_bench.shipped.catalog import PUBLISHED_RESULTS, needs, shipped_suites
from lorr_bench.spec.benchmarks import BENCHMARKS, PROTOCOLS
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.load import load_suite
from lorr_bench.spec.presets import PRESETS
from lorr_bench.terminal.listing import Listing

Row = dict[str, Any]


def benchmarks() -> Listing:
    """Every registered math benchmark."""
    rows = [
        {
            "benchmark": name,
            "problems": list(fields["sizes"]),
            "data_set": fields["source"],
            "split": fields["split"],
        }
        for name, fields in BENCHMARKS.items()
    ]
    return Listing(
        "Math benchmarks, for evaluation.math",
        rows,
        {
            "name": lambda row: row["benchmark"],
            "problems": lambda row: " or ".join(f"{size:,}" for size in row["problems"]),
            "Hub data set": lambda row: row["data_set"],
            "split": lambda row: row["split"],
        },
        right=("problems",),
    )


def protocols() -> Listing:
    """Every evaluation protocol."""
    rows = [
        {"protocol": name, "meaning": protocol.meaning, "fields": dict(protocol.fields)}
        for name, protocol in PROTOCOLS.items()
    ]
    return Listing(
        "Protocols, for evaluation.protocol",
        rows,
        {
            "name": lambda row: row["protocol"],
            "what it is": lambda row: row["meaning"],
            "fields": lambda row: ", ".join(f"{key}: {value}" for key, value in row["fields"].items()),
        },
    )


def presets() -> Listing:
    """Every preset of lm-eval tasks."""
    rows = [
        {
            "preset": preset,
            "benchmark": part["name"],
            "tasks": list(part["tasks"]),
            "num_fewshot": part["num_fewshot"],
            "metric": part["metric"],
        }
        for preset, parts in PRESETS.items()
        for part in parts
    ]
    return Listing(
        "Presets, for evaluation.general",
        rows,
        {
            "preset": lambda row: row["preset"],
            "benchmark": lambda row: row["benchmark"],
            "lm-eval tasks": lambda row: ", ".join(row["tasks"]),
            "few-shot examples": lambda row: "own" if row["num_fewshot"] is None else str(row["num_fewshot"]),
            "metric": lambda row: row["metric"],
        },
    )


def suites() -> Listing:
    """Every suite that comes with the package, and what it needs besides."""
    return Listing(
        "Shipped suites",
        [_suite(name, path) for name, path in shipped_suites().items()],
        {
            "suite": lambda row: row["suite"],
            "what it is": lambda row: row["description"],
            "needs besides the package": _needs_besides,
        },
        after=f"Results of some of them: {PUBLISHED_RESULTS}",
    )


def tasks() -> Listing:
    """The lm-eval tasks that come with the package or that presets name."""
    named = {task for parts in PRESETS.values() for part in parts for task in part["tasks"]}
    return _task_listing(
        [
            *_tasks_of(NANO_TASKS, "lorr-bench"),
            *({"task": name, "from": "lm-eval"} for name in sorted(named)),
        ],
        "`lorr-bench list tasks 'gsm*'` looks through all tasks, groups and tags of lm-eval.",
    )


def tasks_like(pattern: str) -> Listing:
    """The tasks, groups and tags that a pattern names, lm-eval's own included; reading those takes seconds.

    Raises:
        SuiteError: There are none.
    """
    installed = own_folder()
    known = [
        *_tasks_of(NANO_TASKS, "lorr-bench"),
        *(_tasks_of(installed, "lm-eval") if installed is not None else ()),
    ]
    found = [row for row in known if fnmatchcase(row["task"], pattern)]
    if not found:
        fix = f"{nearest(pattern, [row['task'] for row in known])}`*` and `?` stand for letters."
        raise SuiteError(f"no task, group or tag is called {pattern!r}", where="list", fix=fix)
    return _task_listing(found)


def _suite(name: str, path: Path) -> Row:
    loaded = load_suite(path)
    wanted = needs(loaded.suite, loaded.folder)
    return {
        "suite": name,
        "description": loaded.suite.description,
        "needs_hub": any(need.from_hub for need in wanted),
        "needs_files": [need.key for need in wanted if not need.from_hub],
    }


def _needs_besides(row: Row) -> str:
    hub = ["models and data of the Hub"] if row["needs_hub"] else []
    files = [f"files of yours: {', '.join(row['needs_files'])}"] if row["needs_files"] else []
    return "; ".join([*hub, *files]) or "nothing"


def _tasks_of(folder: Path, origin: str) -> list[Row]:
    return [{"task": name, "from": origin} for name in names_in([folder])]


def _task_listing(rows: Sequence[Row], after: str = "") -> Listing:
    columns = {"name": lambda row: row["task"], "from": lambda row: row["from"]}
    return Listing("lm-eval tasks, for evaluation.general", rows, columns, after=after)
