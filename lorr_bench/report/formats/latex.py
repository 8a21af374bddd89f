"""The tables of a report in LaTeX, in the style of booktabs, to be put into a paper."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from lorr_bench.report.cells import MINUS, NONE
from lorr_bench.report.contents import Contents
from lorr_bench.report.formats.shortened import column_slices, head_of, narrowed, notes_on, row_slices
from lorr_bench.report.sheets import Cell, Sheet

ROWS_A_PART: Final = 40
"""Rows that fit on a page; of two lines each, half of them."""
MAX_ROWS: Final = 120
COLUMNS_A_PART: Final = 7
"""Columns in groups that fit on a line in print."""
FLOATS: Final = 10
LONG_TEXT: Final = 40
"""Letters from which on a column is broken into lines."""
PREAMBLE: Final = r"""% Tables of a report by lorr-bench. In the preamble of your document:
%   \usepackage[T1]{fontenc}
%   \usepackage{booktabs}
%   \usepackage{graphicx}
% and where the tables shall stand:
%   \input{tables}
"""
SYMBOLS: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedblright{}", "`": r"\textasciigrave{}",
    # After the end of a row these two would begin an argument.
    "[": "{[}", "*": "{*}",
    MINUS: "$-$", NONE: r"\textendash{}", "—": r"\textemdash{}", "…": r"\ldots{}",
    "\N{LEFT SINGLE QUOTATION MARK}": r"\textquoteleft{}", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "“": r"\textquotedblleft{}", "”": r"\textquotedblright{}",
    "†": r"\textdagger{}",
    "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "÷": r"$\div$", "≤": r"$\leq$", "≥": r"$\geq$",
    "≠": r"$\neq$", "≈": r"$\approx$", "∞": r"$\infty$", "→": r"$\to$", "√": r"$\radical$", "°": r"$^\circ$",
    "Δ": r"$\Delta$", "Σ": r"$\Sigma$", "Ω": r"$\Omega$", "α": r"$\alpha$", "β": r"$\beta$",
    "γ": r"$\gamma$", "δ": r"$\delta$", "ε": r"$\varepsilon$", "θ": r"$\theta$", "λ": r"$\lambda$",
    "μ": r"$\mu$", "µ": r"$\mu$", "π": r"$\pi$", "ρ": r"$\rho$", "σ": r"$\sigma$", "τ": r"$\tau$",
    "φ": r"$\varphi$", "ω": r"$\omega$", "ℓ": r"$\ell$",
}  # fmt: skip
"""What stands for characters that LaTeX reads as commands, joins, or does not know."""
LIGATURES: Final = re.compile(r"([-,'])(?=\1)")
"""The first of two characters that LaTeX would join to another one, such as two hyphens to a dash."""
LETTERS: Final = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿ")
"""Letters beyond ASCII that LaTeX knows in every encoding of its fonts."""


def latex_report(contents: Contents) -> str:
    """Every table of the report, each an environment of its own; long ones in parts, very long ones cut."""
    tables = [part for sheet in contents.sheets for part in _parts(sheet, contents)]
    # LaTeX holds a limited number of floats until there is room for them.
    batches = ["\n".join(tables[start : start + FLOATS]) for start in range(0, len(tables), FLOATS)]
    return PREAMBLE + "\n" + "\n\\clearpage\n\n".join(batches)


def latex_text(text: str) -> str:
    """Text that LaTeX prints as it is, on one line, also as the cell of a table."""
    return LIGATURES.sub(r"\1{}", "".join(map(_symbol, " ".join(text.split()))))


def latex_table(sheet: Sheet, notes: Sequence[str] = ()) -> str:
    """One table with its caption above and its notes below it; no wider than the line."""
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{latex_text(f'{sheet.label}. {sheet.caption}')}}}",
        rf"\label{{tab:{''.join(letter if letter.isalnum() else '-' for letter in sheet.name)}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{_alignment(sheet)}}}",
        r"\toprule",
        *_head(sheet),
        r"\midrule",
        *_body(sheet),
        r"\bottomrule",
        r"\end{tabular}}",
        *(rf"\par\smallskip{{\footnotesize\raggedright {latex_text(note)}\par}}" for note in notes if note),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _parts(sheet: Sheet, contents: Contents) -> list[str]:
    """The table in parts of a page each, the notes below the last."""
    narrow, fewer_columns = narrowed(sheet)
    short, fewer_rows = head_of(narrow, MAX_ROWS)
    rows = ROWS_A_PART // 2 if sheet.grouped else ROWS_A_PART
    parts = [part for some in column_slices(short, COLUMNS_A_PART) for part in row_slices(some, rows)]
    notes = (*notes_on(sheet, contents), fewer_columns, fewer_rows)
    if len(parts) == 1:
        return [latex_table(parts[0], notes)]
    last = len(parts)
    return [
        latex_table(
            replace(part, name=f"{part.name}-{number}", label=f"{part.label} (part {number} of {last})"),
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


def _alignment(sheet: Sheet) -> str:
    """Numbers right, texts left, long texts on several lines."""
    longest = [max(len(row[number].text) for row in sheet.rows) for number in range(len(sheet.columns))]
    return "".join(
        "r" if column.kind == "number" else "l" if length <= LONG_TEXT else "p{14em}"
        for column, length in zip(sheet.columns, longest, strict=True)
    )


def _head(sheet: Sheet) -> Iterator[str]:
    """The headings, those of groups over a rule of their own."""
    if sheet.grouped:
        yield _row(_group_heading(title, count) for title, _, count in sheet.groups)
        yield " ".join(
            rf"\cmidrule(lr){{{first + 1}-{first + count}}}" for title, first, count in sheet.groups if title
        )
    yield _row(latex_text(column.title) for column in sheet.columns)


def _group_heading(title: str, columns: int) -> str:
    """Benchmark over metric, over the columns of a measure."""
    lines = r" \\ ".join(map(latex_text, title.split(" · ")))
    return rf"\multicolumn{{{columns}}}{{c}}{{\begin{{tabular}}{{c}}{lines}\end{{tabular}}}}" if title else ""


def _body(sheet: Sheet) -> Iterator[str]:
    for number, cells in enumerate(sheet.rows):
        if number in sheet.breaks:
            yield r"\addlinespace"
        # Between rows of two lines each some room.
        yield _row(_cell(cell, stacked=sheet.grouped) for cell in cells) + ("[2pt]" if sheet.grouped else "")


def _cell(cell: Cell, *, stacked: bool) -> str:
    """Text and what stands small beneath it; beside it where the table has room."""
    text = latex_text(cell.text)
    text = rf"\textbf{{{text}}}" if cell.bold else text
    if not cell.small:
        return text
    small = latex_text(cell.small)
    if not stacked:
        return f"{text} {small}"
    return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{text}\\[-2pt]\scriptsize {small}\end{{tabular}}"


def _row(cells: Iterable[str]) -> str:
    return rf"{' & '.join(cells)} \\"
