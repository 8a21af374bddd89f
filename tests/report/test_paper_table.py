"""The table of a paper: benchmarks by method, plain, with the plug-in, and their difference."""

from __future__ import annotations

import pytest
from computed import comparison_of
from page_contents import make_contents
from synthetic_results import make_results, several_methods
from table_texts import texts

from lorr_bench.report.formats.latex import latex_report
from lorr_bench.report.study import Study
from lorr_bench.report.table import Table
from lorr_bench.report.tables.by_method.paper import paper_table
from lorr_bench.values import Analysis, Contrast, Results

pytestmark = pytest.mark.slow


def paper(results: Results) -> Table:
    return paper_table(Study(results), comparison_of(results))


def test_one_method_has_a_row_a_benchmark(results: Results) -> None:
    table = paper(results)
    assert [column.title for column in table.columns] == ["benchmark", "start", "plain", "+ lorr", "Δ"]
    names = [row[0].text for row in table.rows]
    assert names == [
        "nano_easy",
        "nano_hard",
        "average",
        "nano_compare",
        "nano_true_false",
        "nano_order",
        "average",
    ]
    assert [row[0].small for row in table.rows][2:4] == ["of 2 math", "acc (n = 200)"]


def test_the_numbers_are_those_of_the_comparison(results: Results) -> None:
    frame = comparison_of(results).frame
    easy = frame[(frame["benchmark"] == "nano_easy") & (frame["metric"] == "greedy")]
    means = easy.set_index(["arm", "unique_pairs"])["mean"]
    expected = [means["start", 0], means["dpo+plain", 1024], means["dpo+lorr", 1024]]
    assert texts(paper(results))[0][1:4] == [f"{100 * mean:.1f}" for mean in expected]


def test_the_plugin_is_the_one_that_was_declared(results: Results) -> None:
    contrast = Contrast("dpo+no_reset", "dpo+plain")
    declared = make_results(analysis=Analysis("nano_easy", "greedy", (contrast,), budgets=(128, 384, 1024)))
    assert paper(declared).columns[3].title == "+ no_reset"


def test_several_methods_have_a_row_each() -> None:
    table = paper(several_methods(seeds=2))
    assert [row[0].text for row in table.rows] == ["start model", *"abcdefg"]
    assert [column.title for column in table.columns] == ["method", "plain", "+ lorr", "Δ"]
    # 20 of 100 problems more.
    assert [cell.text for cell in table.rows[1][1:]] == ["0.0", "20.0", "+20.0†"]


def test_nothing_compared_is_no_table() -> None:
    assert paper(make_results(arms=("dpo+plain",), baselines={"dpo+plain": "dpo+plain"})).rows == ()


def test_in_latex_it_is_not_scaled_and_its_benchmarks_stand_under_each_other() -> None:
    text = latex_report(make_contents(several_methods(seeds=2)))
    first = text.partition(r"\begin{table}")[2].partition(r"\end{table}")[0]
    assert r"\label{tab:paper}" in first
    assert r"\footnotesize" in first
    assert "resizebox" not in first
    assert r"\multicolumn{4}{@{}l@{}}{\textit{nano\_easy" in first
