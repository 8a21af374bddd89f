"""The report as Markdown: its tables are whole, its texts stay texts, its long tables are cut."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from page_contents import hostile_results, make_contents
from synthetic_results import METHODS, make_methods_results, make_results

from lorr_bench.report.contents import Contents
from lorr_bench.report.formats.markdown import markdown_report
from lorr_bench.report.formats.pipe_table import markdown_table
from lorr_bench.values import Results

pytestmark = pytest.mark.slow

MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def contents() -> Contents:
    return make_contents()


@pytest.fixture(scope="module")
def text(contents: Contents) -> str:
    return markdown_report(contents)


@pytest.fixture(scope="module")
def many() -> str:
    return markdown_report(make_contents(make_methods_results()))


def tables_of(text: str) -> list[str]:
    return re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)


def section_of(text: str, title: str) -> str:
    return text[text.index(f"## {title}") :].partition("\n## ")[0]


@pytest.mark.parametrize("results", [make_results(), make_methods_results(), hostile_results()])
def test_tables_have_as_many_cells_as_heads(results: Results) -> None:
    tables = tables_of(markdown_report(make_contents(results)))
    assert len(tables) >= 5
    for table in tables:
        assert len({len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_every_part_has_its_section_in_this_order(text: str) -> None:
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == [
        "Scores",
        "Primary contrasts",
        "Comparison",
        "Budget",
        "General reasoning",
        "Data efficiency",
        "Answers",
        "Contamination",
        "Published figures",
        "Protocol: sober",
        "Figures",
        "Seconds",
        "Versions",
        "Suite",
    ]


def test_parts_without_data_have_no_section() -> None:
    bare = make_results(
        scores=[],
        spends={},
        answers=[],
        times=[],
        versions={},
        conduct=(),
        overlaps=(),
        published=(),
        conditions={},
        diagnostics={},
        start_model="",
    )
    found = markdown_report(replace(make_contents(bare), figures=make_contents().figures[:1]))
    assert re.findall(r"^## (.*)$", found, flags=re.MULTILINE) == ["Budget", "Suite"]


def test_bold_only_where_the_corrected_test_says_so(contents: Contents, text: str) -> None:
    frames = contents.frames
    # Once in the comparison, once more among the primary contrasts, and once in the table of a paper.
    primary = frames.contrasts["role"].isin(["primary", "sequence"])
    significant = int(frames.comparison["significant"].sum() + frames.contrasts["significant"][primary].sum())
    at_largest = frames.comparison.query("arm == 'dpo+lorr' and unique_pairs == 1024 and metric != 'avg@4'")
    significant += int(at_largest["significant"].sum())
    assert significant > 0
    assert len(re.findall(rf"\*\*[+{MINUS}]", text)) == significant


def test_power_and_footnotes_stand_below_the_first_table_of_scores() -> None:
    results = make_results()
    spoilt = replace(results.scores[0], value=float("nan"), reason="an answer is missing")
    found = markdown_report(make_contents(replace(results, scores=[spoilt, *results.scores[1:]])))
    section = section_of(found, "Comparison")
    assert section.index("Bold: corrected") < section.index("Power: ") < section.index("an answer is missing")
    assert found.count("an answer is missing") == 1


def test_footnotes_stand_in_the_general_table_where_there_is_no_math() -> None:
    general = [line for line in make_results().scores if line.kind == "general"]
    general[0] = replace(general[0], value=float("nan"), reason="an answer is missing")
    found = markdown_report(make_contents(make_results(scores=general)))
    assert "an answer is missing" in section_of(found, "General reasoning")


def test_the_reader_is_told_that_published_bases_differ(text: str) -> None:
    assert "up to 21 points of difference between sources" in section_of(text, "Published figures")


def test_the_main_figure_comes_first_and_the_others_in_their_folder(text: str) -> None:
    assert re.findall(r"\]\((.*?\.png)\)", text) == ["figure.png", "figures/forest.png"]


def test_the_start_model_is_named_with_the_versions(text: str) -> None:
    assert "| start model | sha256:9e107d9d372bb6826bd81d3542a419d6 |" in section_of(text, "Versions")


def test_the_fence_is_longer_than_the_ticks_in_the_suite() -> None:
    assert "`````yaml\n" in markdown_report(make_contents(make_results(suite_text="name: x\n````\n")))


def test_hostile_texts_can_be_written_and_are_no_markup() -> None:
    found = markdown_report(make_contents(hostile_results()))
    before_suite = found[: found.index("## Suite")]
    found.encode()
    assert "<script" not in before_suite
    assert "<img" not in before_suite


def test_missing_stages_stand_at_the_top() -> None:
    missing = {"train dpo+lorr": "StageError: no <memory> | left"}
    found = markdown_report(make_contents(make_results(missing=missing)))
    assert found.index(r"no &lt;memory&gt; \| left") < found.index("## Comparison")


def test_of_very_many_missing_stages_the_first_are_listed() -> None:
    missing = {f"train {number}": "no memory" for number in range(250)}
    found = markdown_report(make_contents(make_results(missing=missing)))
    assert "**Incomplete: 250 missing.**" in found
    assert found.count("no memory") == 100
    assert "150 more are listed on the page." in found


def test_many_methods_have_a_row_each(many: str) -> None:
    section = section_of(many, "Comparison")
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")]
    assert rows == ["method", ":--", "start model", *METHODS]
    assert "[comparison.csv](comparison.csv)" in section


def test_one_seed_is_said(many: str) -> None:
    assert "one training run can't tell the effect of a plug-in from training noise" in many


def test_long_tables_fold_and_very_long_ones_are_cut() -> None:
    results = make_methods_results(budgets=(8, 16, 32))
    section = section_of(markdown_report(make_contents(results)), "Budget")
    assert "<details><summary>What every arm used</summary>\n\n| arm |" in section
    assert len(tables_of(section)[0].splitlines()) == 2 + 100
    assert "56 more rows are in ledger.csv." in section


def test_very_many_benchmarks_are_cut_and_their_average_stays() -> None:
    results = make_results()
    copies = [
        replace(line, benchmark=f"{line.benchmark}_{number}")
        for number in range(5)
        for line in results.scores
        if line.kind == "general"
    ]
    section = section_of(markdown_report(make_contents(make_results(scores=copies))), "General reasoning")
    head = tables_of(section)[0].splitlines()[0]
    assert head.count(": score") == 8
    assert "average · acc / exact_match (n = 3,000): score" in head
    assert "8 more measures are in comparison.csv." in section


def test_a_pipe_table() -> None:
    assert (
        markdown_table(["arm", "n"], [["a", "1"]], [True, False]) == "| arm | n |\n| :-- | --: |\n| a | 1 |"
    )
