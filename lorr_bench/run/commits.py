"""The commits with which a run began: kept in its folder, so that it goes on with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import StoreError
from lorr_bench.plan.identity.revisions import COMMIT, Revisions
from lorr_bench.plan.plan import Plan
from lorr_bench.store.disk import write_text

COMMITS_FILE: Final = "revisions.json"


def revisions_of(
    output: Path, *, ask: bool = False, required: bool = False, notice: Callable[[str], None] = lambda _: None
) -> Revisions:
    """What names of the Hub stand for in the run of a folder.

    Args:
        output: Folder of the run.
        ask: Whether the Hub may be asked for what the run has not resolved yet.
        required: Whether a name without a commit is an error.
        notice: Told what takes a while.

    Raises:
        StoreError: The run's own file is damaged.
    """
    commits, tasks = _read(output / COMMITS_FILE)
    return Revisions(
        known=commits, ask=ask, required=required, reads_tasks=True, notice=notice, data_of_tasks=tasks
    )


def keep_commits(plan: Plan, output: Path) -> None:
    """Write what the plan resolved into the folder of its run, beside what was there.

    Args:
        plan: Of the run.
        output: Folder of the run.

    Raises:
        StoreError: The run's own file is damaged.
    """
    found = {one.key: one.commit for one in plan.revisions.resolved if one.commit}
    commits, tasks = _read(output / COMMITS_FILE)
    values = {"commits": {**commits, **found}, "lm_eval_tasks": {**tasks, **plan.revisions.data_of_tasks}}
    if any(values.values()):
        write_text(output / COMMITS_FILE, json.dumps(values, indent=1, sort_keys=True) + "\n")


def revision_lines(plan: Plan, output: Path) -> Iterator[str]:
    """What names of the Hub and dates in templates stand for, in words.

    Args:
        plan: The plan.
        output: Folder of the run.
    """
    resolved = plan.revisions.resolved
    for one in resolved:
        said = f"{one.commit}, from {one.source}"
        missing = "not resolved yet: needs the network, or the Hub's cache on this machine"
        yield f"{one.repo_type} {one.name}@{one.revision}: {said if one.commit else missing}"
    if any(one.source == "the run's own file" for one in resolved):
        yield f"The run goes on with the commits in {output / COMMITS_FILE}; delete it to take the newest."
    if plan.template_date is not None:
        yield f"Today's date in chat templates: {plan.template_date} (model.template_date)."


def _read(file: Path) -> tuple[dict[str, str], dict[str, list[tuple[str, str | None]]]]:
    try:
        text = file.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}, {}
    except (OSError, ValueError) as error:
        raise _damaged(file) from error
    try:
        values: Any = json.loads(text)
        commits = {str(key): str(commit) for key, commit in values["commits"].items()}
        tasks = {
            str(key): [(name, revision) for name, revision in named]
            for key, named in values["lm_eval_tasks"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(file) from error
    if not all(map(COMMIT.fullmatch, commits.values())):
        raise _damaged(file)
    return commits, tasks


def _damaged(file: Path) -> StoreError:
    return StoreError(
        "the file with the commits of this run is damaged",
        where=str(file),
        fix="Put a copy back; or delete it, and the newest commits are taken.",
    )
