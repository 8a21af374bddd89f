"""Everything a report shows, computed once and written in several forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lorr_bench.report.contrasts import contrast_table
from lorr_bench.report.figures.draw import draw_all, pdf_bytes, png_bytes, svg_text
from lorr_bench.report.measures import GENERAL, MATH, Measure, reported_measures
from lorr_bench.report.sentences import captions, held_equal, verdicts
from lorr_bench.report.sheets import Sheet
from lorr_bench.report.tables.aggregates import aggregate_sheet, aggregate_table
from lorr_bench.report.tables.comparison import comparison, comparison_sheet
from lorr_bench.report.tables.conduct import conduct_sheet, conduct_table
from lorr_bench.report.tables.contrasts import declared_sheet, other_sheet
from lorr_bench.report.tables.diagnostics import diagnostic_table, diagnostics_sheet
from lorr_bench.report.tables.efficiency import efficiency_sheet, efficiency_table
from lorr_bench.report.tables.ledger import ledger, ledger_sheet
from lorr_bench.report.tables.methods import method_table, methods_sheet
from lorr_bench.report.tables.overlaps import overlap_sheet, overlap_table
from lorr_bench.report.tables.protocol import protocol_sheet, protocol_table, shared_settings_sheet
from lorr_bench.report.tables.published import published_sheet, published_table
from lorr_bench.report.tables.scores import score_table
from lorr_bench.report.tables.secondary import secondary_sheet, secondary_table
from lorr_bench.report.tables.seconds import TimeRow, seconds_rows
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
class Contents:
    """The computed contents of a report: frames for files, sheets and sentences for reading.

    Attributes:
        results: What everything is computed from.
        tables: The frames.
        sheets: The tables that have rows, those first that need room on the page most.
        pictures: The figures; the first is the main one.
        headlines: The verdict on what was declared beforehand, and what the controls say.
        compared: What was compared.
        held_equal: What was held equal, and the ratios of what was not.
        caution: What a single seed can't tell; empty where there are more.
        power: What the math table and then the general one could have shown; empty where there is no table.
        footnotes: Why scores are missing, one line a reason.
        times: Where the seconds went.
    """

    results: Results
    tables: Tables
    sheets: tuple[Sheet, ...]
    pictures: tuple[Picture, ...]
    headlines: tuple[str, ...]
    compared: str
    held_equal: str
    caution: str
    power: tuple[str, str]
    footnotes: tuple[str, ...]
    times: tuple[TimeRow, ...]

    @property
    def picture(self) -> Picture:
        """The main figure."""
        return self.pictures[0]


def compute(results: Results) -> Contents:
    """Tables, sentences and figures of these results."""
    frames = _frames(results)
    return Contents(
        results=results,
        tables=frames,
        sheets=tuple(sheet for sheet in _sheets(results, frames) if sheet.rows),
        pictures=tuple(_pictures(results, frames)),
        headlines=verdicts.headlines(results, frames.contrasts, frames.comparison),
        compared=captions.compared_line(results),
        held_equal=held_equal.held_equal_line(results, frames.ledger),
        caution=captions.seed_caution(frames.comparison),
        power=(
            captions.power_line(frames.contrasts, MATH),
            captions.power_line(frames.contrasts, GENERAL),
        ),
        footnotes=captions.footnotes(results),
        times=seconds_rows(results),
    )


def _frames(results: Results) -> Tables:
    contrasts = contrast_table(results)
    scores = comparison(results, contrasts)
    return Tables(
        contrasts=contrasts,
        comparison=scores,
        methods=method_table(results, scores),
        ledger=ledger(results),
        scores=score_table(results),
        diagnostics=diagnostic_table(results),
        secondary=secondary_table(results, scores),
        conduct=conduct_table(results),
        efficiency=efficiency_table(results),
        aggregates=aggregate_table(results),
        overlaps=overlap_table(results),
        published=published_table(results, scores),
        protocol=protocol_table(results),
    )


def _sheets(results: Results, frames: Tables) -> Iterator[Sheet]:
    """Every table; those that the results have nothing for have no rows."""
    measures = reported_measures(results)
    math = [measure for measure in measures if measure.kind != GENERAL]
    general = [measure for measure in measures if measure.kind == GENERAL]
    yield declared_sheet(frames.contrasts)
    yield from _score_sheets("comparison", "Comparison", results, frames, math)
    yield from _score_sheets("general", "General reasoning", results, frames, general)
    yield other_sheet(results, frames.contrasts)
    yield efficiency_sheet(frames.efficiency)
    yield aggregate_sheet(results, frames.aggregates)
    yield secondary_sheet(frames.secondary)
    yield conduct_sheet(frames.conduct)
    yield ledger_sheet(results, frames.ledger)
    yield diagnostics_sheet(results)
    yield published_sheet(frames.published)
    yield overlap_sheet(results)
    yield protocol_sheet(results)
    yield shared_settings_sheet(results)


def _score_sheets(
    name: str, label: str, results: Results, frames: Tables, measures: list[Measure]
) -> Iterator[Sheet]:
    """The methods on these measures where there are several, and every arm."""
    scores = frames.comparison
    caption = captions.comparison_caption(results, scores, frames.contrasts)
    of_methods = f"{label} of the methods"
    methods = methods_sheet(f"{name}-methods", of_methods, results, scores, measures, caption=caption)
    yield methods
    yield comparison_sheet(f"{name}-arms", scores, measures, caption, main=not methods.rows)


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
