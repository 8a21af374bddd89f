"""Which pairs label noise flips, against the rule written out; and what a flipped pair is."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.data.label_noise import flipped_ids, is_flipped, swapped
from lorr_bench.values import Pair

IDS = [f"train-{number}" for number in range(4000)]
SHARES = st.floats(0, 1)
PAIR = Pair(
    "a",
    "p",
    "right",
    "wrong",
    3,
    chosen_score=1.0,
    rejected_score=0.25,
    chosen_truncated=False,
    rejected_truncated=True,
    chosen_end="<end>",
    rejected_end="",
)


def pairs(ids):
    return [Pair(name, "p", "c", "r", place) for place, name in enumerate(ids)]


def draw(name, seed):
    """The number between 0 and 1 that a pair draws: sixteen hexadecimal digits behind a point."""
    return int(hashlib.sha256(f"label noise/{seed}/{name}".encode()).hexdigest()[:16], 16) / 16**16


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_pairs_are_flipped_that_draw_less_than_the_share(share, seed):
    expected = {name for name in IDS if draw(name, seed) < share}
    assert flipped_ids(pairs(IDS), share, seed) == expected
    # Four standard deviations of a binomial share.
    assert len(expected) / len(IDS) == pytest.approx(share, abs=4 * (share * (1 - share) / len(IDS)) ** 0.5)


def test_another_seed_flips_others():
    assert flipped_ids(pairs(IDS), 0.1, 0) != flipped_ids(pairs(IDS), 0.1, 1)


@given(st.text(), SHARES, SHARES, st.integers(0))
def test_a_larger_share_flips_what_a_smaller_one_flips(name, one, other, seed):
    assert is_flipped(name, min(one, other), seed) <= is_flipped(name, max(one, other), seed)


@given(st.text(), st.integers(0))
def test_no_share_flips_nothing_and_the_whole_flips_all(name, seed):
    assert not is_flipped(name, 0.0, seed)
    assert is_flipped(name, 1.0, seed)


def test_more_pairs_flip_the_same_ones_of_the_first():
    few, many = (flipped_ids(pairs(IDS[:count]), 0.2, 5) for count in (500, 4000))
    assert few == many & set(IDS[:500])


def test_all_that_is_known_of_a_response_goes_with_it():
    assert swapped(PAIR) == Pair(
        "a",
        "p",
        "wrong",
        "right",
        3,
        chosen_score=0.25,
        rejected_score=1.0,
        chosen_truncated=True,
        rejected_truncated=False,
        chosen_end="",
        rejected_end="<end>",
    )
