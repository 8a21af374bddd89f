"""When a figure of a new run agrees with the published one, on tables made by hand."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.errors import DataError
from lorr_bench.publish.agreement import (
    Agreement,
    Figure,
    Numbers,
    VerdictCount,
    agreement_of,
    compare_numbers,
)
from lorr_bench.publish.catalog import PUBLISHED
from lorr_bench.publish.verdicts import COLUMNS, verdict_bytes

NAN = math.nan
SAME, ONE_APART = VerdictCount(40, 0), VerdictCount(40, 1)
EASY = ("easy", "math", "greedy")


@pytest.mark.parametrize(
    ("published", "found", "verdicts", "expected"),
    [
        ((0.5, 0.4, 0.6), (0.5, 0.4, 0.6), SAME, "same verdicts"),
        ((0.5, 0.4, 0.6), (0.5, 0.4, 0.6), ONE_APART, "same score"),  # right here, wrong there
        ((0.5, 0.4, 0.6), (0.5, 0.4, 0.6), None, "same score"),
        ((0.5, 0.4, 0.6), (0.5 + 1e-12, 0.4, 0.6), SAME, "same verdicts"),
        ((0.5, 0.4, 0.6), (0.55, 0.45, 0.65), ONE_APART, "within intervals"),
        ((0.5, 0.4, 0.6), (0.55, 0.45, 0.65), SAME, "within intervals"),  # so the table was changed
        ((0.5, 0.4, 0.6), (0.6, 0.5, 0.7), ONE_APART, "within intervals"),  # ends count
        ((0.5, 0.4, 0.6), (0.61, 0.5, 0.72), ONE_APART, "differs"),
        ((0.5, 0.3, 0.7), (0.61, 0.6, 0.62), ONE_APART, "differs"),  # ours in theirs, theirs not in ours
        ((0.61, 0.6, 0.62), (0.5, 0.3, 0.7), ONE_APART, "differs"),
        ((0.5, NAN, NAN), (0.5, NAN, NAN), None, "same score"),
        ((0.5, NAN, NAN), (0.51, NAN, NAN), None, "differs"),
        ((NAN, NAN, NAN), (NAN, NAN, NAN), SAME, "same verdicts"),
        ((NAN, NAN, NAN), (0.5, 0.4, 0.6), None, "differs"),
        ((0.5, 0.4, 0.6), None, None, "missing"),
    ],
)
def test_agreement(published, found, verdicts, expected):
    both = Figure(*published), None if found is None else Figure(*found)
    assert agreement_of(*both, verdicts) == expected


SHARES = st.floats(0, 1)
FIGURES = st.tuples(SHARES, SHARES, SHARES).map(sorted).map(lambda ends: Figure(ends[1], ends[0], ends[2]))


@given(FIGURES, FIGURES)
def test_agreement_has_no_direction(one, other):
    assert agreement_of(one, other, None) == agreement_of(other, one, None)


def test_what_differs_or_is_missing_does_not_agree():
    assert [kind.agrees for kind in Agreement] == [True, True, True, False, False]


def comparison(*rows):
    return pd.DataFrame(
        [(arm, pairs, *EASY, mean, mean - 0.1, mean + 0.1) for arm, pairs, mean in rows],
        columns=["arm", "unique_pairs", "benchmark", "kind", "metric", "mean", "low", "high"],
    )


def contrasts(*rows):
    return pd.DataFrame(
        [("b", "a", pairs, *EASY, role, mean, mean - 0.1, mean + 0.1) for pairs, role, mean in rows],
        columns=["treatment", "reference", "unique_pairs", "benchmark", "kind", "metric", "role"]
        + ["difference", "difference_low", "difference_high"],
    )


def verdicts(*rows):
    """Rows of arm and the scores of its problems."""
    return pd.DataFrame(
        [
            (arm, 8, 0, *EASY, 0, f"p{number}", float(score))
            for arm, scores in rows
            for number, score in enumerate(scores)
        ],
        columns=list(COLUMNS),
    )


def compared(published, found):
    return {(one.name, one.unique_pairs): one for one in compare_numbers(published, found)}


def test_declared_contrasts_come_first_and_the_others_are_left_out():
    numbers = Numbers(
        comparison(("a", 8, 0.5), ("b", 8, 0.6)),
        contrasts((8, "primary", 0.1), (4, "sequence", 0.1), (8, "secondary", 0.1)),
        None,
    )
    assert [(one.name, one.unique_pairs, one.is_contrast) for one in compare_numbers(numbers, numbers)] == [
        ("b - a", 8, True), ("b - a", 4, True), ("a", 8, False), ("b", 8, False)
    ]  # fmt: skip


def test_verdicts_are_counted_by_cell_and_for_both_arms_of_a_contrast():
    tables = comparison(("a", 8, 0.5), ("b", 8, 0.6)), contrasts((8, "primary", 0.1))
    published = Numbers(*tables, verdicts(("a", [1, 0]), ("b", [1, 1])))
    found = Numbers(*tables, verdicts(("a", [0, 1]), ("b", [1, 1])))
    kinds = {name: (one.agreement, one.verdicts) for (name, _), one in compared(published, found).items()}
    assert kinds == {
        "b - a": ("same score", VerdictCount(4, 2)),
        "a": ("same score", VerdictCount(2, 2)),
        "b": ("same verdicts", VerdictCount(2, 0)),
    }


def test_a_problem_that_one_run_lacks_is_a_differing_verdict():
    table = comparison(("a", 8, 0.5))
    published = Numbers(table, None, verdicts(("a", [1, 0, 1])))
    found = Numbers(table, None, verdicts(("a", [1, 0])))
    assert compared(published, found)["a", 8].verdicts == VerdictCount(3, 1)
    assert compared(found, published)["a", 8].verdicts == VerdictCount(3, 1)


def test_answers_that_neither_run_has_are_the_same():
    table = comparison(("a", 8, 0.5))
    numbers = Numbers(table, None, verdicts(("a", [NAN, 1])))
    assert compared(numbers, numbers)["a", 8].agreement == "same verdicts"


def test_an_average_rests_on_all_verdicts_of_its_kind():
    average = comparison(("a", 8, 0.5)).assign(benchmark="average")
    one, other = verdicts(("a", [1, 0])), verdicts(("a", [0, 0]))
    same = compared(Numbers(average, None, one), Numbers(average, None, one))["a", 8]
    apart = compared(Numbers(average, None, one), Numbers(average, None, other))["a", 8]
    assert (same.agreement, same.verdicts) == ("same verdicts", VerdictCount(2, 0))
    assert (apart.agreement, apart.verdicts) == ("same score", VerdictCount(2, 1))


def test_a_cell_or_contrast_without_a_new_figure_is_missing():
    published = Numbers(comparison(("a", 8, 0.5), ("b", 8, 0.6)), contrasts((8, "primary", 0.1)), None)
    found = Numbers(comparison(("a", 8, 0.5)), contrasts(), None)
    kinds = {name: one.agreement for (name, _), one in compared(published, found).items()}
    assert kinds == {"b - a": "missing", "a": "same score", "b": "missing"}


def test_without_published_verdicts_scores_are_compared():
    table = comparison(("a", 8, 0.5))
    one = compared(Numbers(table, None, None), Numbers(table, None, verdicts(("a", [1, 0]))))["a", 8]
    assert (one.agreement, one.verdicts) == ("same score", None)


def test_figures_in_words():
    published = Numbers(comparison(("start", 0, 0.5)), contrasts((8, "primary", 0.1)), None)
    contrast, start = compare_numbers(published, Numbers(comparison(), contrasts(), None))
    assert (contrast.title, contrast.text(contrast.published)) == (
        "b - a, 8 pairs, easy · greedy", "+10.0 [0.0, +20.0]"
    )  # fmt: skip
    assert (start.title, start.text(start.published)) == ("start model, easy · greedy", "50.0 [40.0, 60.0]")
    assert start.text(start.found) == "–"
    assert start.text(Figure(0.5, NAN, NAN)) == "50.0"


def test_tables_are_read_from_a_folder(tmp_path):
    comparison(("nan", 8, 0.5)).to_csv(tmp_path / "comparison.csv", index=False)
    numbers = Numbers.of_folder(tmp_path)
    assert numbers.comparison["arm"].tolist() == ["nan"]  # a name, and no number that is missing
    assert (numbers.contrasts, numbers.verdicts) == (None, None)
    contrasts((8, "primary", 0.1)).to_csv(tmp_path / "contrasts.csv", index=False)
    (tmp_path / "verdicts.parquet").write_bytes(verdict_bytes(verdicts(("nan", [1]))))
    numbers = Numbers.of_folder(tmp_path)
    assert (len(numbers.contrasts), len(numbers.verdicts)) == (1, 1)


@pytest.mark.parametrize("text", ["", "arm,unique_pairs\na,8\n", "\x00", None])
def test_a_table_that_is_none_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "comparison.csv").write_text(text, "utf-8")
    with pytest.raises(DataError, match="the table can't be read"):
        Numbers.of_folder(tmp_path)


@pytest.mark.parametrize("name", ["quickstart", "nano/curve"])
def test_what_was_published_agrees_with_itself(name):
    numbers = Numbers.of_folder(PUBLISHED / name)
    found = compare_numbers(numbers, numbers)
    assert len([one for one in found if not one.is_contrast]) == len(numbers.comparison) > 0
    assert {one.agreement for one in found} == {"same verdicts"}
    if name == "quickstart":  # its two primary contrasts, and the first of them at two smaller budgets
        assert [one.unique_pairs for one in found if one.is_contrast] == [1024, 1024, 512, 256]
