"""The reference of suite keys, made from the models that read a suite.

``python -m lorr_bench.ports.suite_reference > docs/suite-reference.md`` writes the page, with the methods
that come with lorr-bench; a test fails when it is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Final

from pydantic import BaseModel

from lorr_bench.ports.outcome import changes_results
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.settings import Setting, said_default, settings_of
from lorr_bench.ports.suite_schema import own_names
from lorr_bench.ports.trainer import TrainerAdapter
from lorr_bench.spec.methods import LorrPlugin, MethodSpec, PlainPlugin
from lorr_bench.spec.models import Suite

HEAD: Final = """\
# Keys of a suite

Every key that a suite file may have, made from the models that read a suite. After a change of these
`python -m lorr_bench.ports.suite_reference > docs/suite-reference.md` writes the page anew; a test fails
while it is stale. `lorr-bench list method NAME` shows the settings of one method, of packages of your own
too; `lorr-bench schema` gives the same to editors.

- **key**: dots lead into sections. `evaluation.math`, `evaluation.general` and `published.figures` are lists,
  of which every entry has the keys below them. NAME is a name of yours.
- **default**: what counts where the suite says nothing. Empty: nothing. A section that is `on` has the
  defaults of its keys.
- **result**: `yes` where another value is other work: the key is part of the digest of the stages that it
  concerns, and those run again ([identity.md](identity.md)). Empty where a change runs nothing again.
- **backend**, of hyper-parameters: which backends have the key, or this default of it. Empty: all of the
  method.
"""
COLUMNS: Final = ("key", "values", "default", "what it is", "result")
SECTIONS: Final = {
    "model": "The start model, and what its chat template is told.",
    "data": "Preference pairs: exactly one of `collect` and `pairs`. [data.md](data.md) has examples.",
    "budget": "What all arms share, and how much of it.",
    "evaluation": "What every model is measured on. [evaluation.md](evaluation.md) has examples.",
    "analysis": "What is tested, said before anything runs. [analysis.md](analysis.md) has examples.",
    "tuning": "Settings of each arm, chosen before a test problem is touched. [tuning.md](tuning.md) has "
    "examples.",
    "published": "Figures of others, shown beside ours.",
    "training": "How training runs. [devices.md](devices.md) has examples.",
    "engine": "The generation engine, vLLM.",
    "execution": "How the suite is run: where, how much at a time, what is tried again, what is kept.",
}
COMMON: Final = """\
Beside `backend` and the others above. `overrides` takes the same keys for one arm. A method that has one of
them otherwise says so in its own table, which follows.
"""
COMMON_SHARE: Final = 0.75
"""Of a backend's methods, which have a setting alike that is listed once for all."""
Row = tuple[str, ...]


def reference(names: Iterable[str] | None = None) -> str:
    """The page as Markdown.

    Args:
        names: Full names of the adapters that it has; those that come with lorr-bench by default.
    """
    adapters = [load_adapter(name) for name in (own_names() if names is None else names)]
    return "\n".join([HEAD, *_suite(), *_methods(adapters)])


def _suite() -> Iterator[str]:
    of_suite = settings_of(Suite)
    yield from _part("The suite itself", "", [s for s in of_suite if "." not in s.name])
    for section, meaning in SECTIONS.items():
        yield from _part(f"`{section}`", meaning, [s for s in of_suite if s.name.startswith(f"{section}.")])
    plugins = settings_of(LorrPlugin), {setting.name for setting in settings_of(PlainPlugin)}
    lorr = [setting for setting in plugins[0] if setting.name not in plugins[1]]
    both = [setting for setting in plugins[0] if setting.name in plugins[1] - {"type"}]
    meaning = "A plug-in that is called `plain` or `lorr` needs no `type`. [lorr.md](lorr.md) has examples."
    kind = Setting("type", "plain, lorr", None, required=True, description="what it is")
    yield from _part("`plugins.NAME`", meaning, [kind, *both], "plugins.NAME.")
    yield from _part("`plugins.NAME` of `type: lorr`", "", lorr, "plugins.NAME.")
    meaning = "And the hyper-parameters of the method, below. [methods.md](methods.md) has examples."
    yield from _part("`methods.NAME`", meaning, settings_of(MethodSpec), "methods.NAME.")


def _methods(adapters: Sequence[TrainerAdapter]) -> Iterator[str]:
    """First what nearly all methods of a backend share, then what each has otherwise."""
    shared = {backend: _shared(list(same)) for backend, same in groupby(adapters, key=lambda a: a.backend)}
    yield "## Hyper-parameters of every method\n"
    yield COMMON
    yield _of_backends(adapters, lambda adapter: shared[adapter.backend])
    for name, group in groupby(sorted(adapters, key=_names), key=lambda adapter: adapter.name):
        same = list(group)
        yield f"## `{name}`\n"
        yield f"{same[0].source}. Backends: {', '.join(adapter.backend for adapter in same)}.\n"
        yield _of_backends(
            same, lambda adapter: [s for s in _of(adapter) if s not in shared[adapter.backend]]
        )


def _names(adapter: TrainerAdapter) -> tuple[str, str]:
    return (adapter.name, adapter.backend)


def _of(adapter: TrainerAdapter) -> Sequence[Setting]:
    return settings_of(adapter.hyperparameters)


def _shared(adapters: Sequence[TrainerAdapter]) -> list[Setting]:
    """The settings that are the same in three of four methods, or more."""
    own = [_of(adapter) for adapter in adapters]
    found: list[Setting] = []
    for setting in chain.from_iterable(own):
        if setting not in found and sum(setting in settings for settings in own) >= COMMON_SHARE * len(own):
            found.append(setting)
    return found


def _of_backends(
    adapters: Sequence[TrainerAdapter], settings: Callable[[TrainerAdapter], Sequence[Setting]]
) -> str:
    """A table that says which backends have a key where not all do."""
    backends: dict[Row, list[str]] = {}
    for adapter in adapters:
        for setting in settings(adapter):
            having = backends.setdefault(_row(setting, "", adapter.hyperparameters), [])
            having.extend([adapter.backend] * (adapter.backend not in having))
    everywhere = len({adapter.backend for adapter in adapters})
    rows = [(*row, "" if len(of) == everywhere else ", ".join(sorted(of))) for row, of in backends.items()]
    return _table((*COLUMNS, "backend"), sorted(rows))


def _part(
    title: str,
    meaning: str,
    settings: Iterable[Setting],
    before: str = "",
    model: type[BaseModel] | None = None,
) -> Iterator[str]:
    yield f"## {title}\n"
    if meaning:
        yield f"{meaning}\n"
    yield _table(COLUMNS, [_row(setting, before, model) for setting in settings])


def _row(setting: Setting, before: str, model: type[BaseModel] | None) -> Row:
    section = before + "".join(setting.name.rpartition(".")[:2])
    names = [f"{before}{setting.name}", *(section + name for name in setting.other_names)]
    opens = setting.type == "mapping" and setting.default  # a section that is always there says nothing
    default = "" if opens else said_default(setting.default, required=setting.required)
    result = "yes" if changes_results(f"{before}{setting.name}", model) else ""
    return (" or ".join(f"`{name}`" for name in names), setting.type, default, setting.description, result)


def _table(columns: Sequence[str], rows: Iterable[Row]) -> str:
    return "".join(map(_line, [columns, ["---"] * len(columns), *rows]))


def _line(cells: Sequence[str]) -> str:
    inner = " | ".join(cell.replace("|", r"\|") for cell in cells)
    return f"| {inner} |\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
