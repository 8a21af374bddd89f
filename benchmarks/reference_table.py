"""Our published figures, the paper's claims and others' evaluations side by side, and what can be compared.

Written into docs/reference-figures.md; a test fails while that page has other tables.

    python benchmarks/reference_table.py
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
START_MODELS: Final = ("Qwen2.5-Math-7B (base)", "Llama-3-8B-Instruct")
"""What the other models of a study were trained from."""
NO_START: Final = "no: the study has no start model that was measured in the same way"
ROLES: Final = ("primary", "sequence")
"""Contrasts that were declared before anything ran."""

Row = Mapping[str, str]


def rows_of(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def claims(root: Path = ROOT) -> Iterator[str]:
    """What the paper claims, in words, and which suite asks it."""
    yield "| claim | source | asked by | can be compared? |"
    yield "|:--|:--|:--|:--|"
    for row in rows_of(root / "results" / "reference" / "claims.csv"):
        suite = row["suite"]
        asked = f"`{suite}`" if suite else "no suite yet"
        is_run = suite and (root / "results" / "published" / suite / "contrasts.csv").exists()
        how = "in direction alone: the paper's figures are not at hand"
        if not is_run:
            how = "not yet: no run of it is published here"
        yield f"| {row['claim']} | {row['source']} | {asked} | {how} |"


def ours(root: Path = ROOT) -> Iterator[str]:
    """Every declared contrast that was published here."""
    known = {row["benchmark"] for row in rows_of(root / "results" / "reference" / "published.csv")}
    published = root / "results" / "published"
    yield "| published run | contrast | pairs | measure | reference | treatment | gain | can be compared? |"
    yield "|:--|:--|--:|:--|--:|--:|--:|:--|"
    for file in filter(_declares, sorted(published.rglob("contrasts.csv"))):
        name = file.parent.relative_to(published).as_posix()
        for row in rows_of(file):
            if row["role"] in ROLES:
                yield _our_row(name, row, known)


def _declares(contrasts: Path) -> bool:
    """Whether the suite of a published run names what it tests."""
    origin = contrasts.with_name("provenance.json")
    declarations = json.loads(origin.read_text("utf-8"))["declarations"]
    return any(declared["declared"] for declared in declarations[-1:])


def others(root: Path = ROOT) -> Iterator[str]:
    """What others printed, one row a model of a study; gains only over the study's own start model."""
    figures = rows_of(root / "results" / "reference" / "published.csv")
    starts = {_conditions(row): row for row in figures if row["model"] in START_MODELS}
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in figures:
        if row["model"] not in START_MODELS:
            start = starts.get(_conditions(row))
            why = f"the gains, with other gains of {row['study']}" if start else NO_START
            key = (row["study"], row["model"], row["labels"], row["metric"], why)
            groups.setdefault(key, []).append(_score(row, start))
    yield "| study | model | labels | metric | score, and gain over the start model | can be compared? |"
    yield "|:--|:--|:--|:--|:--|:--|"
    for (*named, why), scores in groups.items():
        yield f"| {' | '.join(named)} | {'; '.join(scores)} | {why} |"


def lines(root: Path = ROOT) -> Iterator[str]:
    """The three tables."""
    for heading, table in (
        ("What the paper claims", claims(root)),
        ("What this project measured", ours(root)),
        ("What others printed", others(root)),
    ):
        yield from ("", f"## {heading}", "", *table)


def _our_row(name: str, row: Row, known: Iterable[str]) -> str:
    means = [percent(row[key]) for key in ("reference_mean", "treatment_mean")]
    ends = ", ".join(points(row[f"difference_{end}"]) for end in ("low", "high"))
    gain = f"{points(row['difference'])} [{ends}]"
    why = "with runs of this project alone: no one else has the benchmark"
    if row["benchmark"] in known:
        why = "gains, with those of a study that evaluated in the same way"
    pairs = f"{int(row['unique_pairs']):,}"
    measure = f"{row['benchmark']} {row['metric']}"
    cells = (f"`{name}`", contrast_name(row), pairs, measure, *means, gain, why)
    return f"| {' | '.join(cells)} |"


def contrast_name(row: Row) -> str:
    """``lorr - plain``, with the budget of each where the contrast names them."""
    sides = (row["treatment"], row["unique_pairs"]), (row["reference"], row.get("reference_pairs"))
    return " - ".join(f"{arm}@{pairs}" if names_budgets(row) else arm for arm, pairs in sides)


def names_budgets(row: Row) -> bool:
    """Whether a contrast names the budget of each side."""
    return row.get("named_budgets") == "True"


def _score(row: Row, start: Row | None) -> str:
    """``math500 74.8 (+10.0)``."""
    gain = f" ({float(row['value']) - float(start['value']):+.1f})" if start else ""
    return f"{row['benchmark']} {row['value']}{gain}"


def _conditions(row: Row) -> tuple[str, ...]:
    """What has to be the same for a score to be set against that of the start model."""
    return tuple(row[name] for name in ("study", "benchmark", "metric", "protocol"))


def percent(share: str) -> str:
    """A share in per cent; a dash where there is none."""
    return f"{round(100 * float(share), 9):.1f}" if share else "–"


def points(share: str) -> str:
    """A difference of shares in points, with its sign; a dash where there is none."""
    return f"{round(100 * float(share), 9):+.1f}" if share else "–"


def main() -> None:
    """Print the tables."""
    print("\n".join(lines()))


if __name__ == "__main__":
    main()
