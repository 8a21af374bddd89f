"""Everything a report shows, computed once and written in several forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from lorr_bench.report.contrasts import contrast_frame
from lorr_bench.report.figures.draw import draw_all
from lorr_bench.report.figures.drawing import Drawing
from lorr_bench.report.frames import Frames
from lorr_bench.report.sentences import captions, held_equal
from lorr_bench.report.sentences.first_screen import FirstScreen, first_screen
from lorr_bench.report.sentences.tuning import tuning_line
from lorr_bench.report.study import Study
from lorr_bench.report.table import Table
from lorr_bench.report.tables.aggregates import aggregate_frame, aggregate_table
from lorr_bench.report.tables.by_method.methods import method_frame, method_table
from lorr_bench.report.tables.by_method.paper import paper_table
from lorr_bench.report.tables.comparison import Comparison, comparison_table, make_comparison
from lorr_bench.report.tables.conduct import conduct_frame, conduct_table
from lorr_bench.report.tables.contrasts import declared_table, further_table
from lorr_bench.report.tables.costs.ledger import ledger_frame, ledger_table
from lorr_bench.report.tables.costs.seconds import seconds_frame
from lorr_bench.report.tables.diagnostics import diagnostic_frame, diagnostic_table
from lorr_bench.report.tables.efficiency import efficiency_frame, efficiency_table
from lorr_bench.report.tables.overlaps import overlap_frame, overlap_table
from lorr_bench.report.tables.protocol import protocol_frame, protocol_table, shared_settings_table
from lorr_bench.report.tables.published import published_frame, published_table
from lorr_bench.report.tables.scores import score_frame
from lorr_bench.report.tables.secondary import secondary_frame, secondary_table
from lorr_bench.report.tables.sweep import (
    sweep_difference_frame,
    sweep_difference_table,
    sweep_frame,
    sweep_table,
)
from lorr_bench.report.tables.tuning import tuning_cost_table, tuning_frame, tuning_table
from lorr_bench.values import GENERAL, MATH, Results

SCORE_SECTIONS: Final = {MATH: ("comparison", "Comparison"), GENERAL: ("general", "General reasoning")}
"""Name and heading of the section that has the scores of a kind of benchmark."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The computed contents of a report: frames for files, tables and sentences for reading.

    Attributes:
        study: What everything is computed from.
        frames: Every table in full.
        tables: The tables that have rows, those first that need space on the page most.
        figures: The figures; the first is the main one.
        first: The verdict on what was declared beforehand, data needed, cost, and what the controls say.
        compared: What was compared.
        held_equal: What was held equal, and the ratios of what was not.
        caution: What a single seed can't tell; empty where there are more.
        power: By kind of benchmark, what its tests could have shown; empty where there are none.
        tuned: How settings were chosen; empty where the suite says them itself.
        footnotes: Why scores are missing, one line a reason.
        seconds: The frame of where the seconds went.
    """

    study: Study
    frames: Frames
    tables: tuple[Table, ...]
    figures: tuple[Drawing, ...]
    first: FirstScreen
    compared: str
    held_equal: str
    caution: str
    power: Mapping[str, str]
    tuned: str
    footnotes: tuple[str, ...]
    seconds: pd.DataFrame

    @property
    def results(self) -> Results:
        """The results."""
        return self.study.results


def compute(results: Results) -> Contents:
    """Tables, sentences and figures of these results."""
    study = Study(results)
    contrasts = contrast_frame(study)
    comparison = make_comparison(study, contrasts)
    frames = _frames(study, contrasts, comparison)
    power = {kind: captions.power_line(contrasts, kind) for kind in (MATH, GENERAL)}
    footnotes = captions.footnotes(results)
    tables = _tables(study, frames, comparison, _notes(study, power, footnotes))
    return Contents(
        study=study,
        frames=frames,
        tables=tuple(table for table in tables if table.rows),
        figures=draw_all(study, comparison, frames),
        first=first_screen(study, frames),
        compared=captions.compared_line(study),
        held_equal=held_equal.held_equal_line(study, frames.ledger),
        caution=captions.seed_caution(comparison.frame),
        power=power,
        tuned=tuning_line(results.tuning),
        footnotes=footnotes,
        seconds=seconds_frame(results),
    )


def frames_of(results: Results) -> Frames:
    """The frames of a report on these results, without its tables and figures."""
    study = Study(results)
    contrasts = contrast_frame(study)
    return _frames(study, contrasts, make_comparison(study, contrasts))


def _frames(study: Study, contrasts: pd.DataFrame, comparison: Comparison) -> Frames:
    results = study.results
    return Frames(
        contrasts=contrasts,
        comparison=comparison.frame,
        methods=method_frame(study, comparison),
        ledger=ledger_frame(study),
        scores=score_frame(results),
        diagnostics=diagnostic_frame(results),
        secondary=secondary_frame(study, comparison.frame),
        conduct=conduct_frame(study),
        efficiency=efficiency_frame(study),
        sweep=sweep_frame(study),
        sweep_differences=sweep_difference_frame(study),
        aggregates=aggregate_frame(study),
        overlaps=overlap_frame(results),
        published=published_frame(study, comparison),
        protocol=protocol_frame(results),
        tuning=tuning_frame(results),
    )


def _notes(study: Study, power: Mapping[str, str], footnotes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What stands below the scores of each kind: their power, and below the first why scores are missing."""
    first = MATH if any(measure.kind == MATH for measure in study.reported_measures) else GENERAL
    return {
        kind: tuple(filter(None, (power[kind], *(footnotes if kind == first else ()))))
        for kind in (MATH, GENERAL)
    }


def _tables(
    study: Study, frames: Frames, comparison: Comparison, notes: Mapping[str, tuple[str, ...]]
) -> Iterator[Table]:
    """Every table; those that the results have nothing for have no rows."""
    results = study.results
    caption = captions.comparison_caption(study, frames.comparison, frames.contrasts)
    yield paper_table(study, comparison)
    yield declared_table(frames.contrasts)
    for kind in (MATH, GENERAL):
        yield from _score_tables(kind, study, comparison, caption, notes[kind])
    yield further_table(study, frames.contrasts)
    yield efficiency_table(frames.efficiency)
    yield sweep_table(frames.sweep)
    yield sweep_difference_table(frames.sweep_differences)
    yield aggregate_table(study, frames.aggregates)
    yield secondary_table(frames.secondary)
    yield conduct_table(frames.conduct)
    yield ledger_table(study, frames.ledger)
    yield tuning_cost_table(results)
    yield diagnostic_table(study)
    yield published_table(frames.published)
    yield overlap_table(results)
    yield tuning_table(results)
    yield protocol_table(results)
    yield shared_settings_table(results)


def _score_tables(
    kind: str, study: Study, comparison: Comparison, caption: str, notes: tuple[str, ...]
) -> Iterator[Table]:
    """The methods on the measures of a kind where there are several methods, and every arm."""
    measures = [measure for measure in study.reported_measures if measure.kind == kind]
    section, heading = SCORE_SECTIONS[kind]
    methods = method_table(
        section,
        f"{heading} of the methods",
        study,
        comparison,
        measures,
        caption=caption,
        notes=notes,
    )
    yield methods
    yield comparison_table(section, comparison, measures, caption=caption, notes=notes, main=not methods.rows)
