"""Verdicts by problem: the rows of a run, and the Parquet file."""

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorr_bench.errors import DataError
from lorr_bench.publish.verdicts import COLUMNS, read_verdicts, verdict_bytes, verdict_frame

ROW = ("a+b", 8, 0, "easy", "math", "greedy", 0, "p0", 1.0)


def table(*rows):
    return pd.DataFrame(rows, columns=list(COLUMNS))


def written(folder, frame):
    (folder / "verdicts.parquet").write_bytes(verdict_bytes(frame))
    return folder / "verdicts.parquet"


def test_every_answer_of_a_run_has_a_row(finished):
    """``finish`` leaves two problems to each evaluation: the first wrong, the second right."""
    frame = verdict_frame(finished.plan, finished.store)
    of_lorr = frame[frame["arm"] == "dpo+lorr"]
    assert [tuple(row)[1:] for row in of_lorr.itertuples(index=False)] == [
        (8, 0, "easy", "math", "greedy", 0, "p0", 0.0),
        (8, 0, "easy", "math", "greedy", 0, "p1", 1.0),
        (8, 0, "general", "general", "acc", 0, "0", 0.0),
        (8, 0, "general", "general", "acc", 0, "1", 1.0),
    ]
    assert frame["arm"].drop_duplicates().tolist() == ["start", "dpo+plain", "dpo+lorr"]


def test_repeated_answers_are_one_metric_and_missing_ones_have_no_score(finished, tmp_path):
    verdicts = [
        {"id": "p0", "sampling": "sampled", "repeat": repeat, "correct": correct}
        for repeat, correct in enumerate([True, False, None])
    ]
    plan = finished.plan
    store = _store_with(plan, tmp_path, verdicts)
    frame = verdict_frame(plan, store)
    found = [
        tuple(row) for row in frame[["metric", "repeat", "score"]].astype(object).itertuples(index=False)
    ]
    assert found[:2] == [("avg@3", 0, 1.0), ("avg@3", 1, 0.0)]
    assert (found[2][:2], pd.isna(found[2][2])) == (("avg@3", 2), True)


def _store_with(plan, folder, verdicts):
    """A store that has one graded evaluation."""
    from lorr_bench.store.record import Outcome
    from lorr_bench.store.store import Store

    store = Store(folder)
    stage = next(stage for stage in plan.stages if stage.kind == "grade_math")
    with store.writing(stage) as draft:
        (draft.folder / "verdicts.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in verdicts))
        draft.commit(Outcome())
    return store


def test_a_run_without_results_has_no_rows(tmp_path, finished):
    from lorr_bench.store.store import Store

    assert verdict_frame(finished.plan, Store(tmp_path)).empty


SCORES = st.one_of(st.none(), st.floats(0, 1))


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(st.tuples(st.text("ab+é", min_size=1), st.integers(0, 9), SCORES), max_size=8))
def test_what_is_written_is_read(tmp_path_factory, rows):
    frame = table(
        *(
            (arm, 8, 0, "easy", "math", "greedy", number, f"p{problem}", score)
            for number, (arm, problem, score) in enumerate(rows)
        )
    )
    read = read_verdicts(written(tmp_path_factory.mktemp("written"), frame))
    assert read.astype(object).where(read.notna(), None).to_numpy().tolist() == (
        frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    )


def test_the_file_is_compact_zstd_without_a_date(tmp_path):
    rows = [(*ROW[:7], f"p{problem}", float(problem % 3 == 0)) for problem in range(10_000)]
    frame = table(*rows)
    file = written(tmp_path, frame)
    assert verdict_bytes(frame) == file.read_bytes()
    assert file.stat().st_size < 100_000
    columns = pq.ParquetFile(file).metadata.row_group(0)
    assert {columns.column(number).compression for number in range(len(COLUMNS))} == {"ZSTD"}


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "verdicts.parquet").write_bytes(content)
    with pytest.raises(DataError, match="the verdicts can't be read"):
        read_verdicts(tmp_path / "verdicts.parquet")


def test_a_file_without_a_column_is_refused(tmp_path):
    table(ROW).drop(columns="repeat").to_parquet(tmp_path / "verdicts.parquet")
    with pytest.raises(DataError, match="the verdicts can't be read"):
        read_verdicts(tmp_path / "verdicts.parquet")


def test_two_verdicts_on_an_answer_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"two verdicts: a\+b, 8 pairs, seed 0, problem p0"):
        read_verdicts(written(tmp_path, table(ROW, ROW)))
