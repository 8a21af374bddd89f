"""The report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lorr_bench.outside import visible_text
from lorr_bench.report.cells import markdown_cell, markdown_text
from lorr_bench.report.contents import Contents
from lorr_bench.report.formats.pipe_table import markdown_table
from lorr_bench.report.formats.shortened import head_of, narrowed, notes_on
from lorr_bench.report.sheets import Cell, Sheet

MAX_ROWS = 100

Sheets = Mapping[str, Sheet]
"""The tables that have rows, by name."""


def markdown_report(contents: Contents) -> str:
    """The report as GitHub-flavoured Markdown, the figures beside it as PNG."""
    return "\n\n".join(part for part in _parts(contents) if part) + "\n"


def _parts(contents: Contents) -> Iterator[str]:
    results = contents.results
    sheets = {sheet.name: sheet for sheet in contents.sheets}
    yield f"# {markdown_text(results.suite)}"
    yield _missing(contents)
    yield markdown_text(results.description)
    yield f"**{markdown_text(contents.headlines[0])}**"
    yield "\n".join(f"- {markdown_text(line)}" for line in contents.headlines[1:])
    yield f"Compared: {markdown_text(contents.compared)}"
    yield markdown_text(contents.caution)
    yield _image(contents.picture.title, "figure.png")
    yield from _tables("Primary contrasts", ["tests"], sheets, contents)
    yield from _scores("Comparison", "comparison", sheets, contents)
    yield from _tables("", ["contrasts"], sheets, contents)
    yield f"## Budget\n\n{markdown_text(contents.held_equal)}"
    yield from _tables("", ["ledger"], sheets, contents)
    yield from _scores("General reasoning", "general", sheets, contents)
    yield from _tables("Data efficiency", ["efficiency"], sheets, contents)
    yield from _tables("All benchmarks together", ["aggregates"], sheets, contents)
    yield from _tables("Answers", ["secondary", "conduct"], sheets, contents)
    yield from _tables("Contamination", ["overlaps"], sheets, contents)
    yield from _tables("Published figures", ["published"], sheets, contents)
    yield from _tables(_protocol_title(contents), ["protocol", "shared-settings"], sheets, contents)
    yield _figures(contents)
    yield _times(contents)
    yield _versions(contents)
    yield f"## Suite\n\n{_fenced(visible_text(results.suite_text), 'yaml')}"


def _missing(contents: Contents) -> str:
    missing = contents.results.missing
    if not missing:
        return ""
    rows = [[markdown_cell(stage), markdown_cell(reason)] for stage, reason in missing.items()]
    more = len(rows) - MAX_ROWS
    table = markdown_table(["stage", "reason"], rows[:MAX_ROWS], [True, True])
    table += f"\n\n{more:,} more are listed on the page." if more > 0 else ""
    return f"**Incomplete: {len(missing):,} missing.** The figures below leave these out.\n\n{table}"


def _scores(title: str, section: str, sheets: Sheets, contents: Contents) -> Iterator[str]:
    """The arms; with several methods a row a method, and the arms in their CSV file alone."""
    methods, arms = sheets.get(f"{section}-methods"), sheets.get(f"{section}-arms")
    main = methods or arms
    if main is None:
        return
    yield f"## {title}"
    yield _table(main, contents)
    if methods is not None:
        yield "Every arm at every budget, with the intervals of the scores: [comparison.csv](comparison.csv)."


def _tables(title: str, names: Sequence[str], sheets: Sheets, contents: Contents) -> Iterator[str]:
    """Those of the tables that have rows, under a heading."""
    found = [sheets[name] for name in names if name in sheets]
    if found and title:
        yield f"## {markdown_text(title)}"
    for sheet in found:
        table = _table(sheet, contents)
        yield _folded(sheet.label, table) if sheet.folded else table


def _table(sheet: Sheet, contents: Contents) -> str:
    """A table with its caption, its notes and what was left out of it."""
    narrow, fewer_columns = narrowed(sheet)
    short, fewer_rows = head_of(narrow, MAX_ROWS)
    table = markdown_table(
        _head(short),
        (list(map(_cell, row)) for row in short.rows),
        [column.kind != "number" for column in short.columns],
    )
    notes = (sheet.caption, *notes_on(sheet, contents), fewer_columns, fewer_rows)
    return "\n\n".join([table, *(markdown_text(note) for note in notes if note)])


def _head(sheet: Sheet) -> list[str]:
    """The headings, that of a group before the first of its columns."""
    titles = {first: f"{title}: " for title, first, _ in sheet.groups if title}
    return [
        markdown_cell(titles.get(number, "") + column.title) for number, column in enumerate(sheet.columns)
    ]


def _cell(cell: Cell) -> str:
    text, small = markdown_cell(cell.text), markdown_cell(cell.small)
    return " ".join(filter(None, (f"**{text}**" if cell.bold else text, small)))


def _folded(label: str, text: str) -> str:
    return f"<details><summary>{markdown_text(label)}</summary>\n\n{text}\n\n</details>"


def _image(title: str, file: str) -> str:
    return f"![{markdown_text(title)}]({file})"


def _figures(contents: Contents) -> str:
    """The figures after the main one."""
    images = [_image(picture.title, f"figures/{picture.name}.png") for picture in contents.pictures[1:]]
    return "\n\n".join(["## Figures", *images]) if images else ""


def _protocol_title(contents: Contents) -> str:
    name = contents.results.protocol
    return f"Protocol: {name}" if name else "Protocol"


def _times(contents: Contents) -> str:
    if not contents.times:
        return ""
    rows = [
        [
            markdown_cell(row.kind),
            markdown_cell(row.part),
            row.stages,
            row.seconds,
            f"{100 * row.share:.1f} %",
        ]
        for row in contents.times
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
