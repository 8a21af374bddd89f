"""``list``: what suites can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lorr_bench.commands.asked import consoles, say_json
from lorr_bench.commands.evaluation_lists import benchmarks, presets, protocols, suites, tasks, tasks_like
from lorr_bench.commands.method_lists import backends, method, methods, plugin, plugins
from lorr_bench.commands.publishing import published
from lorr_bench.errors import LorrBenchError
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.terminal.listing import Listing, listing_view

LISTS: Final[Mapping[str, Callable[[], Listing]]] = {
    "methods": methods,
    "plugins": plugins,
    "backends": backends,
    "benchmarks": benchmarks,
    "tasks": tasks,
    "presets": presets,
    "protocols": protocols,
    "suites": suites,
    "published": published,
}
"""What `lorr-bench list` knows."""

DETAILS: Final[Mapping[str, Callable[[str], Listing]]] = {
    "methods": method,
    "plugins": plugin,
    "tasks": tasks_like,
}
"""Lists in which one thing can be asked for."""


def show_list(what: str, name: str | None, *, as_json: bool) -> None:
    """What ``lorr-bench list`` does.

    Args:
        what: What to list, one or several of it.
        name: One of them, of which everything is shown; of tasks a pattern.
        as_json: Whether JSON is printed in place of a table.

    Raises:
        LorrBenchError: There is no such list, or nothing of that name in it.
    """
    key = what if what in LISTS else f"{what}s"
    if key not in LISTS:
        fix = f"{nearest(what, LISTS)}List one of {', '.join(LISTS)}."
        raise LorrBenchError(f"can't list {what!r}", where="list", fix=fix)
    listing = LISTS[key]() if name is None else _one(key, name)
    if as_json:
        say_json([dict(row) for row in listing.rows])
    else:
        consoles()[0].print(listing_view(listing))


def _one(key: str, name: str) -> Listing:
    """One thing of a list, in full."""
    if key not in DETAILS:
        fix = f"Leave {name!r} out; a name goes with {', '.join(DETAILS)}."
        raise LorrBenchError(f"{key} are listed as a whole", where="list", fix=fix)
    return DETAILS[key](name)
