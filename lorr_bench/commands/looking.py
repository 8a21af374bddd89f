"""``status``, ``report`` and ``open``: look at what a suite has; none of them runs a stage."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable, Mapping
from typing import Final

from lorr_bench.commands.asked import Asked, consoles, in_words, say_json, say_path, store_of
from lorr_bench.commands.documents import status_document
from lorr_bench.errors import DataError
from lorr_bench.report.write import PAGE_FILE
from lorr_bench.run.state import STATE_FILE, Journal, known_failures
from lorr_bench.run.suite_run import LOCK_FILE, REPORT_FOLDER, check_report_stays, report_plan
from lorr_bench.store.lock import holder
from lorr_bench.store.store import done_stages
from lorr_bench.terminal.status import SuiteStatus, status_view

DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""Variables of which one is set where there is a display, or the user names a browser."""


def show_status(asked: Asked, *, everything: bool, as_json: bool) -> None:
    """What ``lorr-bench status`` does.

    Args:
        asked: The suite.
        everything: Whether arms that are done are shown where there are many.
        as_json: Whether a JSON object is printed in place of tables.

    Raises:
        LorrBenchError: The suite can't be planned.
    """
    plan, places = asked.plan()
    done, owner = done_stages(plan.settled_stages, store_of(places)), holder(places.output / LOCK_FILE)
    status = SuiteStatus.of(Journal(places.output / STATE_FILE), done, str(owner) if owner else None)
    if as_json:
        say_json(status_document(plan, places, status))
    else:
        consoles()[0].print(status_view(plan, status, everything=everything))


def write_report(asked: Asked) -> None:
    """What ``lorr-bench report`` does.

    Raises:
        LorrBenchError: The suite can't be planned, or the report can't be written.
    """
    plan, places = asked.plan()
    store = store_of(places)
    check_report_stays(plan, store, places.output, graded=True)
    failed = known_failures(plan.stages, Journal(places.output / STATE_FILE))
    page, _ = report_plan(plan, store, places.output, failed)
    say_path(consoles()[0], "Report", page)


def open_report(
    asked: Asked,
    variables: Mapping[str, str] = os.environ,
    browse: Callable[[str], bool] = webbrowser.open,
    platform: str = sys.platform,
) -> None:
    """What ``lorr-bench open`` does: say where the page is, and show it where there is a display.

    Args:
        asked: The suite.
        variables: The environment.
        browse: Opens an address in a browser.
        platform: As Python calls it.

    Raises:
        SuiteError: The suite can't be read, or is not valid.
        DataError: It has no report.
    """
    page = asked.places(asked.load()).output / REPORT_FOLDER / PAGE_FILE
    if not page.is_file():
        write, run = (in_words(asked.words(command)) for command in ("report", "run"))
        fix = f"`{write}` writes it from what is stored, `{run}` after a run."
        raise DataError("there is no report", where=str(page), fix=fix)
    say_path(consoles()[0], "Report", page)
    if not platform.startswith("linux") or any(variables.get(name) for name in DISPLAYS):
        browse(page.resolve().as_uri())
