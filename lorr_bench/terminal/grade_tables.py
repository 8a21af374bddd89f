"""Verdicts, and why an answer has its verdict, as ``lorr-bench grade`` shows them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lorr_bench.errors import LorrBenchError, StoreError
from lorr_bench.grade import grade_many
from lorr_bench.grade.answer_file import read_answer_file, read_policy
from lorr_bench.grade.explanation import Explanation, explain
from lorr_bench.terminal.text import one_line
from lorr_bench.values import Verdict

MAX_ROWS: Final = 50
"""Of a table of verdicts; a file has all."""
SHOWN_CHARS: Final = 60


def show_grades(
    out: Console,
    answers: Path | None,
    explained: tuple[str, str] | None,
    settings: Sequence[str],
    output: Path | None,
    *,
    as_json: bool,
) -> None:
    """What ``lorr-bench grade`` does.

    Args:
        out: Where tables are drawn.
        answers: A file of gold answers and answers.
        explained: Or one gold answer and answer, whose verdict is explained.
        settings: Of the policy, each ``key=value``.
        output: Where JSON lines are written as well.
        as_json: Whether JSON lines are printed in place of the table.

    Raises:
        LorrBenchError: Neither or both of file and pair are given, or a setting is unknown.
        DataError: The file can't be read, is empty, or lacks a key.
        StoreError: The output can't be written.
    """
    if (answers is None) == (explained is None):
        fix = "Give a JSONL file with gold and answer, or --explain GOLD ANSWER."
        raise LorrBenchError("there is not one thing to grade", where="grade", fix=fix)
    policy = read_policy(settings)
    if explained is not None:
        out.print(explanation_view(explain(*explained, policy)))
        return
    items = read_answer_file(answers or Path())
    verdicts = grade_many(items, policy=policy)
    if output is not None:
        write_verdicts(output, verdict_lines(items, verdicts))
    if as_json:
        for line in verdict_lines(items, verdicts):
            out.file.write(f"{line}\n")
    else:
        out.print(verdicts_table(items, verdicts))


def verdicts_table(items: Sequence[tuple[str, str]], verdicts: Sequence[Verdict]) -> Group:
    """A row for each answer, up to ``MAX_ROWS``, and how many there are for each reason."""
    table = Table()
    for column in ("no.", "gold", "found", "verdict"):
        table.add_column(column, justify="right" if column == "no." else "left")
    for number, ((gold, _), verdict) in enumerate(zip(items, verdicts, strict=True), start=1):
        if number <= MAX_ROWS:
            mark = "[green]right[/]" if verdict.correct else f"[red]wrong[/] ({verdict.reason})"
            table.add_row(str(number), _short(gold), _short(verdict.extracted or ""), mark)
    left_out = (
        [Text(f"{len(items) - MAX_ROWS:,} more rows: --json or -o has all.")] if len(items) > MAX_ROWS else []
    )
    return Group(table, *left_out, Text(_counts(verdicts)))


def _counts(verdicts: Sequence[Verdict]) -> str:
    right = sum(verdict.correct for verdict in verdicts)
    reasons = Counter(verdict.reason for verdict in verdicts if not verdict.correct)
    told = "; ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items()))
    return f"{right:,} of {len(verdicts):,} right ({right / len(verdicts):.1%})" + (
        f"; {told}" if told else ""
    )


def verdict_lines(items: Sequence[tuple[str, str]], verdicts: Sequence[Verdict]) -> Iterator[str]:
    """A JSON object for each answer: gold, extracted, correct, reason, seconds."""
    for (gold, _), verdict in zip(items, verdicts, strict=True):
        yield json.dumps({"gold": gold, **asdict(verdict)}, ensure_ascii=False)


def write_verdicts(path: Path, lines: Iterator[str]) -> None:
    """Write JSON lines to a file.

    Raises:
        StoreError: It can't be written.
    """
    try:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"the verdicts can't be written: {error}", where=str(path)) from error


def explanation_view(explanation: Explanation) -> Group:
    """What was found, which rule decided, and a row for each policy that says otherwise."""
    verdict = explanation.verdict
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("gold answer", explanation.gold),
        ("found", explanation.found.content if explanation.found.content is not None else "nothing"),
        ("found by", explanation.found.rule),
        ("decided by", explanation.rule),
        ("verdict", f"{'right' if verdict.correct else 'wrong'} ({verdict.reason})"),
    ):
        facts.add_row(name, _short(value))
    return Group(facts, Text(""), _policies_table(explanation))


def _policies_table(explanation: Explanation) -> Table:
    table = Table(title="Under another policy", title_justify="left")
    for column in ("option", "value", "verdict"):
        table.add_column(column)
    for (option, value), correct in explanation.others.items():
        differs = correct != explanation.verdict.correct
        verdict = "right" if correct else "wrong"
        table.add_row(option, str(value), f"[bold]{verdict}, otherwise than now[/]" if differs else verdict)
    return table


def _short(text: str) -> str:
    shown = one_line(text)
    return escape(shown if len(shown) <= SHOWN_CHARS else f"{shown[: SHOWN_CHARS - 1]}…")
