"""Losses and slopes of every registered objective where log-probabilities are extreme, against mpmath.

Responses of up to 30 tokens whose log-probability is anything from all but certain to impossible.
"""

from functools import partial

import mpmath
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from lorr_bench_adapters.native import objectives
from lorr_bench_adapters.native.pairs import PairMethod, PairScores, Responses

from lorr_bench.ports.registry import adapter_names, load_adapter

PAIR_METHODS = [name for name in adapter_names() if isinstance(load_adapter(name), PairMethod)]
NEARLY = -(2.0**-24)  # nearly certain
LOG_PROBS = st.floats(-4096, NEARLY, width=32)
LENGTHS = st.integers(1, 30)


def softplus(x):
    return mpmath.log1p(mpmath.exp(x))


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def odds(mean):
    return mpmath.exp(mean) / (1 - mpmath.exp(mean))


# One pair: totals c, r under the policy and d, s under the reference, lengths n, m; the settings' defaults.
FORMULAS = {
    "dpo": lambda o, c, r, d, s, n, m: softplus(-o.beta * (c - d - r + s)),
    "cdpo": lambda o, c, r, d, s, n, m: (
        (1 - o.label_smoothing) * softplus(-o.beta * (c - d - r + s))
        + o.label_smoothing * softplus(o.beta * (c - d - r + s))
    ),
    "robust_dpo": lambda o, c, r, d, s, n, m: (
        (
            (1 - o.label_smoothing) * softplus(-o.beta * (c - d - r + s))
            - o.label_smoothing * softplus(o.beta * (c - d - r + s))
        )
        / (1 - 2 * o.label_smoothing)
    ),
    "ipo": lambda o, c, r, d, s, n, m: ((c - d) / n - (r - s) / m - 1 / (2 * o.beta)) ** 2,
    "slic": lambda o, c, r, d, s, n, m: max(mpmath.mpf(0), 1 - o.beta * (c - d - r + s)),
    "apo_zero": lambda o, c, r, d, s, n, m: sigmoid(-o.beta * (c - d)) + sigmoid(o.beta * (r - s)),
    "simpo": lambda o, c, r, d, s, n, m: softplus(-o.beta * (c / n - r / m - o.gamma_beta_ratio)),
    "cpo": lambda o, c, r, d, s, n, m: softplus(-o.beta * (c - r)) - o.cpo_alpha * c / n,
    "orpo": lambda o, c, r, d, s, n, m: o.beta * mpmath.log1p(odds(r / m) / odds(c / n)) - c / n,
}


def responses(total, length, reference):
    shared = (total / length).expand(1, length)
    ones = torch.ones(1, length)
    return Responses(shared, ones, ones, torch.tensor([reference], dtype=total.dtype))


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIR_METHODS)
@given(st.tuples(*[LOG_PROBS] * 4), st.tuples(LENGTHS, LENGTHS))
@example((NEARLY, -3000.0, -3000.0, NEARLY), (30, 1))
@example((-4096.0, NEARLY, NEARLY, -4096.0), (1, 30))
@example((NEARLY, NEARLY, NEARLY, NEARLY), (30, 30))
def test_loss_and_slopes_are_finite_and_those_of_the_formula(name, values, lengths):
    method = load_adapter(name)
    settings = method.hyperparameters()
    totals = [torch.tensor([value], requires_grad=True) for value in values[:2]]
    chosen, rejected = map(responses, totals, lengths, values[2:])
    loss = method.losses(PairScores(chosen, rejected, float(lengths[0])), settings).sum()
    loss.backward()
    found = [loss.item(), *(total.grad.item() for total in totals)]
    assert all(mpmath.isfinite(value) for value in found)
    if method.name not in FORMULAS:  # a third party's
        return
    with mpmath.workdps(50):
        exact = [mpmath.mpf(value) for value in values]
        formula = partial(FORMULAS[method.name], settings)
        of_chosen = mpmath.diff(lambda c: formula(c, *exact[1:], *lengths), exact[0], h=mpmath.mpf(10) ** -20)
        of_rejected = mpmath.diff(
            lambda r: formula(exact[0], r, *exact[2:], *lengths), exact[1], h=mpmath.mpf(10) ** -20
        )
        expected = [float(x) for x in (formula(*exact, *lengths), of_chosen, of_rejected)]
    # In float32 a margin of 5,000 is off by 1e-3, which the losses multiply by β.
    assert found == pytest.approx(expected, rel=5e-3, abs=1e-5)


@pytest.mark.slow
@given(LOG_PROBS, LOG_PROBS, st.booleans(), st.floats(0, 5000, width=32))
def test_kto_is_finite_and_its_formula(log_prob, reference, wanted, kl):
    total = torch.tensor([log_prob], requires_grad=True)
    loss = objectives.kto(
        total,
        torch.tensor([reference]),
        torch.tensor([wanted]),
        torch.tensor(kl),
        beta=0.1,
        desirable_weight=1.5,
        undesirable_weight=0.5,
    ).sum()
    loss.backward()
    with mpmath.workdps(50):
        sign, weight = (1, 1.5) if wanted else (-1, 0.5)
        value = sigmoid(-sign * mpmath.mpf(0.1) * (mpmath.mpf(log_prob) - reference - kl))
        expected = [float(weight * value), float(-sign * weight * 0.1 * value * (1 - value))]
    assert [loss.item(), total.grad.item()] == pytest.approx(expected, rel=5e-3, abs=1e-5)
