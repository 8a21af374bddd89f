"""What a grid of settings came to: for each plug-in and budget the best one, and the whole grid, as Markdown.

The suite names one method a try, ``beta<β>_lr<rate>``; a point in a number is written ``p``. Chosen is the
try with the highest mean accuracy over the seeds; of equal ones the first.

    lorr-bench run suites/nano/tuning.yaml
    python benchmarks/tuning_table.py results/runs/nano_tuning/report/scores.csv
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean

Place = tuple[str, int]
"""Plug-in and unique pairs."""
Try = tuple[float, float]
"""β and learning rate."""


def accuracies(file: Path) -> dict[Place, dict[Try, list[float]]]:
    """Greedy accuracies, one a seed, by plug-in and budget, then by try in the order of the suite."""
    found: dict[Place, dict[Try, list[float]]] = defaultdict(lambda: defaultdict(list))
    with file.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            method, _, plugin = row["arm"].partition("+")
            if plugin and row["metric"] == "greedy":
                place = plugin, int(row["unique_pairs"])
                found[place][settings(method)].append(float(row["value"]))
    return found


def settings(method: str) -> Try:
    """``beta0p5_lr1e-4`` to 0.5 and 1e-4."""
    beta, _, rate = method.partition("_lr")
    return float(beta.removeprefix("beta").replace("p", ".")), float(rate)


def best(tries: Mapping[Try, list[float]]) -> Try:
    """The try with the highest mean accuracy; of equal ones the first."""
    return max(tries, key=lambda each: fmean(tries[each]))


def in_percent(rate: float) -> str:
    """0.0003 to ``3e-4``."""
    return f"{rate:.0e}".replace("e-0", "e-")


def lines(found: Mapping[Place, Mapping[Try, list[float]]]) -> Iterator[str]:
    """The two tables."""
    yield "| arm | pairs | tries | seeds | β | learning rate | accuracy (%) |"
    yield "|:--|--:|--:|--:|--:|--:|--:|"
    for (plugin, pairs), tries in found.items():
        beta, rate = chosen = best(tries)
        accuracy = 100 * fmean(tries[chosen])
        yield (
            f"| {plugin} | {pairs:,} | {len(tries)} | {len(tries[chosen])} | {beta:g} | {in_percent(rate)} | "
            f"{accuracy:.1f} |"
        )
    rates = sorted({rate for tries in found.values() for _, rate in tries})
    yield ""
    yield f"| arm | pairs | β | {' | '.join(f'{in_percent(rate)}' for rate in rates)} |"
    yield f"|:--|--:|--:|{'--:|' * len(rates)}"
    for (plugin, pairs), tries in found.items():
        for beta in sorted({beta for beta, _ in tries}):
            cells = [f"{100 * fmean(tries[beta, rate]):.1f}" for rate in rates]
            yield f"| {plugin} | {pairs:,} | {beta:g} | {' | '.join(cells)} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scores", type=Path, help="scores.csv of the report")
    print("\n".join(lines(accuracies(parser.parse_args().scores))))


if __name__ == "__main__":
    main()
