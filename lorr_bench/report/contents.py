"""Everything a report shows, computed once and written in several forms."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lorr_bench.report import fairness, sentences, tables, views
from lorr_bench.report.arms import baseline_name, methods
from lorr_bench.report.figures import draw, png_bytes, svg_text
from lorr_bench.report.measures import GENERAL, all_measures
from lorr_bench.values import Results


@dataclass(frozen=True, slots=True)
class Tables:
    """The frames of a report."""

    comparison: pd.DataFrame
    methods: pd.DataFrame
    ledger: pd.DataFrame
    scores: pd.DataFrame
    diagnostics: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Picture:
    """The figure of a report in its forms, with its heading and what it shows in words."""

    title: str
    description: str
    png: bytes
    svg: str


@dataclass(frozen=True, slots=True)
class Scores:
    """The measures of one kind, arm by arm and method by method."""

    arms: views.ComparisonView
    methods: views.MethodsView


@dataclass(frozen=True, slots=True)
class Contents:
    """The computed contents of a report: frames for files, rows and sentences for reading.

    ``several`` says whether the suite has several methods, so that long tables fold away.
    """

    results: Results
    tables: Tables
    picture: Picture
    several: bool
    baseline: str
    headlines: tuple[str, ...]
    compared: str
    held_equal: str
    caution: str
    caption: str
    math: Scores
    general: Scores
    spends: tuple[tuple[views.LedgerRow, ...], ...]
    diagnostics: tuple[views.DiagnosticsView, ...]
    times: tuple[views.TimeRow, ...]
    answers: tuple[views.ProblemView, ...]


def compute(results: Results) -> Contents:
    """Tables, sentences and figures of these results."""
    frames = _tables(results)
    comparison = frames.comparison
    return Contents(
        results=results,
        tables=frames,
        picture=_picture(results, frames),
        several=len(methods(results)) > 1,
        baseline=baseline_name(results),
        headlines=sentences.headlines(results, comparison),
        compared=sentences.compared_line(results),
        held_equal=fairness.held_equal_line(results, frames.ledger),
        caution=sentences.seed_caution(comparison),
        caption=sentences.comparison_caption(results, comparison),
        math=_scores(results, comparison, general=False),
        general=_scores(results, comparison, general=True),
        spends=views.ledger_view(results, frames.ledger),
        diagnostics=views.diagnostics_view(results),
        times=views.time_view(results),
        answers=views.answer_view(results),
    )


def _tables(results: Results) -> Tables:
    comparison = tables.comparison(results)
    return Tables(
        comparison,
        tables.method_table(results, comparison),
        tables.ledger(results),
        tables.score_table(results),
        tables.diagnostic_table(results),
    )


def _picture(results: Results, frames: Tables) -> Picture:
    drawing = draw(results, frames.comparison, frames.scores)
    return Picture(drawing.title, drawing.description, png_bytes(drawing.figure), svg_text(drawing.figure))


def _scores(results: Results, comparison: pd.DataFrame, *, general: bool) -> Scores:
    measures = [measure for measure in all_measures(results) if (measure.kind == GENERAL) == general]
    return Scores(
        views.comparison_view(comparison, measures), views.methods_view(results, comparison, measures)
    )
