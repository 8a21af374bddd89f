"""Holm's correction against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lorr_bench.stats import holm


def test_by_hand() -> None:
    # Sorted 0.005 · 4, 0.01 · 3, 0.03 · 2, 0.04 · 1 → 0.02, 0.03, 0.06, and 0.04 lifted to 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_tests_that_were_not_made_are_not_counted() -> None:
    adjusted = holm([0.01, math.nan, 0.02])
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.02])
    assert math.isnan(adjusted[1])


def test_never_above_one_and_nothing_from_nothing() -> None:
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm(np.array([])).size == 0
