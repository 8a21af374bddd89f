"""Everything a report shows, computed once and written in several forms."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lorr_bench.report import sentences, tables, views
from lorr_bench.report.figures import draw_curves, png_bytes, svg_text
from lorr_bench.report.measures import GENERAL, all_measures
from lorr_bench.values import Results


@dataclass(frozen=True, slots=True)
class Contents:
    """The computed contents of a report: frames for files, rows and sentences for reading."""

    results: Results
    comparison: pd.DataFrame
    ledger: pd.DataFrame
    scores: pd.DataFrame
    headlines: tuple[str, ...]
    compared: str
    held_equal: str
    caution: str
    math: views.ComparisonView
    general: views.ComparisonView
    spends: tuple[tuple[views.LedgerRow, ...], ...]
    times: tuple[views.TimeRow, ...]
    answers: tuple[views.ProblemView, ...]
    curves_png: bytes
    curves_svg: str


def compute(results: Results) -> Contents:
    """Tables, sentences and figures of these results."""
    comparison, ledger, scores = (
        tables.comparison(results),
        tables.ledger(results),
        tables.score_table(results),
    )
    measures = all_measures(results)
    figure = draw_curves(results, comparison, scores)
    return Contents(
        results=results,
        comparison=comparison,
        ledger=ledger,
        scores=scores,
        headlines=sentences.headlines(results, comparison),
        compared=sentences.compared_line(results),
        held_equal=sentences.held_equal_line(results, ledger),
        caution=sentences.seed_caution(comparison),
        math=views.comparison_view(comparison, [m for m in measures if m.kind != GENERAL]),
        general=views.comparison_view(comparison, [m for m in measures if m.kind == GENERAL]),
        spends=views.ledger_view(ledger, results.baseline),
        times=views.time_view(results),
        answers=views.answer_view(results),
        curves_png=png_bytes(figure),
        curves_svg=svg_text(figure),
    )
