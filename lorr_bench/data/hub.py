"""Read data sets of the Hugging Face Hub, at a commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lorr_bench.data.rows import Row, identified, read_rows
from lorr_bench.errors import DataError
from lorr_bench.plan.identity.origins import is_hub_source
from lorr_bench.plan.identity.revisions import check_commit


def source_rows(
    source: str, folder: Path, *, revision: str | None, subset: str | None = None, split: str | None
) -> Iterator[Row]:
    """The rows of a JSONL file or of a Hub data set, in their own order.

    Args:
        source: A path, or a Hub id.
        folder: What a relative path is relative to.
        revision: Commit of the Hub data set.
        subset: Its configuration, where it has several.
        split: Its split.

    Raises:
        DataError: The file is missing or damaged; the data set cannot be loaded, or only at another commit,
            or lacks revision or split.
    """
    if not is_hub_source(source, revision, folder):
        return read_rows(folder / source)
    if revision is None or split is None:
        raise DataError(
            "a Hub data set needs a revision and a split, or its rows could change between runs",
            where=source,
            fix="set `revision` to a commit and name the `split`, or name a local file that ends in .jsonl",
        )
    return _hub_rows(source, revision, subset, split)


def _hub_rows(source: str, revision: str, subset: str | None, split: str) -> Iterator[Row]:
    import datasets

    try:
        rows = datasets.load_dataset(source, subset, revision=revision, split=split)
    except Exception as error:  # the library raises many kinds, from its own to the network's
        raise DataError(
            f"the data set cannot be loaded: {type(error).__name__}: {error}",
            where=f"{source}@{revision}",
            fix="check id, revision, subset, split and network; or save it as JSONL and name that file",
        ) from error
    check_commit(rows, revision, source)
    for index, values in enumerate(rows):
        yield identified(dict(values), f"{source}@{revision} {split} row {index}", f"{source}-{index}")
