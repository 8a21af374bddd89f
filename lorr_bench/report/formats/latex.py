"""The tables of a report in LaTeX, in the style of booktabs, to be put into a paper."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from lorr_bench.report.contents import Contents
from lorr_bench.report.formats.table_parts import column_slices, first_groups, first_rows, row_slices
from lorr_bench.report.formatting import MINUS, MISSING
from lorr_bench.report.table import Cell, ColumnGroup, Table

ROWS_PER_PART: Final = 40
"""Rows that fit on a page; of two lines each, half of them."""
MAX_ROWS: Final = 120
COLUMNS_PER_PART: Final = 7
"""Columns in groups that fit on a line in print."""
FLOATS_PER_BATCH: Final = 10
LONG_TEXT: Final = 40
"""Letters from which on a column is broken into lines."""
PAPER: Final = "paper"
"""Name of the table that is made for a column of a paper."""
PREAMBLE: Final = r"""% Tables of a report by lorr-bench. In the preamble of your document:
%   \usepackage[T1]{fontenc}
%   \usepackage{booktabs}
%   \usepackage{graphicx}
% and where the tables shall stand:
%   \input{tables}
"""
SYMBOLS: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedblright{}",
    "`": r"\textasciigrave{}",
    # After the end of a row these two would begin an argument.
    "[": "{[}",
    "*": "{*}",
    MINUS: "$-$",
    MISSING: r"\textendash{}",
    "—": r"\textemdash{}",
    "…": r"\ldots{}",
    "\N{LEFT SINGLE QUOTATION MARK}": r"\textquoteleft{}",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "†": r"\textdagger{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "÷": r"$\div$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "∞": r"$\infty$",
    "→": r"$\to$",
    "√": r"$\surd$",
    "°": r"$^\circ$",
    "Δ": r"$\Delta$",
    "Σ": r"$\Sigma$",
    "Ω": r"$\Omega$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "δ": r"$\delta$",
    "ε": r"$\varepsilon$",
    "θ": r"$\theta$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "µ": r"$\mu$",
    "π": r"$\pi$",
    "ρ": r"$\rho$",
    "σ": r"$\sigma$",
    "τ": r"$\tau$",
    "φ": r"$\varphi$",
    "ω": r"$\omega$",
    "ℓ": r"$\ell$",
}
"""What stands for characters that LaTeX reads as commands, joins, or does not know."""
LIGATURES: Final = re.compile(r"([-,'])(?=\1)")
"""The first of two characters that LaTeX would join to another one, such as two hyphens to a dash."""
LETTERS: Final = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")
"""Letters beyond ASCII that LaTeX knows in every encoding of its fonts."""


def latex_report(contents: Contents) -> str:
    """Every table of the report, each an environment of its own; long ones in parts, very long ones cut."""
    tables = [
        part
        for table in contents.tables
        for part in (_narrow(table) if table.name == PAPER else _parts(table))
    ]
    # LaTeX holds a limited number of floats until they can be set on a page; a cleared page empties them.
    batches = [
        "\n".join(tables[start : start + FLOATS_PER_BATCH])
        for start in range(0, len(tables), FLOATS_PER_BATCH)
    ]
    return PREAMBLE + "\n" + "\n\\clearpage\n\n".join(batches)


def latex_text(text: str) -> str:
    """Text that LaTeX prints as it is, on one line, also as the cell of a table."""
    return LIGATURES.sub(r"\1{}", "".join(map(_symbol, " ".join(text.split()))))


def latex_table(table: Table, notes: Sequence[str] = ()) -> str:
    """One table with its caption above and its notes below it; no wider than the line."""
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{latex_text(f'{table.heading}. {table.caption}')}}}",
        rf"\label{{tab:{''.join(letter if letter.isalnum() else '-' for letter in table.name)}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{_alignment(table)}}}",
        r"\toprule",
        *_head(table),
        r"\midrule",
        *_body(table),
        r"\bottomrule",
        r"\end{tabular}}",
        *(rf"\par\smallskip{{\footnotesize\raggedright {latex_text(note)}\par}}" for note in notes if note),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _narrow(table: Table) -> list[str]:
    """The table of a paper within a column: its benchmarks under each other, in floats of a page each.

    A column of a paper has 3.3 inches: a name and three numbers.
    """
    panels = column_slices(table, 1) if table.grouped else [table]
    floats: list[list[Table]] = [[]]
    for panel in panels:
        if floats[-1] and sum(len(each.rows) + 2 for each in (*floats[-1], panel)) > ROWS_PER_PART:
            floats.append([])
        floats[-1].append(panel)
    last = len(floats)
    return [
        _narrow_float(
            replace(
                table,
                part="" if last == 1 else f"{number}",
                heading=table.heading if last == 1 else f"{table.heading} (part {number} of {last})",
            ),
            some,
        )
        for number, some in enumerate(floats, 1)
    ]


def _narrow_float(table: Table, panels: Sequence[Table]) -> str:
    """Panels under each other, each under the name of its benchmark, in the size of footnotes."""
    columns = panels[0].columns
    lines = [
        r"\begin{table}[htbp]",
        r"\centering\footnotesize",
        r"\setlength{\tabcolsep}{2.5pt}",
        rf"\caption{{{latex_text(f'{table.heading}. {table.caption}')}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{@{{}}{'l' + 'r' * (len(columns) - 1)}@{{}}}}",
        r"\toprule",
        _row(latex_text(column.title) for column in columns),
    ]
    for panel in panels:
        lines.append(r"\midrule")
        heading = next((group.heading for group in panel.groups if group.lines), "")
        if heading:
            lines.append(
                rf"\multicolumn{{{len(columns)}}}{{@{{}}l@{{}}}}{{\textit{{{latex_text(heading)}}}}} \\"
            )
        lines += map(_narrow_row if not heading else _beside_row, panel.rows)
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def _parts(table: Table) -> list[str]:
    """The table in parts of a page each, the notes below the last."""
    narrow, fewer_columns = first_groups(table)
    short, fewer_rows = first_rows(narrow, MAX_ROWS)
    rows = ROWS_PER_PART // 2 if table.grouped else ROWS_PER_PART
    parts = [part for some in column_slices(short, COLUMNS_PER_PART) for part in row_slices(some, rows)]
    notes = (*table.notes, fewer_columns, fewer_rows)
    if len(parts) == 1:
        return [latex_table(parts[0], notes)]
    last = len(parts)
    return [
        latex_table(
            replace(
                part,
                part=f"{part.part}-{number}" if part.part else f"{number}",
                heading=f"{part.heading} (part {number} of {last})",
            ),
            notes if number == last else (),
        )
        for number, part in enumerate(parts, start=1)
    ]


def _symbol(character: str) -> str:
    """One character as LaTeX: itself, what stands for it, its letter without accents, or its code point."""
    if character in SYMBOLS:
        return SYMBOLS[character]
    if " " <= character <= "~" or character in LETTERS:
        return character
    plain = [letter for letter in unicodedata.normalize("NFKD", character) if " " <= letter <= "~"]
    return "".join(SYMBOLS.get(letter, letter) for letter in plain) or rf"\texttt{{U+{ord(character):04X}}}"


def _alignment(table: Table) -> str:
    """Numbers right, texts left, long texts on several lines."""
    longest = [max(len(row[number].text) for row in table.rows) for number in range(len(table.columns))]
    return "".join(
        "r" if column.kind == "number" else "l" if length <= LONG_TEXT else "p{14em}"
        for column, length in zip(table.columns, longest, strict=True)
    )


def _head(table: Table) -> Iterator[str]:
    """The headings, those of groups over a rule of their own."""
    if table.grouped:
        yield _row(map(_group_heading, table.groups))
        yield " ".join(
            rf"\cmidrule(lr){{{group.first + 1}-{group.first + group.count}}}"
            for group in table.groups
            if group.lines
        )
    yield _row(latex_text(column.title) for column in table.columns)


def _group_heading(group: ColumnGroup) -> str:
    """The lines over each other, over the columns of the group."""
    if not group.lines:
        return ""
    lines = r" \\ ".join(map(latex_text, group.lines))
    return rf"\multicolumn{{{group.count}}}{{c}}{{\begin{{tabular}}{{c}}{lines}\end{{tabular}}}}"


def _body(table: Table) -> Iterator[str]:
    for number, cells in enumerate(table.rows):
        if number in table.breaks:
            yield r"\addlinespace"
        # Between rows of two lines each some space.
        yield _row(_cell(cell, stacked=table.grouped) for cell in cells) + ("[2pt]" if table.grouped else "")


def _beside_row(cells: Sequence[Cell]) -> str:
    """A row with what is small beside the text."""
    return _row(_cell(cell, stacked=False) for cell in cells)


def _narrow_row(cells: Sequence[Cell]) -> str:
    """A row of two lines, the first cell's at the left."""
    first, *others = cells
    return (
        _row([_cell(first, stacked=True, side="l"), *(_cell(cell, stacked=True) for cell in others)])
        + "[2pt]"
    )


def _cell(cell: Cell, *, stacked: bool, side: str = "r") -> str:
    """Text and what stands small beneath it; beside it where the table has space."""
    text = latex_text(cell.text)
    text = rf"\textbf{{{text}}}" if cell.bold else text
    if not cell.small:
        return text
    small = latex_text(cell.small)
    if not stacked:
        return f"{text} {small}"
    return rf"\begin{{tabular}}[t]{{@{{}}{side}@{{}}}}{text}\\[-2pt]\scriptsize {small}\end{{tabular}}"


def _row(cells: Iterable[str]) -> str:
    return rf"{' & '.join(cells)} \\"
