"""What was measured at the end of each replay."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from lorr_bench.report.formatting import decimals, percent
from lorr_bench.report.study import Study
from lorr_bench.report.table import ARM, Cell, Column, Table, breaks_between, text_cells
from lorr_bench.values import Point, Results

COLUMNS = ("arm", "unique_pairs", "seed", "replay", "name", "value")
DIAGNOSTICS = {
    "train_accuracy": ("accuracy, training pairs (%)", percent),
    "held_out_accuracy": ("accuracy, held-out pairs (%)", percent),
    "held_out_margin": ("margin, held-out pairs", decimals(3)),
    "logp_chosen": ("log-prob. of chosen", decimals(2)),
    "logp_rejected": ("log-prob. of rejected", decimals(2)),
    "kl_to_start": ("KL to start", decimals(4)),
    "effective_rank": ("effective rank", decimals(1)),
    "dormant_share": ("dormant units (%)", percent),
}
"""What is shown of a replay: heading and form of each."""
ADAPTIVE = {"reset_factor": ("α after it", decimals(2))}
"""What is shown besides where a signal decided on it."""
ADAPTIVE_CAPTION = "α after it: of the reset that a signal decided on; 1 is none. "


def diagnostic_frame(results: Results) -> pd.DataFrame:
    """Everything that was measured at the end of a replay, one value a row.

    Returns:
        Columns ``arm, unique_pairs, seed, replay, name, value``; replays are counted from 1.
    """
    rows = [
        (point.arm, point.unique_pairs, point.seed, replay, name, value)
        for point, replays in results.diagnostics.items()
        for replay, values in enumerate(replays, start=1)
        for name, value in values.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def diagnostic_table(study: Study) -> Table:
    """What was measured of each arm, at its largest budget and lowest seed."""
    diagnostics = study.results.diagnostics
    decided = any(
        name in values for replays in diagnostics.values() for values in replays for name in ADAPTIVE
    )
    shown = {**DIAGNOSTICS, **(ADAPTIVE if decided else {})}
    groups = [
        [_cells(shown, point, number, values) for number, values in enumerate(diagnostics[point], start=1)]
        for point in study.one_point_per_arm(_measured(study.results))
    ]
    headings = (Column(heading) for heading, _ in shown.values())
    return Table(
        section="diagnostics",
        heading="Every replay of every arm",
        caption=(
            "The model at the end of each replay, before its reset: largest budget and first seed of each "
            "arm. Accuracy and margin are of the implicit reward, against the model that training started "
            f"from. {ADAPTIVE_CAPTION if decided else ''}Everything measured, of all seeds and budgets, is "
            "in diagnostics.csv."
        ),
        columns=(ARM, Column("pairs"), Column("seed"), Column("replay", choice=True), *headings),
        rows=tuple(row for group in groups for row in group),
        file="diagnostics.csv",
        breaks=breaks_between(groups),
    )


def _measured(results: Results) -> Iterator[Point]:
    """The models of which something was measured that is shown."""
    for point, replays in results.diagnostics.items():
        if any(name in values for values in replays for name in (*DIAGNOSTICS, *ADAPTIVE)):
            yield point


def _cells(
    shown: Mapping[str, tuple[str, Callable[[float], str]]],
    point: Point,
    number: int,
    values: Mapping[str, float],
) -> tuple[Cell, ...]:
    texts = (form(values.get(name, math.nan)) for name, (_, form) in shown.items())
    return text_cells(point.arm, f"{point.unique_pairs:,}", f"{point.seed}", f"{number}", *texts)
