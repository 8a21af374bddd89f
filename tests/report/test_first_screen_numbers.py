"""The numbers of the first screen against the written CSV files, by arithmetic of the test's own."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

import pytest

from lorr_bench.report.contents import frames_of
from lorr_bench.report.formatting import MINUS
from lorr_bench.report.frames import Frames
from lorr_bench.report.sentences.first_screen import first_screen
from lorr_bench.report.study import Study
from lorr_bench.report.write import csv_bytes
from lorr_bench.values import Results

pytestmark = pytest.mark.slow

NUMBER = re.compile(rf"(?<![\w+])[+{MINUS}]?\d[\d,]*(?:\.\d+)?")
Row = Mapping[str, str]


def rows_of_file(frames: Frames, name: str, **wanted: str) -> Sequence[Row]:
    """The rows of a CSV file of the report that have these values."""
    text = csv_bytes(getattr(frames, name)).decode()
    found = csv.DictReader(io.StringIO(text))
    return [row for row in found if all(row[column] == value for column, value in wanted.items())]


def numbers(text: str) -> list[float]:
    """Every number of a sentence, in its order."""
    return [float(found.replace(",", "").replace(MINUS, "-")) for found in NUMBER.findall(text)]


def in_points(row: Row, *columns: str) -> list[float]:
    """Shares of a CSV file as points with one decimal."""
    return [round(100 * float(row[column]), 1) for column in columns]


@pytest.fixture(scope="module")
def frames(results: Results) -> Frames:
    return frames_of(results)


@pytest.fixture(scope="module")
def answers(results: Results, frames: Frames) -> Mapping[str, Sequence[str]]:
    screen = first_screen(Study(results), frames)
    return {"headline": (screen.headline,), **{found.question: found.lines for found in screen.answers}}


def test_the_winner_is_the_arm_with_the_highest_raw_score(
    frames: Frames, answers: Mapping[str, Sequence[str]]
) -> None:
    raw: dict[str, list[float]] = {}
    for row in rows_of_file(frames, "scores", benchmark="nano_easy", metric="greedy", unique_pairs="1024"):
        raw.setdefault(row["arm"], []).append(float(row["value"]))
    means = {arm: round(100 * sum(values) / len(values), 1) for arm, values in raw.items()}
    best = max(means, key=means.__getitem__)
    (line,) = answers["headline"]
    assert line.startswith(f"{best} won on nano_easy greedy at 1,024 pairs: ")
    _, low, high, difference, *_ = numbers(line)
    assert (low, high) == (means["dpo+plain"], means[best])
    assert difference == pytest.approx(means[best] - means["dpo+plain"], abs=0.11)


def test_interval_and_corrected_p_are_those_of_the_contrasts(
    frames: Frames, answers: Mapping[str, Sequence[str]]
) -> None:
    rows = rows_of_file(
        frames, "contrasts", role="primary", unique_pairs="1024", benchmark="nano_easy", metric="greedy"
    )
    row = next(row for row in rows if row["treatment"] == "dpo+lorr")
    (line,) = answers["headline"]
    _, _, _, *told = numbers(line)
    assert told[:3] == in_points(row, "difference", "difference_low", "difference_high")
    # Holm by hand: the smaller p-value counts twice, the larger one at least as much.
    small, large = sorted(float(each["p_value"]) for each in rows)
    corrected = {small: 2 * small, large: max(2 * small, large)}[float(row["p_value"])]
    assert corrected < 0.001
    assert "corrected p < 0.001: significant" in line


def test_data_needed_is_the_ratio_times_what_the_baseline_needs(
    frames: Frames, answers: Mapping[str, Sequence[str]]
) -> None:
    (row,) = rows_of_file(frames, "efficiency", arm="dpo+lorr", benchmark="nano_easy", metric="greedy")
    line = answers["Data needed"][0]
    needed = float(row["ratio"]) * float(row["baseline_needed"])
    assert f"about {needed:,.0f} of {float(row['baseline_needed']):,.0f} pairs" in line
    assert numbers(line)[0] == pytest.approx(float(row["ratio"]), abs=0.005)


def test_cost_is_the_ledger_divided(frames: Frames, answers: Mapping[str, Sequence[str]]) -> None:
    (arm,) = rows_of_file(frames, "ledger", arm="dpo+lorr", budget_pairs="1024")
    (base,) = rows_of_file(frames, "ledger", arm="dpo+plain", budget_pairs="1024")
    told = numbers(answers["Cost"][0])
    expected = []
    for name in ("optimizer_steps", "train_tokens", "wall_seconds"):
        ratio = float(arm[name]) / float(base[name])
        expected += [ratio, float(arm[name]), float(base[name])]
    assert told == pytest.approx(expected, rel=0.01)


def test_the_start_models_score_is_that_of_the_scores(
    frames: Frames, answers: Mapping[str, Sequence[str]]
) -> None:
    (row,) = rows_of_file(frames, "scores", arm="start", benchmark="nano_easy", metric="greedy")
    assert f"the start model scores {100 * float(row['value']):.1f} %" in answers["Declared"][0]
