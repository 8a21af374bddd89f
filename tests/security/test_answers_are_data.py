"""What a model answers is graded and shown, never run; spreadsheets and LaTeX read it as text."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic_results import make_small_results

from lorr_bench.grade import Policy, grade_many
from lorr_bench.report.formats.latex import latex_text
from lorr_bench.report.formatting import csv_text
from lorr_bench.report.write import ReportFiles, write_report

FORMULAS = ["=1+1", "+1", "-1+cmd|'/c calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "\uff20x"]
COMMANDS = [
    r"\input{/etc/passwd}",
    r"\write18{ls}",
    r"\immediate\write18{ls}",
    r"\def\x{y}",
    "%",
    "^^5cinput{x}",
]


@pytest.mark.parametrize(
    "answer",
    [
        "__import__('pathlib').Path({mark!r}).touch()",
        r"\boxed{{__import__('pathlib').Path({mark!r}).touch()}}",
        r"\boxed{{open({mark!r}, 'w')}}",
        "The final answer is 1+__import__('pathlib').Path({mark!r}).touch()",
        "The final answer is $eval(open({mark!r}, 'w'))$. I hope it is correct.",
        "1 + (lambda: open({mark!r}, 'w'))()",
        r"\boxed{{\input{{{mark!r}}}}} 3*(2).__class__",
    ],
)
def test_an_answer_is_graded_not_run(answer: str, mark: Path) -> None:
    text = answer.format(mark=str(mark))
    verdicts = grade_many([("4", text), (text, "4"), ("4", r"\boxed{4}")], policy=Policy())
    assert verdicts[-1].correct
    assert not mark.exists()


def hostile(value: Any, text: str) -> Any:
    """Results in which every name and answer is this text."""
    named = text if text.isascii() and text.isprintable() else ""  # names of benchmarks are printable
    scores = [replace(score, benchmark=f"{named}{score.benchmark}") for score in value.scores]
    answers = [
        replace(answer, text=text, extracted=text, gold=text, prompt=text, problem_id=f"{text}{number}")
        for number, answer in enumerate(value.answers)
    ]
    return replace(value, scores=scores, answers=answers, description=text, missing={text: text})


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    """A report in which every name and answer is a formula that holds a command."""
    return write_report(hostile(make_small_results(), rf"={COMMANDS[0]}"), tmp_path_factory.mktemp("report"))


@pytest.mark.slow
def test_no_cell_of_any_table_is_a_formula(report: ReportFiles) -> None:
    texts = [path.read_text("utf-8").splitlines() for path in report.csvs]
    cells = [cell for lines in texts for row in csv.reader(lines) for cell in row]
    assert not [cell for cell in cells if runs(cell)]
    assert any(cell.startswith("'=") for cell in cells)


def runs(cell: str) -> bool:
    """Whether a spreadsheet would compute the cell; a plain number is no formula."""
    number = re.fullmatch(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", cell)
    return (
        cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
        and not number
    )


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_shielded(text: str) -> None:
    assert csv_text(text) == f"'{text}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_latex_is_printed(command: str) -> None:
    assert not re.search(r"\\(input|write|immediate|def)\b|(?<!\\)%|\^\^", latex_text(command))


@pytest.mark.slow
def test_no_table_of_latex_has_a_command_of_others(report: ReportFiles) -> None:
    body = report.latex.read_text("utf-8").split("\\begin{table}", 1)[1]
    assert "textbackslash{}input" in body
    assert "\\input" not in body
