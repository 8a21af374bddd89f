"""Lists of what trains: methods, plug-ins, backends, and the settings of each."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from pydantic import BaseModel

from lorr_bench.errors import SuiteError
from lorr_bench.ports.registry import adapter_names, find_adapter, load_adapter
from lorr_bench.ports.settings import Setting, said_default, settings_of
from lorr_bench.ports.trainer import TrainerAdapter
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.methods import LorrPlugin, PlainPlugin
from lorr_bench.terminal.listing import Listing

Row = dict[str, Any]

PLUGINS: Final[Mapping[str, type[BaseModel]]] = {"plain": PlainPlugin, "lorr": LorrPlugin}


SETTING_COLUMNS: Final = {
    "key": lambda row: " or ".join([row["name"], *row["other_names"]]),
    "values": lambda row: row["type"],
    "default": lambda row: said_default(row["default"], required=row["required"]),
    "what it is": lambda row: row["description"],
}


def methods() -> Listing:
    """Every registered adapter: its backend, what it needs, whether it takes the SFT term, and its source."""
    adapters = [load_adapter(name) for name in adapter_names()]
    rows = [
        {
            "method": adapter.name,
            "backend": adapter.backend,
            "needs": _needs(adapter),
            "sft_term": adapter.takes_sft_term,
            "source": adapter.source.partition(";")[0],
        }
        for adapter in sorted(adapters, key=lambda adapter: (adapter.name, adapter.backend))
    ]
    return Listing(
        "Methods",
        rows,
        {
            "method": lambda row: row["method"],
            "backend": lambda row: row["backend"],
            "needs": lambda row: ", ".join(row["needs"]),
            "SFT term": lambda row: "yes" if row["sft_term"] else "no",
            "source": lambda row: row["source"],
        },
        after="`lorr-bench list method NAME` has the settings of one.",
    )


def method(name: str) -> Listing:
    """The settings of a method, by its name or by ``backend.name``.

    Raises:
        SuiteError: No such adapter is installed.
    """
    full = find_adapter(name)
    adapter = load_adapter(full)
    same = [other for other in adapter_names() if other.rpartition(".")[2] == adapter.name and other != full]
    others = f" Also: {', '.join(same)}." if same else ""
    meaning = inspect.cleandoc(type(adapter).__doc__ or "").partition("\n")[0]
    return Listing(
        f"Settings of {adapter.name}, trained by {adapter.backend}",
        [asdict(setting) for setting in settings_of(adapter.hyperparameters)],
        SETTING_COLUMNS,
        before=f"{meaning}\n{adapter.source}. Needs {', '.join(_needs(adapter))}.{others}",
    )


def plugins() -> Listing:
    """Every type of plug-in that methods are combined with."""
    rows = [
        {"plugin": name, "meaning": _meaning(model), "keys": [setting.name for setting in _of_plugin(model)]}
        for name, model in PLUGINS.items()
    ]
    return Listing(
        "Plug-ins, for plugins",
        rows,
        {
            "plug-in": lambda row: row["plugin"],
            "what it is": lambda row: row["meaning"],
            "keys": lambda row: ", ".join(row["keys"]),
        },
        after="`lorr-bench list plugin NAME` has the settings of one.",
    )


def plugin(name: str) -> Listing:
    """The settings of a plug-in.

    Raises:
        SuiteError: There is no such type.
    """
    if name not in PLUGINS:
        fix = f"{nearest(name, PLUGINS)}There are {', '.join(PLUGINS)}."
        raise SuiteError(f"no plug-in is called {name!r}", where="list", fix=fix)
    model = PLUGINS[name]
    rows = [asdict(setting) for setting in _of_plugin(model)]
    return Listing(f"Settings of {name}", rows, SETTING_COLUMNS, before=_meaning(model))


def backends() -> Listing:
    """Every backend, with the methods that it trains."""
    adapters = [load_adapter(name) for name in adapter_names()]
    rows = []
    for backend in dict.fromkeys(adapter.backend for adapter in adapters):
        own = [adapter for adapter in adapters if adapter.backend == backend]
        rows.append(
            {
                "backend": backend,
                "in_process": all(adapter.in_process for adapter in own),
                "shardings": sorted({kind for adapter in own for kind in adapter.shardings}),
                "methods": [adapter.name for adapter in own],
            }
        )
    return Listing(
        "Backends, for methods.NAME.backend",
        rows,
        {
            "backend": lambda row: row["backend"],
            "trains": lambda row: "in a worker" if row["in_process"] else "in a program of its own",
            "several GPUs": lambda row: ", ".join(row["shardings"]) or "no",
            "methods": lambda row: ", ".join(row["methods"]),
        },
    )


def _needs(adapter: TrainerAdapter) -> list[str]:
    further = {
        "reference": adapter.needs_reference,
        "online": adapter.online,
        "its own program": not adapter.in_process,
    }
    return [adapter.rows.replace("_", " "), *(word for word, needed in further.items() if needed)]


def _of_plugin(model: type[BaseModel]) -> Sequence[Setting]:
    return [setting for setting in settings_of(model) if setting.name != "type"]


def _meaning(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "").partition("\n")[0]
