"""Find adapters through the entry-point group ``lorr_bench.adapters``.

An entry point is called ``backend.method``, such as ``trl.dpo``; a third party's may be a plain name.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from lorr_bench.errors import LorrBenchError, SuiteError
from lorr_bench.ports.trainer import TrainerAdapter

GROUP: Final = "lorr_bench.adapters"
PREFERRED: Final = ("trl", "native")
"""Backends that are taken first where a suite names none."""


def adapter_names() -> tuple[str, ...]:
    """Full names of all installed adapters, sorted."""
    return tuple(sorted(installed_adapters()))


def find_adapter(method: str, backend: str | None = None) -> str:
    """The full name of an adapter.

    Args:
        method: A method such as ``dpo``, or a full name such as ``trl.dpo``.
        backend: Which backend; by default TRL, then native, then the first by name.

    Raises:
        SuiteError: No such adapter is installed; the message names the nearest ones.
    """
    names = adapter_names()
    if backend is None and method in names:
        return method
    offers = [name for name in names if name.rpartition(".")[2] == method]
    if backend is not None:
        offers = [name for name in offers if name.rpartition(".")[0] == backend]
    if not offers:
        wanted = f"{backend}.{method}" if backend else method
        near = difflib.get_close_matches(wanted, _spellings(names), n=3) or list(names)
        raise SuiteError(
            f"no adapter is called {wanted!r}",
            where="methods",
            fix=f"nearest: {', '.join(near)}. `lorr-bench list methods` shows all.",
        )
    return min(offers, key=_preference)


def load_adapter(name: str) -> TrainerAdapter:
    """The adapter with a full name.

    Raises:
        SuiteError: No such adapter is installed.
        LorrBenchError: Two packages register the name, or the entry point does not load.
    """
    entry = installed_adapters()[find_adapter(name)]
    try:
        adapter: TrainerAdapter = entry.load()()
    except Exception as error:
        raise LorrBenchError(
            f"the adapter {name!r} does not load: {error}",
            where=entry.value,
            fix="Reinstall the package that provides it, or report the fault to its authors.",
        ) from error
    return adapter


def _preference(name: str) -> tuple[int, str]:
    backend = name.rpartition(".")[0]
    return (PREFERRED.index(backend) if backend in PREFERRED else len(PREFERRED), name)


def _spellings(names: tuple[str, ...]) -> list[str]:
    return sorted({*names, *(name.rpartition(".")[2] for name in names)})


@cache  # a scan reads the metadata of every installed package
def installed_adapters() -> dict[str, EntryPoint]:
    """The entry point of each installed adapter, by its full name; looked for once in a process.

    Raises:
        LorrBenchError: Two packages register one name.
    """
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
