"""How much data an arm needs for what its baseline reaches in the end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from lorr_bench.report.formatting import MISSING, interval, ratio


def data_needed_lines(rows: pd.DataFrame, arms: list[str]) -> Iterator[str]:
    """A sentence an arm; one for all where there are no two budgets.

    Args:
        rows: The rows of the frame of data efficiency on one measure.
        arms: Which arms are told of, in this order.
    """
    found = {row.arm: row for row in rows.itertuples()}
    told = [found[arm] for arm in arms if arm in found]
    if not told:
        yield "Not known: it takes an arm and its baseline at two data budgets."
    for row in told:
        yield _sentence(row)


def ratio_text(row: Any) -> str:
    """The data-efficiency ratio of a row: ``0.28×``, ``at most 0.25×``, ``not reached``, ``not defined``."""
    if math.isnan(row.area) or math.isnan(row.baseline_area):
        return MISSING
    if math.isnan(row.baseline_needed):
        return "not defined"
    if math.isnan(row.ratio):
        return "not reached"
    return ratio(row.ratio) if row.reached else f"at most {ratio(row.ratio)}"


def ratio_interval(row: Any) -> str:
    """Its interval: ``[0.25×, 0.40×]``; nothing where there is none."""
    return interval(_low_text(row), _high_text(row))


def _sentence(row: Any) -> str:
    """``dpo+lorr: 0.28× [0.25×, 0.40×] of what dpo+plain needs, about 290 of 1,020 pairs.``."""
    if math.isnan(row.ratio):
        return f"{row.arm}: {row.reason or ratio_text(row)}."
    pairs = f"{row.ratio * row.baseline_needed:,.0f} of {row.baseline_needed:,.0f} pairs"
    return (
        f"{row.arm}: {ratio_text(row)} {ratio_interval(row)}".strip()
        + f" of what {row.baseline} needs, {'about' if row.reached else 'at most'} {pairs}."
    )


def _low_text(row: Any) -> str:
    """The lower end; 0 stands for somewhere below the smallest budget."""
    least = ratio(row.smallest / row.baseline_needed)
    return f"< {least}" if row.ratio_low == 0 else ratio(row.ratio_low)


def _high_text(row: Any) -> str:
    """The upper end; infinity stands for one that these budgets don't bound."""
    most = ratio(row.largest / row.baseline_needed)
    return f"> {most}" if math.isinf(row.ratio_high) else ratio(row.ratio_high)
