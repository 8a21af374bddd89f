"""What was held equal, told for one method and for several."""

from __future__ import annotations

from dataclasses import replace

import pytest
from synthetic_results import make_methods_results, make_results, spend

from lorr_bench.report.sentences.held_equal import held_equal_line
from lorr_bench.report.study import Study
from lorr_bench.report.tables.costs.ledger import ledger_frame
from lorr_bench.values import Point, Results, Spend


def test_held_equal_names_values_and_ratios(results: Results) -> None:
    line = held_equal_line(Study(results), ledger_frame(Study(results)))
    assert (
        "(axis data): prompts 156 / 468 / 1,249, unique pairs 128 / 384 / 1,024, verifier calls 1,248" in line
    )
    assert (
        "dpo+lorr 3.00× updates, 3.00× training tokens, 3.00× pair visits, 2.03× to 2.79× training seconds"
        in line
    )
    assert "Different" not in line


@pytest.mark.slow
def test_held_equal_tells_what_was_not_after_all(results: Results) -> None:
    odd = Point("dpo+lorr", 384, 0)
    spends = {p: replace(s, prompts=2 * s.prompts) if p == odd else s for p, s in results.spends.items()}
    line = held_equal_line(Study(results), ledger_frame(Study(make_results(spends=spends))))
    assert line.endswith("Different although it should be equal: dpo+lorr at 384 pairs 1.33× prompts.")


@pytest.mark.parametrize("arms", [(), ("dpo+lorr",)])
def test_held_equal_without_the_baseline(results: Results, arms: tuple[str, ...]) -> None:
    spends = {Point(arm, 128, 0): spend(Point(arm, 128, 0)) for arm in arms}
    line = held_equal_line(Study(results), ledger_frame(Study(make_results(spends=spends))))
    assert "prompts unknown" in line


def two_methods(**spends: Spend) -> Results:
    """Spends of dpo+plain, dpo+lorr, ipo+plain and ipo+lorr, by ``method_plugin``."""
    arms = [name.replace("_", "+") for name in spends]
    return make_results(
        arms=tuple(arms),
        baselines={arm: f"{arm.partition('+')[0]}+plain" for arm in arms},
        spends={Point(arm, 8, 0): found for arm, found in zip(arms, spends.values(), strict=True)},
        equal_quantities=("prompts",),
    )


def test_methods_are_told_together_with_the_range_over_them() -> None:
    results = two_methods(
        dpo_plain=Spend(prompts=10, optimizer_steps=4),
        dpo_lorr=Spend(prompts=10, optimizer_steps=12),
        ipo_plain=Spend(prompts=20, optimizer_steps=10),
        ipo_lorr=Spend(prompts=20, optimizer_steps=20),
    )
    line = held_equal_line(Study(results), ledger_frame(Study(results)))
    assert line.startswith("Held equal at each budget (axis data): prompts 10 to 20. ")
    assert "as ratios to its method's plain arm: lorr " in line
    assert "2.00× to 3.00× updates" in line
    assert "Different" not in line


def test_an_arm_that_differs_from_its_own_baseline_is_called_out() -> None:
    results = two_methods(
        dpo_plain=Spend(prompts=10),
        dpo_lorr=Spend(prompts=10),
        ipo_plain=Spend(prompts=20),
        ipo_lorr=Spend(prompts=10),
    )
    line = held_equal_line(Study(results), ledger_frame(Study(results)))
    assert line.endswith("Different although it should be equal: ipo+lorr at 8 pairs 0.50× prompts.")


@pytest.mark.slow
def test_of_many_differences_the_first_are_told() -> None:
    results = make_methods_results()
    spends = {
        p: replace(s, prompts=2 * s.prompts) if p.arm.endswith("+lorr") else s
        for p, s in results.spends.items()
    }
    line = held_equal_line(Study(results), ledger_frame(Study(replace(results, spends=spends))))
    assert line.count("2.00× prompts") == 6
    assert line.endswith("; and 19 more in the ledger.")


def with_cuts(cut, left_out=0):
    """The default results, where the last training lost something."""
    results = make_results()
    point = list(results.spends)[-1]
    lost = replace(results.spends[point], unique_pairs=100, cut_responses=cut, left_out_pairs=left_out)
    return replace(results, spends={**results.spends, point: lost}), point


@pytest.mark.slow
def test_what_was_cut_is_told_and_warned_of_above_a_share():
    """20 of 200 responses are 10 %, 8 are 4 %."""
    results, point = with_cuts(20, 3)
    line = held_equal_line(Study(results), ledger_frame(Study(results)))
    assert (
        f"Warning: max_length cut responses or left pairs out in 1 of {len(results.spends)} trainings" in line
    )
    assert f"{point.arm}" in line
    assert "20 responses cut (10.0 % of those of its pairs), 3 pairs passed over." in line
    few, _ = with_cuts(8)
    line = held_equal_line(Study(few), ledger_frame(Study(few)))
    assert "8 responses cut (4.0 %" in line
    assert "Warning" not in line


def test_without_cuts_nothing_is_said_of_them():
    results = make_results()
    assert "max_length" not in held_equal_line(Study(results), ledger_frame(Study(results)))
