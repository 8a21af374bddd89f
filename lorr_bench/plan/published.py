"""Figures that others published, to stand beside ours."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import lorr_bench
from lorr_bench.errors import DataError
from lorr_bench.values import Published

COLUMNS: Final = (
    "study",
    "model",
    "method",
    "labels",
    "benchmark",
    "metric",
    "value",
    "deviation",
    "problems",
    "protocol",
    "source",
    "note",
)
"""Columns of a file of published figures; values and deviations are in per cent."""
REFERENCE_FIGURES: Final = Path(lorr_bench.__file__).parent / "shipped" / "reference" / "published.csv"
"""The figures that come with the package: ``results/reference/published.csv`` of a checkout."""
LARGEST: Final = 1000.0
"""Share beyond which a figure is a slip: some metrics are no shares of a whole."""


def load_published(path: Path, wanted: Iterable[Mapping[str, str]]) -> tuple[Published, ...]:
    """The figures of some models, each put beside an arm.

    Args:
        path: CSV file in the form of ``results/reference/published.csv``.
        wanted: The ``arm`` (``start`` for the start model), ``model``, ``source`` (the file's source or
            study), and ``labels`` where the file has the model with several.

    Returns:
        All figures of each wanted model, in the order of the file.

    Raises:
        DataError: If the file can't be read, or holds no such model, source or labels.
    """
    rows = _rows(path)
    return tuple(_figure(row, one["arm"], path) for one in wanted for row in _chosen(rows, one, path))


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            columns = reader.fieldnames or ()  # reads the first line, so the file must be open
            rows = [row | {"line": str(reader.line_num)} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"published figures can't be read: {error}", where=str(path), fix="Name a CSV file that is there."
        ) from error
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise DataError(
            f"the file lacks the columns {', '.join(missing)}",
            where=str(path),
            fix="Write it in the form of results/reference/published.csv.",
        )
    return rows


def _chosen(rows: Sequence[dict[str, str]], one: Mapping[str, str], path: Path) -> list[dict[str, str]]:
    """The rows of one wanted model, from one source, with one set of labels."""
    of_model = [row for row in rows if row["model"] == one["model"]]
    _demand(of_model, "model", one["model"], {row["model"] for row in rows}, path)
    found = [row for row in of_model if one["source"] in (row["source"], row["study"])]
    _demand(found, f"source for {one['model']}", one["source"], {row["source"] for row in of_model}, path)
    labels = {row["labels"] for row in found}
    if "labels" in one:
        found = [row for row in found if row["labels"] == one["labels"]]
        _demand(found, f"labels for {one['model']}", one["labels"], labels, path)
    elif len(labels) > 1:
        raise DataError(
            f"{one['model']} is there with several labels",
            where=str(path),
            fix=f"Say labels: one of {', '.join(sorted(labels))}.",
        )
    return found


def _demand(found: Sequence[object], noun: str, name: str, names: set[str], path: Path) -> None:
    """Refuses a name that chose no row."""
    if not found:
        near = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.4) or sorted(names)
        raise DataError(
            f"unknown {noun}: {name!r}", where=str(path), fix=f"Known and near: {', '.join(near)}."
        )


def _share(text: str) -> float:
    """Per cent as a share.

    Raises:
        ValueError: It is no number, or none that a figure can have.
    """
    share = float(text) / 100
    if not abs(share) <= LARGEST:
        raise ValueError(f"{text[:40]!r} is no percentage")
    return share


def _figure(row: Mapping[str, str], arm: str, path: Path) -> Published:
    try:
        value = _share(row["value"])
        deviation = _share(row["deviation"]) if row["deviation"] else math.nan
    except ValueError as error:
        raise DataError(
            f"not a number: {error}", where=f"{path}, line {row['line']}", fix="Write per cent, such as 64.8."
        ) from error
    size = f"{row['problems']} problems" if row["problems"] else ""
    return Published(
        arm=arm,
        benchmark=row["benchmark"],
        value=value,
        deviation=deviation,
        model=" · ".join(filter(None, (row["model"], row["labels"]))),
        protocol="; ".join(filter(None, (row["metric"], row["protocol"]))),
        source=row["source"],
        note="; ".join(filter(None, (size, row["note"]))),
    )
