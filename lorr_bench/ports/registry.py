"""Find adapters through the entry-point group ``lorr_bench.adapters``."""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from lorr_bench.errors import LorrBenchError, SuiteError
from lorr_bench.ports.trainer import TrainerAdapter

GROUP: Final = "lorr_bench.adapters"


def adapter_names() -> tuple[str, ...]:
    """Names of all installed adapters, sorted."""
    return tuple(sorted(_entries()))


def load_adapter(name: str) -> TrainerAdapter:
    """The adapter called ``name``.

    Raises:
        SuiteError: No such adapter is installed; the message names the nearest ones.
        LorrBenchError: Two packages register the name, or the entry point does not load.
    """
    entries = _entries()
    if name not in entries:
        near = difflib.get_close_matches(name, entries, n=3) or sorted(entries)
        raise SuiteError(
            f"no adapter is called {name!r}",
            where="methods",
            fix=f"nearest: {', '.join(near)}. `lorr-bench list methods` shows all.",
        )
    try:
        adapter: TrainerAdapter = entries[name].load()()
    except Exception as error:
        raise LorrBenchError(
            f"the adapter {name!r} does not load: {error}",
            where=entries[name].value,
            fix="Reinstall the package that provides it, or report the fault to its authors.",
        ) from error
    return adapter


def _entries() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise LorrBenchError(
                f"two packages register the adapter {entry.name!r}: {other.value} and {entry.value}",
                where=GROUP,
                fix="Uninstall one of them.",
            )
    return found
