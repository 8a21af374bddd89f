"""What is said and written of a published run that was made again."""

import csv
import math
from pathlib import Path

import pytest

from lorr_bench.errors import DataError, StoreError
from lorr_bench.publish.agreement import Agreement, Compared, Figure, VerdictCount
from lorr_bench.publish.catalog import PublishedRun
from lorr_bench.publish.reproduction import (
    Reproduction,
    refuse_without_table,
    rows_of,
    write_reproduction,
)
from lorr_bench.values import Measure

EASY = Measure("easy", "math", "greedy")
NAN = math.nan


HALF = Figure(0.5, 0.4, 0.6)
NONE_APART = VerdictCount(40, 0)


def cell(name="a+b", agreement=Agreement.VERDICTS, found=HALF, verdicts=NONE_APART):
    return Compared(name, 8, EASY, False, HALF, found, verdicts, agreement)


APART = cell("a+c", Agreement.DIFFERS, Figure(0.75, 0.65, 0.85), VerdictCount(40, 10))
LOST = cell("a+d", Agreement.MISSING, None, None)
SCORE = cell("a+e", Agreement.SCORE, verdicts=VerdictCount(40, 2))


def made(*compared, notes=(), exact=False):
    return Reproduction("nano/x", compared, notes, exact)


def test_all_that_agrees_is_counted_by_how():
    found = made(cell(), cell(), SCORE)
    assert found.apart == ()
    assert found.verdict == "nano/x is reproduced: all of 3 figures agree (2 same verdicts, 1 same score)."


def test_what_does_not_agree_is_named_with_both_figures():
    found = made(cell(), APART, LOST)
    assert found.apart == (APART, LOST)
    assert found.verdict == (
        "nano/x is not reproduced: 2 of 3 figures do not agree (1 same verdicts, 1 differs, 1 missing). They are: "
        "a+c, 8 pairs, easy · greedy: differs, 50.0 [40.0, 60.0] published, 75.0 [65.0, 85.0] here "
        "(10 of 40 verdicts differ); a+d, 8 pairs, easy · greedy: missing, 50.0 [40.0, 60.0] published, – here."
    )


def test_of_many_the_first_are_named():
    assert made(*[APART] * 8).verdict.endswith("; and 3 more.")


def test_exact_wants_the_same_verdicts():
    assert made(cell(), SCORE, exact=True).apart == (SCORE,)
    assert made(cell(), exact=True).apart == ()


def test_rows_are_shares_and_none_where_nothing_is_known():
    unknown = cell(found=Figure(0.5, NAN, NAN), verdicts=None)
    assert rows_of(made(unknown)) == [
        {
            "what": "a+b", "is_contrast": False, "unique_pairs": 8,
            "benchmark": "easy", "kind": "math", "metric": "greedy",
            "published_value": 0.5, "published_low": 0.4, "published_high": 0.6,
            "found_value": 0.5, "found_low": None, "found_high": None,
            "verdicts": None, "verdicts_differing": None, "agreement": "same verdicts",
        }
    ]  # fmt: skip
    assert rows_of(made(LOST))[0]["found_value"] is None


def test_both_files_are_written(tmp_path):
    markdown, table = write_reproduction(
        made(cell("start"), APART, notes=("The machine differs: a.",)), tmp_path
    )
    text = markdown.read_text("utf-8")
    assert text.startswith("# nano/x, made again\n\nnano/x is not reproduced: 1 of 2 figures")
    assert "\n- The machine differs: a.\n" in text
    assert "| start model | 8 | easy · greedy | 50.0" in text
    assert "| differs | 10 of 40 |" in text
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["what"], row["found_value"], row["agreement"]) for row in rows] == [
        ("start", "0.5", "same verdicts"), ("a+c", "0.75", "differs")
    ]  # fmt: skip


def test_a_folder_that_is_none_can_not_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="can't write"):
        write_reproduction(made(cell()), tmp_path / "file")


def test_a_folder_without_a_comparison_is_refused_before_anything_runs(tmp_path):
    run = PublishedRun("tuning", tmp_path, Path("suites/nano/tuning.yaml"), {})
    with pytest.raises(DataError, match=r"its folder lacks comparison\.csv"):
        refuse_without_table(run)
    (tmp_path / "comparison.csv").touch()
    refuse_without_table(run)
