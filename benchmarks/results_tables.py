"""The tables of docs/results.md, from the folders that ``lorr-bench publish`` wrote.

A line ``<!-- scores NAME -->`` or ``<!-- contrasts NAME -->`` of the page is followed by the table, up to the
next empty line. A test fails while the page has other figures than the folders.

    python benchmarks/results_tables.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reference_table import ROLES, Row, contrast_name, names_budgets, percent, points, rows_of

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "results.md"
MARK: Final = re.compile(r"^<!-- (scores|contrasts) (\S+) -->$")


def scores(folder: Path) -> Iterator[str]:
    """Mean accuracy of every arm over seeds and problems, and the updates that it took.

    Args:
        folder: Of a published run.
    """
    updates = {
        (row["arm"], row["budget_pairs"]): row["optimizer_steps"] for row in rows_of(folder / "ledger.csv")
    }
    yield "| arm | pairs | seeds | score (%) | 95 % interval | updates |"
    yield "|:--|--:|--:|--:|:--|--:|"
    for row in rows_of(folder / "comparison.csv"):
        if row["kind"] != "math":
            continue
        made = updates.get((row["arm"], row["unique_pairs"]))
        trained = (f"{int(row['unique_pairs']):,}", row["seeds"]) if made else ("–", "–")
        interval = f"{percent(row['low'])} to {percent(row['high'])}"
        steps = f"{float(made):,.0f}" if made else "–"
        yield f"| {row['arm']} | {' | '.join(trained)} | {percent(row['mean'])} | {interval} | {steps} |"


def contrasts(folder: Path) -> Iterator[str]:
    """What was declared to be tested, and what came of it; with the budget where there are several.

    Args:
        folder: Of a published run.
    """
    declared = [row for row in rows_of(folder / "contrasts.csv") if row["role"] in ROLES]
    several = len({row["unique_pairs"] for row in declared if not names_budgets(row)}) > 1
    yield "| declared contrast | difference (points) | 95 % interval | corrected p | |"
    yield "|:--|--:|:--|--:|:--|"
    for row in declared:
        budget = f", {int(row['unique_pairs']):,} pairs" if several and not names_budgets(row) else ""
        cells = (
            f"{contrast_name(row)}{budget}",
            points(row["difference"]),
            f"{points(row['difference_low'])} to {points(row['difference_high'])}",
            _p(row["p_holm"]),
            _word(row),
        )
        yield f"| {' | '.join(cells)} |"


def _word(row: Row) -> str:
    """How the report names the outcome."""
    significant = row["significant"] == "True"
    if row.get("equivalent") != "True":
        return "significant" if significant else "not shown"
    within = f"within ±{100 * float(row['equivalence_margin']):.1f} points"
    return f"significant, but {within}" if significant else f"equivalent {within}"


def page(text: str, root: Path = ROOT) -> str:
    """The page with the tables of today.

    Args:
        text: Of the page.
        root: Of the checkout.
    """
    lines, old = [], False
    for line in text.splitlines():
        old = old and bool(line)
        if not old:
            lines.append(line)
        if found := MARK.match(line):
            make = {"scores": scores, "contrasts": contrasts}[found[1]]
            lines += make(root / "results" / "published" / found[2])
            old = True
    return "\n".join(lines) + "\n"


def _p(value: str) -> str:
    if not value:
        return "–"
    return "< 0.001" if float(value) < 0.001 else f"{float(value):.3f}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
