"""Training rows as token numbers, in memory and in the reference file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorr_bench.errors import DataError
from lorr_bench_adapters.native.training.layout import Tree

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lorr_bench_adapters.native.training.layout import Layout


@dataclass(frozen=True)
class TrainingRows:
    """The rows of a job, tokenized once for all replays.

    Attributes:
        trees: Prompt and responses of each row.
        values: What the reference file holds for each row, by column.
        mismatched: For KTO, the prompt of each row with a response to another prompt.
    """

    trees: Sequence[Tree]
    values: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    mismatched: Sequence[Tree] = ()

    def tokens(self, row: int) -> int:
        """Tokens of all sequences of a row, the prompt counted with every response."""
        return self.trees[row].tokens + (self.mismatched[row].tokens if self.mismatched else 0)


@dataclass(frozen=True)
class Batch:
    """Some of the rows, ready for the model.

    Attributes:
        layout: Their sequences.
        values: Their values, by column, as tensors.
        mismatched: Their mismatched sequences, if there are any.
        tokens_per_row: Tokens over which a likelihood is a mean: mean over the rows of the whole update.
    """

    layout: Layout
    values: Mapping[str, Any]
    mismatched: Layout | None
    tokens_per_row: float


def write_reference(output: Path, columns: Mapping[str, Any]) -> None:
    """Write columns as a Parquet file.

    Args:
        output: The file.
        columns: Lists or arrays of equal length, by name.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(dict(columns)), output)


def read_reference(file: Path | None, count: int) -> Any:
    """The first rows of a reference file, as an Arrow table.

    Raises:
        DataError: There are fewer.
    """
    import pyarrow.parquet as pq

    assert file is not None
    table = pq.read_table(file)
    if len(table) < count:
        raise DataError(
            f"the reference holds {len(table)} rows, {count} are to be trained on",
            where=str(file),
            fix="Compute the reference for all rows.",
        )
    return table.slice(0, count)
