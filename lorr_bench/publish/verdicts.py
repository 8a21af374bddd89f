"""Verdicts by problem as a table and as Parquet: what tells two runs apart answer by answer.

One row an answer: ``arm, unique_pairs, seed, benchmark, kind, metric, repeat, problem, score``. The score of
a graded answer is 1 where it is right, 0 where it is wrong, and null where none could be asked for; that of a
question of lm-eval's is its own. ``metric`` is ``greedy`` for single answers, ``avg@k`` for the k repeated
ones, and lm-eval's own name. ``problem`` is the problem's id, of lm-eval's tasks the place of the question.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lorr_bench.errors import DataError
from lorr_bench.plan.measurements import Evaluation
from lorr_bench.plan.plan import Plan
from lorr_bench.store.generations import GREEDY, SCORES_FILE, VERDICTS_FILE, read_lines
from lorr_bench.store.results import scores_of
from lorr_bench.store.store import Store
from lorr_bench.values import MATH

if TYPE_CHECKING:
    import pandas as pd

MODEL: Final = ("arm", "unique_pairs")
MEASURE: Final = ("benchmark", "kind", "metric")
CELL: Final = (*MODEL, *MEASURE)
"""Columns that name a cell of the comparison."""
KEYS: Final = (*CELL, "seed", "repeat", "problem")
"""Columns that name an answer."""
COLUMNS: Final = (*MODEL, "seed", *MEASURE, "repeat", "problem", "score")
COMPRESSION_LEVEL: Final = 19

Row = tuple[Any, ...]


def verdict_frame(plan: Plan, store: Store) -> pd.DataFrame:
    """The verdicts of every evaluation that has a result, in the order of the plan.

    Args:
        plan: The plan.
        store: Where its results lie.

    Raises:
        StoreError: Verdicts are damaged.
    """
    import pandas as pd

    stages = {stage.digest: stage for stage in plan.stages}
    folders: dict[str, Path] = {}
    for evaluation in plan.evaluations:
        stage = stages[evaluation.digest]
        name = VERDICTS_FILE if evaluation.kind == MATH else SCORES_FILE
        if store.read(stage, verify={name}) is not None:
            folders[stage.digest] = store.folder(stage)
    rows = [
        row
        for evaluation in plan.evaluations
        if evaluation.digest in folders
        for row in (_math if evaluation.kind == MATH else _general)(evaluation, folders)
    ]
    return _typed(pd.DataFrame(rows, columns=list(COLUMNS)))


def verdict_bytes(frame: pd.DataFrame) -> bytes:
    """The table as Parquet; the same table gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, whole = pa.dictionary(pa.int32(), pa.string()), pa.int32()
    types = {"unique_pairs": whole, "seed": whole, "repeat": whole, "score": pa.float64()}
    columns = {name: pa.array(frame[name], types.get(name, text), from_pandas=True) for name in COLUMNS}
    written = io.BytesIO()
    pq.write_table(
        pa.table(columns),
        written,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        store_schema=False,
    )
    return written.getvalue()


def read_verdicts(path: Path) -> pd.DataFrame:
    """The table that ``verdict_bytes`` made.

    Raises:
        DataError: It can't be read, lacks a column, or names an answer twice.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    fix = "Take the file of the commit that published it."
    try:
        frame = _typed(pq.ParquetFile(path).read(columns=list(COLUMNS)).to_pandas()[list(COLUMNS)])
    except (OSError, KeyError, ValueError, TypeError, pa.ArrowException) as error:
        raise DataError(f"the verdicts can't be read: {error}", where=str(path), fix=fix) from error
    twice = frame.duplicated(list(KEYS))
    if twice.any():
        first = frame[twice].iloc[0]
        what = f"{first.arm}, {first.unique_pairs:,} pairs, seed {first.seed}, problem {first.problem}"
        raise DataError(f"an answer has two verdicts: {what}", where=str(path), fix=fix)
    return frame


def _math(evaluation: Evaluation, folders: Mapping[str, Path]) -> Iterator[Row]:
    verdicts = list(read_lines(folders[evaluation.digest] / VERDICTS_FILE))
    drawn = 1 + max((row["repeat"] for row in verdicts if row["sampling"] != GREEDY), default=0)
    for row in verdicts:
        metric = GREEDY if row["sampling"] == GREEDY else f"avg@{drawn}"
        score = None if row["correct"] is None else float(row["correct"])
        named = (evaluation.benchmark, MATH, metric, row["repeat"], row["id"], score)
        yield (*_place(evaluation), *named)


def _general(evaluation: Evaluation, folders: Mapping[str, Path]) -> Iterator[Row]:
    for score in scores_of(evaluation, folders):
        for place, value in enumerate(score.per_problem):
            named = (score.benchmark, score.kind, score.metric, 0, str(place), value)
            yield (*_place(evaluation), *named)


def _place(evaluation: Evaluation) -> Row:
    point = evaluation.point
    return point.arm, point.unique_pairs, point.seed


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The same columns and types, wherever the table comes from."""
    whole = dict.fromkeys(("unique_pairs", "seed", "repeat"), "int64")
    texts = dict.fromkeys(("arm", "benchmark", "kind", "metric", "problem"), "str")
    return frame.astype({**whole, **texts, "score": "float64"})
