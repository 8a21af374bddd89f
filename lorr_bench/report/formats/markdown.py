"""The report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lorr_bench.outside import visible_text
from lorr_bench.report.contents import Contents
from lorr_bench.report.figures.drawing import FORMS
from lorr_bench.report.formats.pipe_table import markdown_table
from lorr_bench.report.formats.table_parts import first_groups, first_rows
from lorr_bench.report.formatting import markdown_cell, markdown_text, seconds
from lorr_bench.report.sentences.first_screen import Answer
from lorr_bench.report.table import Cell, Table

MAX_ROWS = 100

Tables = Mapping[str, Table]
"""The tables that have rows, by name."""


def markdown_report(contents: Contents, form: str = FORMS[0]) -> str:
    """The report as GitHub-flavoured Markdown.

    Args:
        contents: What it shows.
        form: Ending of the files of its figures, which lie beside it.
    """
    return "\n\n".join(part for part in _parts(contents, form) if part) + "\n"


def _parts(contents: Contents, form: str) -> Iterator[str]:
    results = contents.results
    tables = {table.name: table for table in contents.tables}
    yield f"# {markdown_text(results.suite)}"
    yield _missing(contents)
    yield markdown_text(results.description)
    yield f"**{markdown_text(contents.first.headline)}**"
    yield "\n".join(map(_answer, contents.first.answers))
    yield f"Compared: {markdown_text(contents.compared)}"
    yield markdown_text(contents.caution)
    yield _image(contents.figures[0].title, f"figure.{form}")
    yield from _tables("Scores", ["paper"], tables)
    yield from _tables("Primary contrasts", ["tests"], tables)
    yield from _scores("Comparison", "comparison", tables)
    yield from _tables("", ["contrasts"], tables)
    yield f"## Budget\n\n{markdown_text(contents.held_equal)}"
    yield from _tables("", ["ledger", "ledger-tuning"], tables)
    yield from _tuning(contents, tables)
    yield from _scores("General reasoning", "general", tables)
    yield from _tables("Data efficiency", ["efficiency"], tables)
    yield from _tables("Sweep", ["sweep-lines", "sweep-differences"], tables)
    yield from _tables("All benchmarks together", ["aggregates"], tables)
    yield from _tables("Answers", ["secondary", "conduct"], tables)
    yield from _tables("Contamination", ["overlaps"], tables)
    yield from _tables("Published figures", ["published"], tables)
    yield from _tables(_protocol_title(contents), ["protocol", "shared-settings"], tables)
    yield _figures(contents, form)
    yield _seconds(contents)
    yield _versions(contents)
    yield f"## Suite\n\n{_fenced(visible_text(results.suite_text), 'yaml')}"


def _answer(answer: Answer) -> str:
    """A question of the first screen as an entry of a list, its sentences after it."""
    return f"- **{answer.question}:** {' '.join(map(markdown_text, answer.lines))}"


def _missing(contents: Contents) -> str:
    missing = contents.results.missing
    if not missing:
        return ""
    rows = [[markdown_cell(stage), markdown_cell(reason)] for stage, reason in missing.items()]
    more = len(rows) - MAX_ROWS
    table = markdown_table(["stage", "reason"], rows[:MAX_ROWS], [True, True])
    table += f"\n\n{more:,} more are listed on the page." if more > 0 else ""
    return f"**Incomplete: {len(missing):,} missing.** The figures below leave these out.\n\n{table}"


def _scores(title: str, section: str, tables: Tables) -> Iterator[str]:
    """The arms; with several methods a row a method, and the arms in their CSV file alone."""
    methods, arms = tables.get(f"{section}-methods"), tables.get(f"{section}-arms")
    main = methods or arms
    if main is None:
        return
    yield f"## {title}"
    yield _table(main)
    if methods is not None:
        yield "Every arm at every budget, with the intervals of the scores: [comparison.csv](comparison.csv)."


def _tables(title: str, names: Sequence[str], tables: Tables) -> Iterator[str]:
    """Those of the tables that have rows, under a heading."""
    found = [tables[name] for name in names if name in tables]
    if found and title:
        yield f"## {markdown_text(title)}"
    for table in found:
        yield _folded(table.heading, _table(table)) if table.folded else _table(table)


def _tuning(contents: Contents, tables: Tables) -> Iterator[str]:
    """How settings were chosen, and which."""
    if contents.tuned:
        yield f"## Tuning\n\n{markdown_text(contents.tuned)}"
        yield from _tables("", ["tuning-settings"], tables)


def _table(table: Table) -> str:
    """A table with its caption, its notes and what was left out of it."""
    narrow, fewer_columns = first_groups(table)
    short, fewer_rows = first_rows(narrow, MAX_ROWS)
    text = markdown_table(
        _head(short),
        (list(map(_cell, row)) for row in short.rows),
        [column.kind != "number" for column in short.columns],
    )
    notes = (table.caption, *table.notes, fewer_columns, fewer_rows)
    return "\n\n".join([text, *(markdown_text(note) for note in notes if note)])


def _head(table: Table) -> list[str]:
    """The headings, that of a group before the first of its columns."""
    headings = {group.first: f"{group.heading}: " for group in table.groups if group.lines}
    return [
        markdown_cell(headings.get(number, "") + column.title) for number, column in enumerate(table.columns)
    ]


def _cell(cell: Cell) -> str:
    text, small = markdown_cell(cell.text), markdown_cell(cell.small)
    return " ".join(filter(None, (f"**{text}**" if cell.bold else text, small)))


def _folded(label: str, text: str) -> str:
    return f"<details><summary>{markdown_text(label)}</summary>\n\n{text}\n\n</details>"


def _image(title: str, file: str) -> str:
    return f"![{markdown_text(title)}]({file})"


def _figures(contents: Contents, form: str) -> str:
    """The figures after the main one."""
    images = [_image(figure.title, f"figures/{figure.name}.{form}") for figure in contents.figures[1:]]
    return "\n\n".join(["## Figures", *images]) if images else ""


def _protocol_title(contents: Contents) -> str:
    name = contents.results.protocol
    return f"Protocol: {name}" if name else "Protocol"


def _seconds(contents: Contents) -> str:
    if contents.seconds.empty:
        return ""
    lines: Iterable[Any] = contents.seconds.itertuples()
    rows = [
        [
            markdown_cell(row.kind),
            markdown_cell(row.part),
            f"{row.stages or ''}",
            seconds(row.seconds),
            f"{100 * row.share:.1f} %",
        ]
        for row in lines
    ]
    head = ["stage", "part", "stages", "seconds", "share"]
    return f"## Seconds\n\n{markdown_table(head, rows, [True, True, False, False, False])}"


def _versions(contents: Contents) -> str:
    results = contents.results
    named = {**results.versions, **({"start model": results.start_model} if results.start_model else {})}
    rows = [[markdown_cell(name), markdown_cell(value)] for name, value in named.items()]
    return f"## Versions\n\n{markdown_table(['name', 'version'], rows, [True, True])}" if rows else ""


def _fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
