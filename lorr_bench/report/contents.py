"""Everything a report shows, computed once and written in several forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lorr_bench.report import (
    aggregates,
    answering,
    contamination,
    efficiency,
    literature,
    protocol,
    tables,
    views,
)
from lorr_bench.report.arms import baseline_name
from lorr_bench.report.contrasts import contrast_table
from lorr_bench.report.figures.draw import draw_all, pdf_bytes, png_bytes, svg_text
from lorr_bench.report.measures import GENERAL, MATH, reported_measures
from lorr_bench.report.rows import (
    AggregateRow,
    ConductRow,
    EfficiencyRow,
    OverlapRow,
    ProtocolRow,
    PublishedRow,
    SecondaryRow,
)
from lorr_bench.report.sentences import captions, held_equal, verdicts
from lorr_bench.values import Results


@dataclass(frozen=True, slots=True)
class Tables:
    """The frames of a report."""

    contrasts: pd.DataFrame
    comparison: pd.DataFrame
    methods: pd.DataFrame
    ledger: pd.DataFrame
    scores: pd.DataFrame
    diagnostics: pd.DataFrame
    secondary: pd.DataFrame
    conduct: pd.DataFrame
    efficiency: pd.DataFrame
    aggregates: pd.DataFrame
    overlaps: pd.DataFrame
    published: pd.DataFrame
    protocol: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of a report in its forms, with its heading and what it shows in words.

    Attributes:
        name: Of its files in ``figures/``.
        title: Its heading.
        description: What a reader who can't see it is told.
        png: The picture in points.
        svg: The picture in lines.
        pdf: The same, for print.
    """

    name: str
    title: str
    description: str
    png: bytes
    svg: str
    pdf: bytes


@dataclass(frozen=True, slots=True)
class Scores:
    """The measures of one kind, arm by arm and method by method."""

    arms: views.ComparisonView
    methods: views.MethodsView


@dataclass(frozen=True, slots=True)
class Contents:
    """The computed contents of a report: frames for files, rows and sentences for reading.

    Attributes:
        results: What everything is computed from.
        tables: The frames.
        pictures: The figures; the first is the main one.
        baseline: What the arms are compared with, as captions call it.
        headlines: The verdict on what was declared beforehand, and what the controls say.
        compared: What was compared.
        held_equal: What was held equal, and the ratios of what was not.
        caution: What a single seed can't tell; empty where there are more.
        caption: How to read a table of scores.
        power: What the math table and then the general one could have shown; empty where there is no table.
        footnotes: Why scores are missing, one line a reason.
        math: The scores on math benchmarks.
        general: The scores on general reasoning.
        secondary: Metrics of repeated answers that are not tested.
        conduct: Length and completeness of the answers.
        efficiency: How much data each arm needs; empty with fewer than two budgets.
        aggregates: Each arm over all benchmarks; empty with fewer than eight.
        overlaps: Contamination of the training prompts.
        published: Figures of others beside ours.
        protocols: How each benchmark was evaluated.
        spends: The ledger, those of one budget together.
        diagnostics: What was measured at the end of each replay.
        times: Where the seconds went.
        answers: Problems with the answers of several models.
    """

    results: Results
    tables: Tables
    pictures: tuple[Picture, ...]
    baseline: str
    headlines: tuple[str, ...]
    compared: str
    held_equal: str
    caution: str
    caption: str
    power: tuple[str, str]
    footnotes: tuple[str, ...]
    math: Scores
    general: Scores
    secondary: tuple[SecondaryRow, ...]
    conduct: tuple[ConductRow, ...]
    efficiency: tuple[EfficiencyRow, ...]
    aggregates: tuple[AggregateRow, ...]
    overlaps: tuple[OverlapRow, ...]
    published: tuple[PublishedRow, ...]
    protocols: tuple[ProtocolRow, ...]
    spends: tuple[tuple[views.LedgerRow, ...], ...]
    diagnostics: tuple[views.DiagnosticsView, ...]
    times: tuple[views.TimeRow, ...]
    answers: tuple[views.ProblemView, ...]

    @property
    def picture(self) -> Picture:
        """The main figure."""
        return self.pictures[0]


def compute(results: Results) -> Contents:
    """Tables, sentences and figures of these results."""
    frames = _tables(results)
    comparison = frames.comparison
    return Contents(
        results=results,
        tables=frames,
        pictures=tuple(_pictures(results, frames)),
        baseline=baseline_name(results),
        headlines=verdicts.headlines(results, frames.contrasts, comparison),
        compared=captions.compared_line(results),
        held_equal=held_equal.held_equal_line(results, frames.ledger),
        caution=captions.seed_caution(comparison),
        caption=captions.comparison_caption(results, comparison, frames.contrasts),
        power=(
            captions.power_line(frames.contrasts, MATH),
            captions.power_line(frames.contrasts, GENERAL),
        ),
        footnotes=captions.footnotes(results),
        math=_scores(results, comparison, general=False),
        general=_scores(results, comparison, general=True),
        secondary=answering.secondary_rows(frames.secondary),
        conduct=answering.conduct_rows(frames.conduct),
        efficiency=efficiency.efficiency_rows(frames.efficiency),
        aggregates=aggregates.aggregate_rows(frames.aggregates),
        overlaps=contamination.overlap_rows(results),
        published=literature.published_rows(frames.published),
        protocols=protocol.protocol_rows(results),
        spends=views.ledger_view(results, frames.ledger),
        diagnostics=views.diagnostics_view(results),
        times=views.time_view(results),
        answers=views.answer_view(results),
    )


def _tables(results: Results) -> Tables:
    contrasts = contrast_table(results)
    comparison = tables.comparison(results, contrasts)
    return Tables(
        contrasts,
        comparison,
        tables.method_table(results, comparison),
        tables.ledger(results),
        tables.score_table(results),
        tables.diagnostic_table(results),
        answering.secondary_table(results, comparison),
        answering.conduct_table(results),
        efficiency.efficiency_table(results),
        aggregates.aggregate_table(results),
        contamination.overlap_table(results),
        literature.published_table(results, comparison),
        protocol.protocol_table(results),
    )


def _pictures(results: Results, frames: Tables) -> Iterator[Picture]:
    for drawing in draw_all(results, frames):
        yield Picture(
            drawing.name,
            drawing.title,
            drawing.description,
            png_bytes(drawing.figure),
            svg_text(drawing.figure),
            pdf_bytes(drawing.figure),
        )


def _scores(results: Results, comparison: pd.DataFrame, *, general: bool) -> Scores:
    measures = [measure for measure in reported_measures(results) if (measure.kind == GENERAL) == general]
    return Scores(
        views.comparison_view(comparison, measures), views.methods_view(results, comparison, measures)
    )
