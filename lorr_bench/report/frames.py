"""The frames of a report: numbers in full, each a CSV file; and their rows by measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lorr_bench.values import Measure

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of a report, in the order in which the page links to their files."""

    contrasts: pd.DataFrame
    comparison: pd.DataFrame
    methods: pd.DataFrame
    ledger: pd.DataFrame
    scores: pd.DataFrame
    diagnostics: pd.DataFrame
    secondary: pd.DataFrame
    conduct: pd.DataFrame
    efficiency: pd.DataFrame
    sweep: pd.DataFrame
    sweep_differences: pd.DataFrame
    aggregates: pd.DataFrame
    overlaps: pd.DataFrame
    published: pd.DataFrame
    protocol: pd.DataFrame
    tuning: pd.DataFrame


def measure_of(row: Any) -> Measure:
    """The measure of a row with ``benchmark``, ``kind`` and ``metric``."""
    return Measure(row.benchmark, row.kind, row.metric)


def rows_of(frame: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The rows of one measure, of a frame with ``benchmark``, ``kind`` and ``metric``."""
    same = (frame["benchmark"] == measure.benchmark) & (frame["metric"] == measure.metric)
    return frame[same & (frame["kind"] == measure.kind)]
