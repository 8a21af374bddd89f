"""ORPO near probability 1 and far from it, on both backends, against mpmath with 60 digits."""

from types import SimpleNamespace

import mpmath
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lorr_bench_adapters.native import objectives
from lorr_bench_adapters.odds import log1mexp

BETA = 0.3
MEANS = st.floats(-200, -(2.0**-30), width=32)  # 2^-30 is 9.3e-10
DTYPES = [torch.float32, torch.float64]


def native(chosen, rejected):
    return objectives.orpo(chosen, rejected, torch.zeros((), dtype=chosen.dtype), beta=BETA)


def trl(chosen, rejected):
    from lorr_bench_adapters.trl.training.reference_free import ReplayORPOTrainer

    losses, *_ = ReplayORPOTrainer.odds_ratio_loss(SimpleNamespace(beta=BETA), chosen, rejected)
    return -losses


@pytest.fixture(scope="module", params=[native, trl])
def orpo(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
        request.param(*torch.tensor([[-1.0], [-2.0]]))  # imports TRL, which takes seconds
        yield request.param


def found(orpo, chosen, rejected, dtype):
    """Loss and its slopes along chosen and rejected."""
    inputs = [torch.tensor([mean], dtype=dtype, requires_grad=True) for mean in (chosen, rejected)]
    loss = orpo(*inputs)
    loss.sum().backward()
    return [loss.item(), *(tensor.grad.item() for tensor in inputs)]


def by_formula(chosen, rejected):
    """β·log(1 + odds(rejected)/odds(chosen)), odds = p/(1 - p), and its slopes."""
    with mpmath.workdps(60):
        p, q = mpmath.exp(mpmath.mpf(chosen)), mpmath.exp(mpmath.mpf(rejected))
        ratio = (q / (1 - q)) / (p / (1 - p))
        loss = BETA * mpmath.log1p(ratio)
        slope = BETA * ratio / (1 + ratio)  # along -log odds(chosen); d log odds = d log p / (1 - p)
        return [float(loss), float(-slope / (1 - p)), float(slope / (1 - q))]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None)
@given(MEANS, MEANS)
@example(-1e-8, -2.0)
@example(-2.0, -1e-8)
@example(-1e-8, -1e-8)
@example(-0.6931471824645996, -0.6931471824645996)  # where the branches meet
@example(-100.0, -1e-8)
def test_value_and_slopes_are_those_of_the_formula(orpo, dtype, chosen, rejected):
    chosen, rejected = (float(torch.tensor(mean)) for mean in (chosen, rejected))
    expected = by_formula(chosen, rejected)
    assert found(orpo, chosen, rejected, dtype) == pytest.approx(expected, rel=1e-4, abs=1e-10)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_chosen_response_that_is_certain_has_the_slope_of_the_limit(orpo, dtype):
    """β·log(1 + expm1(-c)·odds(r)) has the value 0 and the slope -β·odds(r) at c = 0."""
    odds = float(mpmath.exp(-1.5) / (1 - mpmath.exp(-1.5)))
    assert found(orpo, 0.0, -1.5, dtype)[:2] == pytest.approx([0.0, -BETA * odds], rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rejected", [0.0, 1e-9, -1e-30])
def test_a_rejected_response_that_is_certain_is_pushed_away_by_a_finite_slope(orpo, dtype, rejected):
    """The formula is infinite there; its slope at the smallest distance of 1 from a probability is not."""
    loss, _, slope = found(orpo, -1.5, rejected, dtype)
    assert 0 < loss < 100 * BETA
    assert 1e8 * BETA < slope < 1e20 * BETA


@pytest.mark.slow
@given(st.floats(-200, -(2.0**-30)))
def test_the_logarithm_of_the_other_probability(x):
    with mpmath.workdps(60):
        expected = float(mpmath.log(1 - mpmath.exp(mpmath.mpf(x))))
    assert log1mexp(torch.tensor(x, dtype=torch.float64)).item() == pytest.approx(expected, rel=1e-13)
