"""The tables in LaTeX: characters that mean something to it, and documents that compile."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from page_contents import HOSTILE, hostile_results, make_contents
from synthetic_results import make_methods_results, make_results

from lorr_bench.report.contents import Contents
from lorr_bench.report.formats.latex import latex_report, latex_table, latex_text
from lorr_bench.report.table import Cell, Column, Table

COLUMNS = (
    Column("arm", "arm"),
    Column("score", group=("b", "greedy")),
    Column("Δ", group=("b", "greedy")),
    Column("note", "text"),
)
TABLE = Table(
    section="small",
    part="table",
    heading="Small",
    caption="In %.",
    columns=COLUMNS,
    rows=(
        (Cell("a_1"), Cell("50.0", "[40.0, 60.0]"), Cell(""), Cell("first")),
        (Cell("b&2"), Cell("75.0"), Cell("+25.0", "[+20.0, +30.0]", True), Cell("[second]")),
    ),
    breaks=frozenset({1}),
)
DOCUMENT = r"""\documentclass{article}
%s\usepackage{booktabs}
\usepackage{graphicx}
\begin{document}
Text before the tables.
\input{tables}
\end{document}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("&", r"\&"),
        ("%", r"\%"),
        ("$", r"\$"),
        ("#", r"\#"),
        ("_", r"\_"),
        ("{", r"\{"),
        ("}", r"\}"),
        ("~", r"\textasciitilde{}"),
        ("^", r"\textasciicircum{}"),
        ("\\", r"\textbackslash{}"),
        ("<", r"\textless{}"),
        (">", r"\textgreater{}"),
        ("[x]", "{[}x]"),
        ("*", "{*}"),
        ("\N{MINUS SIGN}4.0", "$-$4.0"),
        ("1–2", r"1\textendash{}2"),
        ("±", r"$\pm$"),
        ("×", r"$\times$"),
        ("α", r"$\alpha$"),
        ("Δ", r"$\Delta$"),
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("dpo+no_reset", r"dpo+no\_reset"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("two\n\nlines\t", "two lines"),
        ("é", "é"),
        ("ﬁ", "fi"),
        ("ŵ", r"w"),
        ("中", r"\texttt{U+4E2D}"),
        ("😀", r"\texttt{U+1F600}"),
        ("\x07", r"\texttt{U+0007}"),
        ("\ud800", r"\texttt{U+D800}"),
    ],
)
def test_text_is_printed_as_it_is(text: str, expected: str) -> None:
    assert latex_text(text) == expected


def test_a_table_in_the_style_of_booktabs() -> None:
    assert latex_table(TABLE, ["A note on 5 %.", ""]).splitlines() == [
        r"\begin{table}[htbp]",
        r"\centering",
        r"\setlength{\tabcolsep}{3pt}",
        r"\caption{Small. In \%.}",
        r"\label{tab:small-table}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        r"\begin{tabular}{lrrl}",
        r"\toprule",
        r" & \multicolumn{2}{c}{\begin{tabular}{c}b \\ greedy\end{tabular}} &  \\",
        r"\cmidrule(lr){2-3}",
        r"arm & score & $\Delta$ & note \\",
        r"\midrule",
        r"a\_1 & \begin{tabular}[t]{@{}r@{}}50.0\\[-2pt]\scriptsize {[}40.0, 60.0]\end{tabular} &  & first \\[2pt]",
        r"\addlinespace",
        r"b\&2 & 75.0 & \begin{tabular}[t]{@{}r@{}}\textbf{+25.0}\\[-2pt]\scriptsize {[}+20.0, +30.0]"
        r"\end{tabular} & {[}second] \\[2pt]",
        r"\bottomrule",
        r"\end{tabular}}",
        r"\par\smallskip{\footnotesize\raggedright A note on 5 \%.\par}",
        r"\end{table}",
    ]


