"""Published runs: folders that come with the package, found by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import DataError
from lorr_bench.shipped.catalog import PUBLISHED_RESULTS, SUITES, shipped_suites
from lorr_bench.spec.diagnosis import nearest

PUBLISHED: Final = PUBLISHED_RESULTS.parent
ORIGIN_FILE: Final = "provenance.json"
SUITE_FILE: Final = "suite.yaml"
VERDICTS_FILE: Final = "verdicts.parquet"
COMPARISON_FILE: Final = "comparison.csv"
CONTRASTS_FILE: Final = "contrasts.csv"


@dataclass(frozen=True)
class PublishedRun:
    """A published run.

    Attributes:
        name: Its folder below ``results/published``, such as ``nano/replays``.
        folder: Where it lies.
        suite: The suite file that makes it again.
        origin: What ``provenance.json`` says.
    """

    name: str
    folder: Path
    suite: Path
    origin: Mapping[str, Any]


def published_runs(root: Path = PUBLISHED) -> dict[str, PublishedRun]:
    """Every published run by name.

    Args:
        root: The folder that has them.

    Raises:
        DataError: One says in no readable way where it comes from.
    """
    folders = sorted(file.parent for file in root.rglob(ORIGIN_FILE))
    return {folder.relative_to(root).as_posix(): _run(folder, root) for folder in folders}


def find_published(name: str, root: Path = PUBLISHED) -> PublishedRun:
    """The published run of a name, or in a folder.

    Args:
        name: Such as ``nano/replays``; or the path of a folder that ``publish`` wrote.
        root: The folder that has the named ones.

    Raises:
        DataError: There is none.
    """
    runs = published_runs(root)
    if name in runs:
        return runs[name]
    if (Path(name) / ORIGIN_FILE).is_file():
        return _run(Path(name), Path(name).parent)
    fix = f"{nearest(name, runs)}Published are {', '.join(runs)}; or name a folder that `publish` wrote."
    raise DataError("nothing is published under this name", where=name, fix=fix)


def place_of(suite: Path) -> Path | None:
    """Where the results of a suite file are published: the folder that has its name among the shipped ones.

    Args:
        suite: The suite file.

    Returns:
        None for a suite of the user's own, and where the package is installed without a checkout.
    """
    is_checkout = PUBLISHED.parent.parent == SUITES.parent
    names = [name for name, path in shipped_suites().items() if path == suite.resolve()]
    return PUBLISHED / names[0] if names and is_checkout else None


def _run(folder: Path, root: Path) -> PublishedRun:
    file = folder / ORIGIN_FILE
    try:
        found = json.loads(file.read_text("utf-8"))
        origin = {**found, **{name: dict(found[name]) for name in ("machine", "versions", "stages")}}
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        fix = "Take the file of the commit that published it."
        raise DataError(f"can't be read: {error!r}", where=str(file), fix=fix) from error
    return PublishedRun(folder.relative_to(root).as_posix(), folder, folder / SUITE_FILE, origin)
