"""A short run of the generator of doubt; ``python benchmarks/grading_fuzz.py`` is the long one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "grading_fuzz.py"
SPEC = importlib.util.spec_from_file_location("grading_fuzz", PROGRAM)
grading_fuzz = sys.modules["grading_fuzz"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(grading_fuzz)

PAIRS = list(grading_fuzz.pairs(1500, seed=0))


@pytest.mark.slow
def test_no_changed_answer_is_marked_right_and_nearly_all_unchanged_ones_are():
    wrong = grading_fuzz.misjudged(PAIRS)
    assert [pair for pair, _ in wrong if not pair.right] == []
    assert len(wrong) <= 0.03 * sum(pair.right for pair in PAIRS)


@pytest.mark.slow
def test_the_same_seed_makes_the_same_pairs():
    assert list(grading_fuzz.pairs(100, seed=3)) == list(grading_fuzz.pairs(100, seed=3))
    assert list(grading_fuzz.pairs(100, seed=3)) != list(grading_fuzz.pairs(100, seed=4))


@pytest.mark.parametrize("kind", grading_fuzz.KINDS)
def test_every_kind_has_pairs_of_both_sorts(kind):
    assert {pair.right for pair in PAIRS if pair.kind == kind} == {True, False}
