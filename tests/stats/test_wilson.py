"""Wilson's interval against scipy's."""

from __future__ import annotations

import pytest
from scipy import stats

from lorr_bench.stats.wilson import wilson_ends


@pytest.mark.parametrize(("right", "number"), [(0, 20), (7, 20), (20, 20)])
def test_ends_are_those_of_the_binomial_interval(right: int, number: int) -> None:
    expected = stats.binomtest(right, number).proportion_ci(method="wilson")
    found = wilson_ends(right / number, stats.norm.isf(0.025) ** 2 / number)
    assert found == pytest.approx((expected.low, expected.high))
