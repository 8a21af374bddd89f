"""Whether the figures of a new run agree with the published ones.

The new run has the seeds and problems of the published one, so on the same kind of machine every verdict
should be the same. Elsewhere, floating point goes other ways and some answers change: then a figure agrees
where each run's value lies in the other's 95 % interval, as ``stats`` computes them (docs/reproduce.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lorr_bench.errors import DataError
from lorr_bench.publish.catalog import COMPARISON_FILE, CONTRASTS_FILE, VERDICTS_FILE
from lorr_bench.publish.verdicts import CELL, KEYS, read_verdicts
from lorr_bench.report.contrasts import declared_rows
from lorr_bench.report.formatting import MISSING, START_MODEL, percent, points
from lorr_bench.report.formatting import interval as interval_text
from lorr_bench.values import START, Measure

if TYPE_CHECKING:
    import pandas as pd

ROUNDING: Final = 1e-9
"""Shares that differ by less are the same: sums of the same verdicts in another order."""
CONTRAST: Final = ("treatment", "reference", "unique_pairs", "benchmark", "kind", "metric")


class Agreement(StrEnum):
    """How far a figure agrees, the best first."""

    VERDICTS = "same verdicts"
    SCORE = "same score"
    INTERVALS = "within intervals"
    DIFFERS = "differs"
    MISSING = "missing"

    @property
    def agrees(self) -> bool:
        """Whether that counts as agreement."""
        return self not in (Agreement.DIFFERS, Agreement.MISSING)


@dataclass(frozen=True, slots=True)
class Figure:
    """A score or a difference with its 95 % interval, as shares; ends are NaN where there is none."""

    value: float
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether a value lies in the interval."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class VerdictCount:
    """How many verdicts were compared, and how many of them differ."""

    compared: int
    differing: int

    def __add__(self, other: VerdictCount) -> VerdictCount:
        """Both together."""
        return VerdictCount(self.compared + other.compared, self.differing + other.differing)


@dataclass(frozen=True, slots=True)
class Compared:
    """One published figure beside the same of a new run.

    Attributes:
        name: The arm, or the two arms of a contrast: ``dpo+lorr - dpo+plain``.
        unique_pairs: The data budget.
        measure: What was measured.
        is_contrast: Whether it is a difference of two arms.
        published: The figure that is published.
        found: That of the new run; None where it has none.
        verdicts: The verdicts behind it; None where they are not known.
        agreement: How far both agree.
    """

    name: str
    unique_pairs: int
    measure: Measure
    is_contrast: bool
    published: Figure
    found: Figure | None
    verdicts: VerdictCount | None
    agreement: Agreement

    @property
    def title(self) -> str:
        """What it is, for sentences."""
        if self.name == START.arm:
            return f"{START_MODEL}, {self.measure.title}"
        return f"{self.name}, {self.unique_pairs:,} pairs, {self.measure.title}"

    def text(self, figure: Figure | None) -> str:
        """A figure in per cent or points, with its interval."""
        if figure is None:
            return MISSING
        written: Callable[[float], str] = points if self.is_contrast else percent
        ends = interval_text(written(figure.low), written(figure.high))
        return f"{written(figure.value)} {'' if math.isnan(figure.low) else ends}".rstrip()

    @property
    def verdicts_text(self) -> str:
        """How many verdicts differ: ``1 of 80``; nothing where they are not known."""
        return "" if self.verdicts is None else f"{self.verdicts.differing:,} of {self.verdicts.compared:,}"


@dataclass(frozen=True)
class Numbers:
    """What a run says in numbers.

    Attributes:
        comparison: Scores, as ``comparison.csv`` has them.
        contrasts: Differences, as ``contrasts.csv`` has them; None where they are not published.
        verdicts: As ``verdicts.parquet`` has them; None where they are not published.
    """

    comparison: pd.DataFrame
    contrasts: pd.DataFrame | None
    verdicts: pd.DataFrame | None

    @classmethod
    def of_folder(cls, folder: Path) -> Numbers:
        """Those of a published folder, or of a report.

        Args:
            folder: Where they lie.

        Raises:
            DataError: A file can't be read, or lacks a column.
        """
        contrasts, verdicts = folder / CONTRASTS_FILE, folder / VERDICTS_FILE
        return cls(
            _table(folder / COMPARISON_FILE, (*CELL, "mean", "low", "high")),
            _table(contrasts, (*CONTRAST, "role", *_ENDS)) if contrasts.exists() else None,
            read_verdicts(verdicts) if verdicts.exists() else None,
        )


def compare_numbers(published: Numbers, found: Numbers) -> tuple[Compared, ...]:
    """Every published figure beside the same of a new run: declared contrasts, then every cell.

    Args:
        published: What is published.
        found: What the new run found.
    """
    verdicts = _verdict_counts(published.verdicts, found.verdicts)
    return (*_contrasts(published, found, verdicts), *_cells(published, found, verdicts))


def agreement_of(published: Figure, found: Figure | None, verdicts: VerdictCount | None) -> Agreement:
    """How far a figure of a new run agrees with the published one.

    Args:
        published: The published figure.
        found: That of the new run.
        verdicts: The verdicts behind both.
    """
    if found is None:
        return Agreement.MISSING
    both_unknown = math.isnan(published.value) and math.isnan(found.value)
    if both_unknown or abs(published.value - found.value) <= ROUNDING:
        same = verdicts is not None and verdicts.differing == 0
        return Agreement.VERDICTS if same else Agreement.SCORE
    within = found.holds(published.value) and published.holds(found.value)
    return Agreement.INTERVALS if within else Agreement.DIFFERS


_ENDS: Final = ("difference", "difference_low", "difference_high")
_Counts = Mapping[tuple[Any, ...], VerdictCount]


def _contrasts(published: Numbers, found: Numbers, verdicts: _Counts) -> Iterator[Compared]:
    if published.contrasts is None:
        return
    new = {} if found.contrasts is None else _rows(found.contrasts, CONTRAST)
    for key, row in _rows(declared_rows(published.contrasts), CONTRAST).items():
        treatment, reference, pairs, *measure = key
        counts = [verdicts.get((arm, pairs, *measure)) for arm in (treatment, reference)]
        both = counts[0] + counts[1] if counts[0] and counts[1] else None
        figures = [_figure(each, _ENDS) for each in (row, new.get(key))]
        yield _compared(f"{treatment} - {reference}", key[2:], figures, both, is_contrast=True)


def _cells(published: Numbers, found: Numbers, verdicts: _Counts) -> Iterator[Compared]:
    new = _rows(found.comparison, CELL)
    for key, row in _rows(published.comparison, CELL).items():
        figures = [_figure(each, ("mean", "low", "high")) for each in (row, new.get(key))]
        counts = verdicts.get(key) or _of_kind(key, verdicts)
        yield _compared(key[0], key[1:], figures, counts, is_contrast=False)


def _of_kind(key: tuple[Any, ...], verdicts: _Counts) -> VerdictCount | None:
    """All verdicts on a model of one kind: what stands behind an average, which has none of its own."""
    arm, pairs, _, kind, _ = key
    counts = [count for cell, count in verdicts.items() if (cell[0], cell[1], cell[3]) == (arm, pairs, kind)]
    return sum(counts, VerdictCount(0, 0)) if counts else None


def _compared(
    name: str,
    place: tuple[Any, ...],
    figures: list[Figure | None],
    verdicts: VerdictCount | None,
    *,
    is_contrast: bool,
) -> Compared:
    pairs, *measure = place
    published, found = figures
    assert published is not None
    agreement = agreement_of(published, found, verdicts)
    return Compared(name, pairs, Measure(*measure), is_contrast, published, found, verdicts, agreement)


def _rows(frame: pd.DataFrame, columns: tuple[str, ...]) -> dict[tuple[Any, ...], Any]:
    """The rows of a frame by what names them."""
    keys = zip(*(frame[name].tolist() for name in columns), strict=True)
    return dict(zip(keys, frame.itertuples(), strict=True))


def _figure(row: Any, columns: tuple[str, str, str]) -> Figure | None:
    return None if row is None else Figure(*(float(getattr(row, name)) for name in columns))


def _verdict_counts(published: pd.DataFrame | None, found: pd.DataFrame | None) -> _Counts:
    """By cell, how many verdicts either run has, and how many differ or stand in one alone."""
    if published is None or found is None:
        return {}
    keys = list(KEYS)
    both = published.merge(found, on=keys, how="outer", suffixes=("", "_found"), indicator=True)
    same = (both["score"] == both["score_found"]) | (both["score"].isna() & both["score_found"].isna())
    both["differs"] = ~same | (both["_merge"] != "both")
    counted = both.groupby(list(CELL))["differs"].agg(compared="size", differing="sum")
    return {row.Index: VerdictCount(int(row.compared), int(row.differing)) for row in counted.itertuples()}


def _table(file: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    fix = "Take the file of the commit that published it."
    try:
        frame = pd.read_csv(file, keep_default_na=False, na_values=[""])  # an arm may be called `nan`
        numbers = [name for name in columns if name in ("mean", "low", "high", *_ENDS)]
        return frame[list(columns)].astype(dict.fromkeys(numbers, "float64") | {"unique_pairs": "int64"})
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"the table can't be read: {error}", where=str(file), fix=fix) from error