def test_long_texts_are_broken_into_lines() -> None:
    table = Table("t", "T", "C", (Column("note", "text"),), ((Cell("x" * 41),),))
    assert r"\begin{tabular}{p{14em}}" in latex_table(table)


@pytest.fixture(scope="module")
def contents() -> Contents:
    return make_contents()


@pytest.mark.slow
def test_every_table_of_the_report_is_there_with_its_own_label(contents: Contents) -> None:
    labels = re.findall(r"\\label\{(.*?)\}", latex_report(contents))
    assert len(labels) == len(set(labels))
    names = {re.sub(r"-\d+$", "", label) for label in labels}
    assert names >= {
        f"tab:{name}"
        for name in (
            "comparison-arms",
            "general-arms",
            "secondary",
            "conduct",
            "ledger",
            "overlaps",
            "published",
            "protocol",
        )
    }


@pytest.mark.slow
def test_bold_only_where_the_corrected_test_says_so(contents: Contents) -> None:
    frames = contents.frames
    # Once in the comparison, once more among the primary contrasts, and once in the table of a paper.
    primary = frames.contrasts["role"].isin(["primary", "sequence"])
    significant = int(frames.comparison["significant"].sum() + frames.contrasts["significant"][primary].sum())
    at_largest = frames.comparison.query("arm == 'dpo+lorr' and unique_pairs == 1024 and metric != 'avg@4'")
    significant += int(at_largest["significant"].sum())
    assert significant > 0
    assert latex_report(contents).count(r"\textbf{") == significant


def test_measures_that_do_not_fit_stand_in_further_parts(contents: Contents) -> None:
    text = latex_report(contents)
    # Four measures of two columns each, three of them to a part.
    assert "Every arm at every budget, math (part 1 of 2)." in text
    assert "Every arm at every budget, math (part 2 of 2)." in text
    assert text.count("Power: with 3 seeds and 300") == 1


@pytest.mark.slow
def test_very_many_rows_are_cut_and_the_file_is_named() -> None:

    many = make_contents(make_methods_results(budgets=(8, 16, 32), seeds=(0, 1)))
    text = latex_report(many)
    assert text.count("What every arm used (part") == 3
    assert r"36 more rows are in ledger.csv." in text


def compile_tables(text: str, folder: Path, encoding: str) -> str:
    """LaTeX's log of a document with these tables; fonts are not made."""
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("pdflatex is not installed: whether the tables compile is not tested")
    (folder / "tables.tex").write_text(text, "utf-8")
    (folder / "main.tex").write_text(DOCUMENT % encoding, "utf-8")
    command = [program, "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    log = (folder / "main.log").read_text("utf-8", errors="replace")
    assert done.returncode == 0, log[-2000:]
    return log


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["", "\\usepackage[T1]{fontenc}\n"])
@pytest.mark.parametrize("case", ["usual", "several methods", "hostile"])
def test_the_tables_compile(case: str, encoding: str, tmp_path: Path) -> None:
    results = {
        "usual": make_results,
        "several methods": lambda: make_methods_results(budgets=(8, 16), seeds=(0, 1)),
        "hostile": hostile_results,
    }[case]()
    log = compile_tables(latex_report(make_contents(results)), tmp_path, encoding)
    assert "Missing character" not in log


def test_every_symbol_compiles_in_a_cell(tmp_path: Path) -> None:
    texts = [chr(code) for code in (*range(32, 127), *range(160, 0x180), *range(0x370, 0x400))]
    texts += [*HOSTILE, "−–—±×·÷≤≥≠≈∞→√°…‘’“”ΔΣΩαβγℓ中😀", "[a]", "*", "--", "``''"]  # noqa: RUF001
    tables = [
        latex_table(Table("t", "T", "".join(found), COLUMNS[:1], tuple((Cell(text),) for text in found)))
        for found in (texts[first : first + 40] for first in range(0, len(texts), 40))
    ]
    compile_tables("\n\\clearpage\n".join(tables), tmp_path, "")
