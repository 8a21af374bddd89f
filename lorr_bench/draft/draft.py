"""From a model and a set of rows to a suite."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lorr_bench.devices import usable_cores
from lorr_bench.draft.choices import choose
from lorr_bench.draft.findings import finding_lines
from lorr_bench.draft.held_out import task_files
from lorr_bench.draft.model import FoundModel, look_at_model
from lorr_bench.draft.rows import ROLES, AskedRows, FoundRows, look_at_rows
from lorr_bench.draft.suite_text import Draft, Places
from lorr_bench.draft.training import workers_that_fit
from lorr_bench.draft.write import check_place, write_draft
from lorr_bench.errors import SuiteError
from lorr_bench.forecast.devices import Devices, read_devices
from lorr_bench.forecast.forecast import machine_with
from lorr_bench.forecast.machine import this_machine
from lorr_bench.forecast.memory import Machine
from lorr_bench.quantities import size_text
from lorr_bench.spec.diagnosis import nearest

STANDARD_OUTPUT: Final = "-"
MAX_NAME: Final = 64
USUAL_WORKERS: Final = 8
"""Stages side by side on a CPU, at most."""


@dataclass(frozen=True)
class Asked:
    """What the command says.

    Attributes:
        model: `nano`, a folder, or a Hub id.
        revision: Of a Hub id.
        rows: The set.
        output: File of the suite, or ``-`` for the standard output.
        devices: GPUs to write for, as ``read_devices`` takes them; None for those of this machine.
        force: Whether a file that is there may be replaced.
    """

    model: str
    revision: str | None
    rows: AskedRows
    output: str
    devices: str | None
    force: bool


@dataclass(frozen=True)
class Written:
    """What a command says when it has written a suite.

    Attributes:
        text: The suite.
        lines: What was found, and what to do next.
        file: Of the suite; None for the standard output.
    """

    text: str
    lines: tuple[str, ...]
    file: Path | None


def draft_suite(asked: Asked, own: Mapping[str, str], folder: Path) -> Written:
    """Look at a model and a set, and write a suite for them.

    Args:
        asked: What the command says.
        own: The environment, for the GPUs that may be used.
        folder: Where the command was typed.

    Raises:
        SuiteError: The suite's place is taken or missing, or a device is not known.
        ModelError: There is no such model, or a part of it is missing.
        DataError: The set is missing, damaged, too small, or of no known shape.
    """
    suite = None if asked.output == STANDARD_OUTPUT else Path(asked.output)
    tasks = suite.parent / f"{suite.stem}_held_out" if suite else Path()
    if suite is not None:
        check_place(suite, tasks, force=asked.force)
    devices = read_devices(asked.devices) if asked.devices is not None else None
    machine = machine_with(devices) if devices else this_machine(own)
    model = look_at_model(asked.model, asked.revision, folder)
    rows = look_at_rows(asked.rows, folder, model.tokenizer)
    choices = choose(model, rows, machine, hold_out=suite is not None)
    places = _places(asked, model, rows, suite, tasks if choices.held_out else None)
    workers = workers_that_fit(machine, choices.fit, usable_cores(), USUAL_WORKERS)
    draft = Draft(model, rows, choices, places, _device_text(machine, devices), workers)
    text = draft.text()
    if suite is not None:
        files = task_files(choices.held_out, tasks) if choices.held_out else {}
        write_draft(suite, text, tasks, files)
    return Written(text, (*finding_lines(draft), *_next_lines(suite, tasks, bool(choices.held_out))), suite)


def read_columns(options: list[str]) -> dict[str, str]:
    """Columns by what they hold.

    Args:
        options: ``prompt=question``, one each.

    Raises:
        SuiteError: One has another form, or names something that no column holds.
    """
    columns = {role: column for role, _, column in (option.partition("=") for option in options)}
    for role, column in columns.items():
        if role not in ROLES or not column:
            fix = f"{nearest(role, ROLES)}Write --column WHAT=NAME; WHAT is {', '.join(ROLES)}."
            raise SuiteError(f"{role!r} is nothing that a column holds", where="--column", fix=fix)
    return columns


def _places(
    asked: Asked, model: FoundModel, rows: FoundRows, suite: Path | None, tasks: Path | None
) -> Places:
    start = suite.parent if suite else Path()
    called = Path(model.name).name or Path(model.name).resolve().name
    name = f"{called}-{Path(asked.rows.source).name.partition('.')[0]}"
    return Places(
        model=_from(start, asked.model) if model.is_folder else asked.model,
        source=asked.rows.source if rows.on_hub else _from(start, asked.rows.source),
        tasks=tasks.name if tasks else None,
        name=re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:MAX_NAME].strip("-") or "suite",
    )


def _from(start: Path, path: str) -> str:
    """A path as seen from a folder; a whole one stays as it is."""
    return path if Path(path).is_absolute() else os.path.relpath(path, start)


def _device_text(machine: Machine, devices: Devices | None) -> str:
    if devices is not None:
        return str(devices)
    if machine.smallest_gpu is not None:
        return f"{len(machine.gpu_bytes)} × GPU of {size_text(machine.smallest_gpu)}"
    return f"a CPU of {usable_cores()} cores with {size_text(machine.main_bytes)} of memory"


def _next_lines(suite: Path | None, tasks: Path, held_out: bool) -> Iterator[str]:
    if suite is None:
        return
    place = shlex.quote(str(suite))
    yield ""
    yield f"Written: {suite}{f', and {tasks}/ with the pairs that are held out' if held_out else ''}. Next:"
    yield f"  lorr-bench validate --data {place}"
    yield f"  lorr-bench run {place}"
