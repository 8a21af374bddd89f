"""What a general benchmark's tasks read, as a plan holds it: commits and digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lorr_bench.plan.identity.origins import PACKAGE, digest_of_contents
from lorr_bench.plan.identity.revisions import DEFAULT, Revisions
from lorr_bench.plan.identity.task_data import (
    HubSet,
    TaskData,
    defines_all,
    find_task_data,
    groups_among,
)
from lorr_bench.plan.identity.task_index import own_folder
from lorr_bench.ports.versions import package_version
from lorr_bench.spec.evaluation import GeneralBenchmark

NANO_TASKS: Final = PACKAGE / "data" / "nano" / "tasks"


@dataclass(frozen=True)
class TaskSource:
    """What tasks read.

    Attributes:
        commits: Of data sets of the Hub, by ``name@revision``; None while it is not known what they read.
        files: Digest of files that lie outside ``include_path``; None where there are none.
        start: The folder from which their relative paths count; None where there are none.
        has_groups: Whether one of them is a group; False while that is not known.
    """

    commits: dict[str, str | None] | None
    files: str | None
    start: str | None
    has_groups: bool


def task_source(general: GeneralBenchmark, folder: Path | None, revisions: Revisions) -> TaskSource:
    """What the tasks of a benchmark read.

    Args:
        general: The benchmark.
        folder: Of its own task files.
        revisions: Resolves Hub ids, and knows what lm-eval's own tasks read where it has been looked up.

    Raises:
        DataError: A data file is not there or can change at any time; or the Hub has no such data set.
    """
    where = f"evaluation.general.{general.name}.tasks"
    own = [NANO_TASKS, *([folder.resolve()] if folder else [])]
    if defines_all(own, general.tasks):
        found, groups = find_task_data(general.tasks, own, Path.cwd()), groups_among(general.tasks, own)
    else:
        looked_up = _data_of_lm_eval(general.tasks, own, revisions)
        if looked_up is None:
            return TaskSource(None, None, None, has_groups=False)
        found, groups = looked_up, _groups_of_lm_eval(general.tasks, own, revisions)
    asked = {f"{data.name}@{data.revision or DEFAULT}": (data.name, data.revision) for data in found.hub}
    asked |= {f"{name}@{DEFAULT}": (name, revision) for name, revision in general.data_sets.items()}
    commits = {
        key: revisions.resolve("dataset", name, revision, where).commit
        for key, (name, revision) in asked.items()
    }
    files = digest_of_contents(found.files, where) if found.files else None
    return TaskSource(commits, files, str(Path.cwd()) if found.from_start else None, bool(groups))


def outside_digest(names: Sequence[str], folder: Path | None, start: Path) -> str | None:
    """Digest of the files outside their folder that tasks read; None where there are none.

    Args:
        names: Of the tasks.
        folder: Of the benchmark's own task files.
        start: The folder from which relative paths count.

    Raises:
        DataError: One is not there.
    """
    own = [NANO_TASKS, *([folder.resolve()] if folder else [])]
    installed = own_folder()
    folders = own if defines_all(own, names) or installed is None else [installed, *own]
    files = find_task_data(names, folders, start).files
    return digest_of_contents(files, "lm-eval tasks") if files else None


def _data_of_lm_eval(names: Sequence[str], own: Sequence[Path], revisions: Revisions) -> TaskData | None:
    """What lm-eval's own tasks read: reading its files takes seconds, so it is done once for a run."""
    installed = own_folder()
    if installed is None:
        return TaskData((), (), from_start=False)
    key = f"lm-eval {package_version('lm-eval')}: {', '.join(names)}"
    known = revisions.data_of_tasks.get(key)
    if known is not None and len(own) == 1:  # own task files may have changed since
        return TaskData(tuple(HubSet(name, revision) for name, revision in known), (), from_start=False)
    if not revisions.reads_tasks:
        return None
    revisions.say_once("reading lm-eval's task files, to find the data sets of its tasks")
    found = find_task_data(names, [installed, *own], Path.cwd())
    if not found.files:
        revisions.data_of_tasks[key] = [(data.name, data.revision) for data in found.hub]
    return found


def _groups_of_lm_eval(names: Sequence[str], own: Sequence[Path], revisions: Revisions) -> list[str]:
    """Which of the names lm-eval knows as groups, found as its tasks' data are."""
    installed = own_folder()
    if installed is None:
        return []
    key = f"groups of lm-eval {package_version('lm-eval')}: {', '.join(names)}"
    known = revisions.data_of_tasks.get(key)
    if known is not None and len(own) == 1:
        return [name for name, _ in known]
    if not revisions.reads_tasks:
        return []
    found = groups_among(names, [installed, *own])
    revisions.data_of_tasks[key] = [(name, None) for name in found]
    return found
