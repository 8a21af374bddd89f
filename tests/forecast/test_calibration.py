"""Estimates from measured stages, by lines and rates that can be drawn by hand."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lorr_bench.forecast.calibration import (
    Figure,
    FittedLine,
    Measured,
    disk_of,
    seconds_of,
    tokens_of,
    total,
    work_of,
)
from lorr_bench.forecast.workload import Generation, Workload

ENGINE = Generation(4, 128, 0.5, 1, 1)


def training(units, **more):
    return Workload("train", "nano", units, **more)


def grading(units):
    return Workload("grade_math", "", units)


def test_time_is_unknown_where_nothing_of_the_kind_was_measured():
    figure = seconds_of(training(10), 100, [])
    assert (figure.value, str(figure)) == (None, "nothing measured")


def test_equal_stages_give_their_mean():
    figure = seconds_of(training(10), 100, [Measured(training(10), 100, 4), Measured(training(10), 100, 6)])
    assert (figure.value, str(figure)) == (5, "measured: 2 alike")


def test_one_other_stage_scales_with_units_and_parameters():
    """Twice the units on a model three times as large."""
    figure = seconds_of(training(20), 300, [Measured(training(10), 100, 4)])
    assert (figure.value, str(figure)) == (pytest.approx(24), "scaled ×6 from 1")


def test_grading_does_not_grow_with_the_model():
    assert seconds_of(grading(20), 300, [Measured(grading(10), None, 4)]).value == pytest.approx(8)


def test_several_other_stages_tell_what_passes_before_the_work():
    """3 seconds to begin and 2 a unit."""
    measured = [Measured(grading(units), None, 3 + 2 * units) for units in (1, 4, 10)]
    figure = seconds_of(grading(100), None, measured)
    assert (figure.value, str(figure)) == (pytest.approx(203), "scaled ×10 from 3")


def test_a_stage_whose_size_is_unknown_is_not_scaled():
    assert seconds_of(training(None), 100, [Measured(training(10), 100, 4)]).value is None
    assert seconds_of(training(10), None, [Measured(training(20), 100, 4)]).value is None
    assert seconds_of(training(10), 100, [Measured(training(20), None, 4)]).value is None


def test_work_is_units_times_parameters_for_kinds_with_a_model():
    assert work_of(training(10), 7) == 70
    assert work_of(grading(10), 7) == 10


POINTS = st.lists(
    st.tuples(st.floats(1, 1e6), st.floats(0.01, 1e6)), min_size=1, max_size=8, unique_by=lambda p: p[0]
)


@pytest.mark.slow
@given(POINTS, st.floats(1, 1e7))
def test_an_estimate_is_never_negative_and_never_falls_with_more_work(points, work):
    line = FittedLine(points)
    assert 0 <= line.seconds(work) <= line.seconds(2 * work)


@pytest.mark.slow
@given(
    st.floats(0, 1e3),
    st.floats(1e-3, 1e3),
    st.lists(st.integers(1, 1000), min_size=2, max_size=6, unique=True),
)
def test_a_line_through_exact_points_is_found(height, slope, works):
    found = FittedLine([(work, height + slope * work) for work in works])
    at = 2 * max(works)
    expected = height + slope * at
    assume(height == 0 or height > 1e-6)
    assert found.seconds(at) == pytest.approx(expected, rel=1e-6)


def test_tokens_are_at_most_what_limits_allow():
    figure = tokens_of(training(10, tokens=1000), [])
    assert (figure.value, figure.bound, str(figure)) == (1000, "at most", "token limits")


def test_tokens_of_others_grow_with_units():
    figure = tokens_of(training(10, tokens=1000), [Measured(training(30), 1, 1, tokens=90)])
    assert (figure.value, figure.bound) == (pytest.approx(30), "")


def test_tokens_are_unknown_without_limit_and_zero_where_there_are_none():
    assert tokens_of(training(None, tokens=None), []).value is None
    assert tokens_of(grading(3), []).value == 0


def test_text_takes_four_bytes_a_token_and_a_row_an_answer():
    figure = disk_of(Workload("collect", "nano", 560, tokens=560, answers=10, generation=ENGINE), [])
    assert (figure.value, figure.bound) == (560 * 4 + 10 * 700, "at most")


def test_disk_of_equal_stages_is_their_mean():
    assert disk_of(grading(3), [Measured(grading(3), None, 1, disk_bytes=b) for b in (10, 30)]).value == 20


def test_disk_of_other_work_is_unknown_without_measured_stages():
    assert disk_of(grading(3), []).value is None


A, B = training(1), training(2)


def test_a_sum_counts_each_stage_and_names_each_basis():
    figure = total({A: Figure(2, "first"), B: Figure(3, "second")}, {A: 10, B: 1})
    assert (figure.value, figure.basis) == (23, "first (10), second (1)")


def test_measured_stages_of_a_sum_are_added_up_and_the_largest_factor_is_told():
    figure = total({A: Figure(1, "measured", stages=2), B: Figure(1, "measured", stages=3)}, {A: 1, B: 1})
    assert figure.basis == "measured: 5 alike"
    scaled = {A: Figure(1, "scaled", stages=3, factor=0.1), B: Figure(1, "scaled", stages=3, factor=2)}
    assert total(scaled, {A: 1, B: 1}).basis == "scaled ×0.1 from 3"


def test_a_sum_of_which_a_part_is_unknown_is_a_lower_bound():
    figure = total({A: Figure(2, "x"), B: Figure(None, "nothing measured")}, {A: 1, B: 1})
    assert (figure.value, figure.bound) == (2, "at least")


def test_a_sum_that_could_be_both_larger_and_smaller_is_unknown():
    assert total({A: Figure(2, "x", "at most"), B: Figure(None, "y")}, {A: 1, B: 1}).value is None


def test_a_sum_of_nothing_is_zero_and_of_unknown_parts_unknown():
    assert total({}, {}).value == 0
    assert total({A: Figure(None, "nothing measured")}, {A: 3}).value is None
