"""Forest plot of paired differences."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from figure_checks import segments, texts
from matplotlib.figure import Figure
from synthetic_results import make_results

from lorr_bench.report.figures.arm_styles import ArmStyles
from lorr_bench.report.figures.forest import Forest, draw_forest
from lorr_bench.report.formatting import MINUS
from lorr_bench.report.study import Study
from lorr_bench.values import Measure

pytestmark = pytest.mark.slow


def row(arm: str, benchmark: str, difference: float, **changes: Any) -> dict[str, Any]:
    values = {
        "treatment": arm,
        "reference": f"{arm.split('+', maxsplit=1)[0]}+plain",
        "role": "secondary",
        "unique_pairs": 64,
        "reference_pairs": 64,
        "named_budgets": False,
        "benchmark": benchmark,
        "kind": "math",
        "metric": "greedy",
        "difference": difference,
        "difference_low": difference - 0.1,
        "difference_high": difference + 0.1,
        "p_value": 0.04,
        "paired_seeds": 3,
        "paired_problems": 300,
        "p_holm": 0.04,
        "significant": False,
    }
    return {**values, **changes}


def forest(
    rows: list[dict[str, Any]], arms: tuple[str, ...] = ("dpo+plain", "dpo+lorr", "dpo+no_reset")
) -> Forest:
    baselines = {arm: f"{arm.split('+')[0]}+plain" for arm in arms}
    return Forest(ArmStyles(Study(make_results(arms=arms, baselines=baselines))), pd.DataFrame(rows))


def drawn(*rows: dict[str, Any], **changes: Any) -> Figure:
    drawing = draw_forest(forest(list(rows), **changes))
    assert drawing is not None
    return drawing.figure


def marks(figure: Figure) -> list[tuple[float, str]]:
    """Where each mark stands and what it is filled with, from above to below."""
    lines = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 1]
    return [(float(line.get_xdata()[0]), str(line.get_markerfacecolor())) for line in lines]


def test_marks_are_differences_in_points_filled_where_significant() -> None:
    figure = drawn(row("dpo+lorr", "easy", 0.12, significant=True), row("dpo+no_reset", "easy", -0.03))
    (first, colour), (second, open_colour) = marks(figure)
    assert (first, second) == pytest.approx((12, -3))
    assert colour.startswith("#")
    assert open_colour == "white"


def test_an_arm_that_is_no_baseline_is_named_without_its_method_where_both_have_it() -> None:
    arms = ("dpo+plain", "dpo+lorr", "dpo+no_reset", "ipo+plain")
    others = [row("dpo+lorr", "easy", 0.1, reference=other) for other in arms if other != "dpo+lorr"]
    names = [*forest(others, arms).names.values()]
    assert names == ["dpo+lorr", f"dpo+lorr {MINUS} no_reset", f"dpo+lorr {MINUS} ipo+plain"]


def test_lines_are_the_intervals() -> None:
    figure = drawn(row("dpo+lorr", "easy", 0.12, difference_low=0.05, difference_high=0.25))
    ((start, end),) = segments(figure.axes[0])
    assert (start[0], end[0]) == pytest.approx((5, 25))


def test_numbers_stand_at_the_right() -> None:
    figure = drawn(row("dpo+lorr", "easy", -0.03, paired_seeds=2, paired_problems=1800))
    assert f"{MINUS}3.0 [{MINUS}13.0, +7.0]" in texts(figure)
    assert "2 × 1,800" in texts(figure)


def test_totals_have_no_number_of_problems() -> None:
    assert "3 × –" in texts(drawn(row("dpo+lorr", "easy", 0.1, paired_problems=0)))


def test_an_unknown_interval_is_not_drawn() -> None:
    figure = drawn(row("dpo+lorr", "easy", 0.1, difference_low=math.nan, difference_high=math.nan))
    assert marks(figure)[0][0] == pytest.approx(10)
    assert "+10.0 [" not in texts(figure)


def test_measures_are_headings_over_their_arms_the_primary_one_first() -> None:
    # The primary measure of the synthetic suite is nano_easy's greedy accuracy; an average is a measure like others.
    rows = [
        row("dpo+lorr", "average", 0.1),
        row("dpo+lorr", "task", 0.1, kind="general", metric="acc"),
        row("dpo+lorr", "nano_easy", 0.1),
        row("dpo+no_reset", "nano_easy", 0.2),
    ]
    lines = [line.text for line in forest(rows).lines]
    assert lines == [
        "nano_easy · greedy",
        "lorr",
        "no_reset",
        "average · greedy",
        "lorr",
        "task · acc",
        "lorr",
    ]


def test_arms_of_several_methods_are_named_in_full() -> None:
    arms = ("dpo+plain", "dpo+lorr", "ipo+plain", "ipo+lorr")
    found = forest([row("dpo+lorr", "easy", 0.1), row("ipo+lorr", "easy", 0.1)], arms)
    assert [line.text for line in found.lines] == ["easy · greedy", "dpo+lorr", "ipo+lorr"]


def test_only_the_largest_budget_with_differences_is_drawn() -> None:
    rows = [
        row("dpo+lorr", "easy", 0.1, unique_pairs=32),
        row("dpo+lorr", "easy", 0.2),
        row("dpo+lorr", "easy", math.nan, unique_pairs=128),
    ]
    figure = drawn(*rows)
    assert [place for place, _ in marks(figure)] == pytest.approx([20])
    assert "at 64 unique pairs" in texts(figure)


def test_primary_contrasts_have_a_dagger() -> None:
    shown = texts(drawn(row("dpo+lorr", "easy", 0.1, role="primary"), row("dpo+no_reset", "easy", 0.2)))
    assert "+10.0† [0.0, +20.0]" in shown
    assert "+20.0 [+10.0, +30.0]" in shown
    assert "open: others; †: primary" in shown


def test_a_contrast_with_another_arm_names_both() -> None:
    control = row("dpo+lorr", "easy", 0.1, reference="dpo+no_reset")
    found = forest([row("dpo+lorr", "easy", 0.2), control])
    assert [line.text for line in found.lines] == ["easy · greedy", "lorr", f"lorr {MINUS} no_reset"]
    assert "or to the arm named, at 64 unique pairs" in texts(drawn(row("dpo+lorr", "easy", 0.2), control))


def test_the_meaning_of_filled_marks_is_stated() -> None:
    shown = texts(drawn(row("dpo+lorr", "easy", 0.1), row("dpo+no_reset", "easy", 0.2, p_value=math.nan)))
    assert "filled: corrected p < 0.05, open: others" in shown


def test_one_seed_is_not_tested() -> None:
    shown = texts(drawn(row("dpo+lorr", "easy", 0.1, paired_seeds=1, p_value=math.nan)))
    assert "problems only, not over training runs" in shown
    assert "none could be tested" in shown


def test_without_differences_nothing_is_drawn() -> None:
    assert draw_forest(forest([row("dpo+plain", "easy", math.nan)])) is None


def test_whole_measures_are_drawn_as_many_as_fit() -> None:
    # A heading and two arms take 0.06 + 3 × 0.165 inches of 7.6: 13 times.
    rows = [row(arm, f"set_{number:02}", 0.1) for number in range(20) for arm in ("dpo+lorr", "dpo+no_reset")]
    found = forest(rows)
    assert list(found.drawn) == [Measure(f"set_{number:02}", "math", "greedy") for number in range(13)]
    assert found.note == "Drawn: 26 of 40 differences, the first 13 measures."


def test_of_a_measure_too_long_the_largest_differences_are_drawn() -> None:
    arms = tuple(f"m{number}+{plugin}" for number in range(60) for plugin in ("plain", "lorr"))
    rows = [row(f"m{number}+lorr", "easy", (-1) ** number * number / 100) for number in range(60)]
    found = forest(rows, arms)
    # 7.6 inches hold a gap of 0.06, the heading and 44 arms of 0.165 each.
    assert [line.treatment for line in found.rows] == [f"m{number}+lorr" for number in range(16, 60)]
    assert found.note.startswith("Drawn: 44 of 60 differences, those of easy · greedy largest in size")
    drawing = draw_forest(found)
    assert drawing is not None
    assert "Drawn: 44 of 60 differences" in texts(drawing.figure)


def test_a_first_measure_that_fits_is_drawn_whole() -> None:
    arms = tuple(f"m{number}+{plugin}" for number in range(30) for plugin in ("plain", "lorr"))
    rows = [row(f"m{number}+lorr", name, 0.1) for name in ("easy", "hard") for number in range(30)]
    assert forest(rows, arms).note == "Drawn: 30 of 60 differences, all of easy · greedy."


def test_the_description_counts_what_is_significant() -> None:
    drawing = draw_forest(
        forest([row("dpo+lorr", "easy", 0.1, significant=True), row("dpo+no_reset", "easy", 0.2)])
    )
    assert drawing is not None
    assert drawing.title == "Differences at 64 unique pairs"
    told = "2 paired differences with intervals; 1 pass the corrected test"
    assert drawing.description == told
