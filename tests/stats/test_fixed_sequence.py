"""Families of tests in a fixed sequence against the procedure carried out step by step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.stats import fixed_sequence, holm

families_of_values = st.lists(
    st.lists(st.one_of(st.just(math.nan), st.floats(0, 0.1)), max_size=3), max_size=4
)


def step_by_step(families: list[list[float]], alpha: float) -> list[list[bool]]:
    """Holm's steps in each family, until one has a test that is not found."""
    found = [[False] * len(family) for family in families]
    for family, marks in zip(families, found, strict=True):
        made = sorted((place for place, p in enumerate(family) if not math.isnan(p)), key=family.__getitem__)
        for step, place in enumerate(made):
            if family[place] * (len(made) - step) >= alpha:
                return found
            marks[place] = True
    return found


def test_by_hand() -> None:
    # First 0.01 · 2 and 0.02; second 0.001 lifted to 0.02, its family; third 0.03 and, doubled, 0.08.
    found = fixed_sequence([[0.01, 0.02], [0.001], [0.03, 0.04]])
    assert [family.tolist() for family in found] == [
        pytest.approx([0.02, 0.02]),
        pytest.approx([0.02]),
        pytest.approx([0.06, 0.06]),
    ]


def test_one_test_that_is_not_found_ends_the_sequence() -> None:
    found = fixed_sequence([[0.001, 0.2], [0.0001], [0.0001]])
    assert [family.min() for family in found[1:]] == [0.2, 0.2]
    assert found[0][0] == pytest.approx(0.002)


def test_tests_that_were_not_made_block_nothing() -> None:
    nan = math.nan
    first, none, empty, last = fixed_sequence([[0.01, nan], [nan], [], [0.03]])
    assert first[0] == pytest.approx(0.01)
    assert math.isnan(first[1])
    assert math.isnan(none[0])
    assert empty.size == 0
    assert last.tolist() == pytest.approx([0.03])


def test_one_family_is_holm_s() -> None:
    values = [0.01, 0.04, 0.03, 0.005]
    assert fixed_sequence([values])[0].tolist() == holm(values).tolist()
    assert fixed_sequence([]) == []


@pytest.mark.slow
@given(families_of_values)
def test_found_is_what_the_steps_find(families: list[list[float]]) -> None:
    adjusted = fixed_sequence(families)
    assert [(family < 0.05).tolist() for family in adjusted] == step_by_step(families, 0.05)


@pytest.mark.slow
@given(families_of_values)
def test_no_family_is_below_the_ones_before(families: list[list[float]]) -> None:
    largest = [family[~np.isnan(family)].max() for family in fixed_sequence(families) if np.any(family >= 0)]
    assert largest == sorted(largest)


@pytest.mark.slow
@given(families_of_values, st.floats(1, 5))
def test_smaller_p_values_never_find_less(families: list[list[float]], factor: float) -> None:
    for less, more in zip(
        fixed_sequence(families), fixed_sequence([[factor * p for p in f] for f in families]), strict=True
    ):
        assert np.all((less <= more) | np.isnan(less))


@pytest.mark.slow
def test_any_false_finding_is_as_rare_as_one_test() -> None:
    # Three families of two true null hypotheses: only the first decides, by Holm at 5 %: 1 - 0.975².
    rng = np.random.default_rng(0)
    found = [min(family.min() for family in fixed_sequence(rng.random((3, 2)))) < 0.05 for _ in range(4000)]
    assert np.mean(found) == pytest.approx(1 - 0.975**2, abs=0.011)  # three standard errors
