"""Read data sets of the Hugging Face Hub, at a commit, and those of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lorr_bench.data.files import file_rows
from lorr_bench.data.rows import Row, identified
from lorr_bench.errors import DataError
from lorr_bench.plan.identity.origins import is_hub_source
from lorr_bench.plan.identity.revisions import check_commit


def source_rows(
    source: str,
    folder: Path,
    *,
    revision: str | None,
    subset: str | None = None,
    split: str | None,
    streaming: bool = False,
) -> Iterator[Row]:
    """The rows of a data set of this machine or of the Hub, in their own order.

    Args:
        source: A path, or a Hub id.
        folder: What a relative path is relative to.
        revision: Commit of the Hub data set.
        subset: Its configuration, where it has several.
        split: Its split, or that of a saved folder with several.
        streaming: Whether rows come one by one from the Hub; by default the data set is fetched before.

    Raises:
        DataError: The file is missing or damaged; the data set cannot be loaded, or only at another commit,
            or lacks revision or split.
    """
    if not is_hub_source(source, revision, folder):
        return file_rows(folder / source, split)
    if revision is None or split is None:
        raise DataError(
            "a Hub data set needs a revision and a split, or its rows could change between runs",
            where=source,
            fix="set `revision` to a commit and name the `split`, or name a local file that ends in .jsonl",
        )
    options = {"revision": revision, "split": split} | ({"streaming": True} if streaming else {})
    return _hub_rows(source, subset, options)


def _hub_rows(source: str, subset: str | None, options: dict[str, Any]) -> Iterator[Row]:
    import datasets

    revision, split = options["revision"], options["split"]
    try:
        rows = datasets.load_dataset(source, subset, **options)
    except Exception as error:  # the library raises many kinds, from its own to the network's
        raise _not_loaded(error, f"{source}@{revision}") from error
    check_commit(rows, revision, source)
    for index, values in enumerate(_each(rows, f"{source}@{revision}")):
        yield identified(dict(values), f"{source}@{revision} {split} row {index}", f"{source}-{index}")


def _each(rows: Any, where: str) -> Iterator[Any]:
    """The rows; a stream meets the network with each of them."""
    try:
        yield from rows
    except Exception as error:
        raise _not_loaded(error, where) from error


def _not_loaded(error: Exception, where: str) -> DataError:
    return DataError(
        f"the data set cannot be loaded: {type(error).__name__}: {error}",
        where=where,
        fix="check id, revision, subset, split and network; or save it as JSONL and name that file",
    )
