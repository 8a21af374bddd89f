"""The rules of the ledger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.budget import EQUAL_QUANTITIES, check_equal, check_limits
from lorr_bench.errors import BudgetError
from lorr_bench.values import Spend


@pytest.mark.parametrize("axis", EQUAL_QUANTITIES)
def test_an_equal_or_smaller_arm_is_allowed(axis):
    baseline = Spend(prompts=5, unique_pairs=5, pair_visits=5, verifier_calls=5, optimizer_steps=5)
    check_equal("arm", baseline, "base", baseline, axis)
    check_equal("arm", Spend(), "base", baseline, axis)


@pytest.mark.parametrize(
    ("axis", "quantity"), [(axis, name) for axis, names in EQUAL_QUANTITIES.items() for name in names]
)
def test_one_more_of_an_equal_quantity_is_refused(axis, quantity):
    with pytest.raises(BudgetError, match=f"arm needs 6 {quantity}, base has 5"):
        check_equal("arm", Spend(**{quantity: 6}), "base", Spend(**{quantity: 5}), axis)


def test_more_of_what_is_not_held_equal_is_allowed():
    check_equal("arm", Spend(optimizer_steps=9), "base", Spend(optimizer_steps=3), "data")


def test_no_limit_no_refusal():
    check_limits("arm", 16, Spend(prompts=10**9), {"prompts": None})


def test_a_limit_refuses_what_exceeds_it():
    check_limits("arm", 16, Spend(prompts=3), {"prompts": 3})
    with pytest.raises(BudgetError, match="arm at 16 pairs needs 4 prompts, the limit is 3"):
        check_limits("arm", 16, Spend(prompts=4), {"prompts": 3})


@pytest.mark.slow
@given(st.builds(Spend, *[st.integers(0, 10**9)] * 10))
def test_a_spend_survives_its_dictionary(spend):
    assert Spend.from_dict({**spend.to_dict(), "a later quantity": 1}) == spend
