"""What the page on reading a report quotes of the quickstart is what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results" / "published" / "quickstart"
PAGE = " ".join((ROOT / "docs" / "read-my-report.md").read_text("utf-8").replace("\n> ", " ").split())


def contrast(treatment: str, reference: str) -> Any:
    rows = pd.read_csv(PUBLISHED / "contrasts.csv")
    found = rows[
        (rows["treatment"] == treatment)
        & (rows["reference"] == reference)
        & (rows["unique_pairs"] == 1024)
        & (rows["benchmark"] == "nano_easy")
    ]
    return found.iloc[0]


def difference(row: Any) -> str:
    low, high = row.difference_low * 100, row.difference_high * 100
    return f"+{row.difference * 100:.1f} [{low:.1f}, {high:.1f}]"


def test_the_verdict_is_that_of_the_quickstart() -> None:
    row = contrast("dpo+lorr", "dpo+plain")
    low, high = row.difference_low * 100, row.difference_high * 100
    before, after = (f"{score * 100:.1f} %" for score in (row.reference_mean, row.treatment_mean))
    assert f"from {before} (dpo+plain) to {after}, +{row.difference * 100:.1f} points" in PAGE
    assert f"[+{low:.1f}, +{high:.1f}], corrected p = {row.p_holm:.3f}: significant" in PAGE
    assert f"p was {row.p_value:.4f}" in PAGE
    assert f"One of {row.detectable * 100:.1f} points would be found" in PAGE


@pytest.mark.parametrize("control", ["dpo+replay_only", "dpo+no_reset"])
def test_the_controls_are_those_of_the_quickstart(control: str) -> None:
    above, below = contrast(control, "dpo+plain"), contrast("dpo+lorr", control)
    assert f"| {difference(above)} | {difference(below)} |" in PAGE


def test_scores_and_ratio_are_those_of_the_quickstart() -> None:
    scores = pd.read_csv(PUBLISHED / "comparison.csv").query(
        "arm == 'dpo+lorr' and unique_pairs == 1024 and benchmark == 'nano_easy'"
    )
    (score,) = scores.itertuples()
    assert f"`{score.mean * 100:.1f} [{score.low * 100:.1f}, {score.high * 100:.1f}]`" in PAGE
    rows = pd.read_csv(PUBLISHED / "efficiency.csv").query("arm == 'dpo+lorr'")
    known, unknown = rows[rows["ratio"].notna()], rows[rows["ratio"].isna()]
    (ratio,) = known.itertuples()
    assert f"`{ratio.ratio:.2f} [{ratio.ratio_low:.2f}, {ratio.ratio_high:.2f}]` of dpo+lorr" in PAGE
    assert set(unknown["kind"]) == {"general"}
    assert set(unknown["reason"]) == {"not defined: the baseline does not rise"}


def test_the_ratio_of_steps_is_that_of_the_quickstart() -> None:
    ledger = pd.read_csv(PUBLISHED / "ledger.csv").query("arm == 'dpo+lorr'")
    (steps,) = set(ledger["optimizer_steps_ratio"])
    assert f"{steps:.2f} times the optimizer steps" in PAGE
