"""From a finished run to the folder that is committed: what it found, and how it can be checked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lorr_bench.errors import DataError
from lorr_bench.outside import without_secrets
from lorr_bench.plan.plan import Plan
from lorr_bench.publish.catalog import ORIGIN_FILE, SUITE_FILE, VERDICTS_FILE
from lorr_bench.publish.folder import new_folder, refuse_existing
from lorr_bench.publish.origin import origin_of
from lorr_bench.publish.portable import portable_suite, refuse_local
from lorr_bench.publish.verdicts import verdict_bytes, verdict_frame
from lorr_bench.report.write import ReportFiles, write_report
from lorr_bench.run.commits import COMMITS_FILE
from lorr_bench.run.declaration import declare
from lorr_bench.run.suite_run import Places
from lorr_bench.store.commit import code_commit
from lorr_bench.store.disk import write_bytes, write_text
from lorr_bench.store.results import load_results
from lorr_bench.store.store import Store
from lorr_bench.values import Results

FORMS: Final = ("svg",)
"""Of the figures: lines, whose text can be searched; the report of a run has PNG and PDF, too."""
MAX_FILE_BYTES: Final = 1 << 20
"""A larger file of the report is left out: the folder lies in every clone."""
MAX_NAMED: Final = 5
ALWAYS_LEFT_OUT: Final = ("trained models", "answers but for those on the page", "figures as PNG and PDF")


@dataclass(frozen=True)
class Published:
    """What was published.

    Attributes:
        folder: Where it lies.
        left_out: What is not in it, and why.
        declared: When what is tested was last declared, in UTC; empty where nothing was.
        first_result: When the first trained model was evaluated, in UTC.
    """

    folder: Path
    left_out: tuple[str, ...]
    declared: str
    first_result: str

    @property
    def was_declared_before(self) -> bool:
        """Whether it was declared before anything was known; both times have one form."""
        return bool(self.declared) and self.declared < self.first_result


def publish_run(plan: Plan, store: Store, places: Places, folder: Path, *, replaces: bool) -> Published:
    """Write what is to be committed of a finished run; the same run gives the same bytes.

    Args:
        plan: The plan of the run.
        store: Where its results lie.
        places: Of the run.
        folder: What is written.
        replaces: Whether an older one may go.

    Raises:
        DataError: The run is not finished, the folder is there, or a text of this machine would be in it.
        StoreError: The folder can't be written.
    """
    refuse_existing(folder, replace=replaces)
    results = load_results(plan, store, {}, declare(plan, store, places.output))
    _refuse_unfinished(results, places)
    suite = portable_suite(plan.suite)
    results = replace(results, suite_text=suite)
    with new_folder(folder) as draft:
        left_out = [*ALWAYS_LEFT_OUT, *_write_report(results, draft)]
        write_text(draft / SUITE_FILE, suite)
        write_bytes(draft / VERDICTS_FILE, verdict_bytes(verdict_frame(plan, store)))
        if (places.output / COMMITS_FILE).exists():
            shutil.copyfile(places.output / COMMITS_FILE, draft / COMMITS_FILE)
        found = {stage.digest: store.read(stage) for stage in plan.stages}
        records = {digest: record for digest, record in found.items() if record is not None}
        origin = origin_of(plan, results, records, places.output, code_commit()) | {"left_out": left_out}
        text = json.dumps(origin, indent=1, ensure_ascii=False)
        write_text(draft / ORIGIN_FILE, without_secrets(text) + "\n")
        refuse_local(
            draft, [Path.home(), Path.cwd(), places.output.absolute(), Path(places.store).absolute()]
        )
    declared = origin["declarations"][-1]["time"] if origin["declarations"] else ""
    return Published(folder, tuple(left_out), declared, origin["first_result"])


def _refuse_unfinished(results: Results, places: Places) -> None:
    """Refuse a run that lacks the result of a stage."""
    if not results.missing:
        return
    named = [f"{label} ({reason})" for label, reason in results.missing.items()]
    more = f" and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    raise DataError(
        f"the run is not finished: {len(named)} stages have no result: {'; '.join(named[:MAX_NAMED])}{more}",
        where=str(places.output),
        fix="`lorr-bench run` with the same suite and folders does what is left.",
    )


def _write_report(results: Results, folder: Path) -> Sequence[str]:
    """Write the report, smaller where its page is large.

    Returns:
        What was left out, each with the reason.
    """
    left_out = []
    written = write_report(results, folder, FORMS)
    if _is_large(written.page):
        left_out.append(f"the page's answers: with them it has more than {MAX_FILE_BYTES >> 20} MiB")
        written = write_report(replace(results, answers=()), folder, FORMS)
    for file in _files(written):
        if _is_large(file):
            left_out.append(f"{file.relative_to(folder)}: more than {MAX_FILE_BYTES >> 20} MiB")
            file.unlink()
    return left_out


def _files(written: ReportFiles) -> list[Path]:
    return [written.page, written.markdown, written.latex, written.results, *written.csvs, *written.figures]


def _is_large(file: Path) -> bool:
    return file.stat().st_size > MAX_FILE_BYTES
