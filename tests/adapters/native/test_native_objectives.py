"""Each objective against its formula in plain Python, its slope against finite differences, and TRL's own code."""

import math
from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lorr_bench_adapters.native import objectives

BETA, SMOOTHING, RATIO, ALPHA = 0.3, 0.2, 0.6, 0.7
CHOSEN = [-12.5, -3.25, -40.0, -7.5]
REJECTED = [-11.0, -9.5, -38.0, -7.25]
REF_CHOSEN = [-13.0, -3.0, -42.5, -2.0]
REF_REJECTED = [-10.0, -5.0, -36.0, -20.0]
CHOSEN_LENGTHS = [5, 2, 16, 3]
REJECTED_LENGTHS = [4, 7, 10, 5]
WANTED = [True, False, False, True]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def margin(c, r, rc, rr):
    return c - rc - r + rr


def log_odds(mean):
    p = math.exp(mean)
    return math.log(p / (1 - p))


def by_hand_cpo(c, r, nll):
    return math.log(1 + math.exp(BETA * (r - c))) + ALPHA * nll


def by_hand_orpo(c, r, nll):
    return nll - BETA * math.log(sigmoid(log_odds(c) - log_odds(r)))


# name: (the objective of four log-probabilities, the same for one pair in plain Python)
WITH_REFERENCE = {
    "dpo": (
        lambda *x: objectives.dpo(*x, beta=BETA),
        lambda *x: math.log(1 + math.exp(-BETA * margin(*x))),
    ),
    "cdpo": (
        lambda *x: objectives.cdpo(*x, beta=BETA, label_smoothing=SMOOTHING),
        lambda *x: math.log(1 + math.exp(-BETA * margin(*x))) + SMOOTHING * BETA * margin(*x),
    ),
    "robust_dpo": (
        lambda *x: objectives.robust_dpo(*x, beta=BETA, label_smoothing=SMOOTHING),
        # log σ(-x) = log σ(x) - x, so the loss of DPO minus ε/(1-2ε)·β·Δ
        lambda *x: (
            math.log(1 + math.exp(-BETA * margin(*x))) - SMOOTHING / (1 - 2 * SMOOTHING) * BETA * margin(*x)
        ),
    ),
    "slic": (
        lambda *x: objectives.slic(*x, beta=BETA),
        lambda *x: max(0.0, 1 - BETA * margin(*x)),
    ),
    "apo_zero": (
        lambda *x: objectives.apo_zero(*x, beta=BETA),
        lambda c, r, rc, rr: sigmoid(BETA * (rc - c)) + sigmoid(BETA * (r - rr)),
    ),
}


def tensors(*columns, grad=False):
    return [torch.tensor(column, dtype=torch.float64, requires_grad=grad) for column in columns]


def slopes(function, arguments, wrt):
    """Derivative of the summed losses by each entry of the first ``wrt`` columns, by central differences."""
    step, found = 1e-5, []
    for column in range(wrt):
        of_column = []
        for row in range(len(arguments[column])):
            sums = []
            for sign in (1, -1):
                moved = [list(values) for values in arguments]
                moved[column][row] += sign * step
                sums.append(sum(function(*entries) for entries in zip(*moved, strict=True)))
            of_column.append((sums[0] - sums[1]) / (2 * step))
        found.append(of_column)
    return found


def assert_same(ours, function, arguments, wrt=2):
    """Losses and slopes of ``ours`` on tensors equal those of ``function`` on floats."""
    inputs = tensors(*arguments, grad=True)
    losses = ours(*inputs)
    expected = [function(*entries) for entries in zip(*arguments, strict=True)]
    assert losses.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    losses.sum().backward()
    for tensor, by_difference in zip(inputs, slopes(function, arguments, wrt), strict=False):
        assert tensor.grad.tolist() == pytest.approx(by_difference, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_losses_with_a_reference_are_their_formula(name):
    ours, by_hand = WITH_REFERENCE[name]
    assert_same(ours, by_hand, [CHOSEN, REJECTED, REF_CHOSEN, REF_REJECTED])


def test_ipo_is_its_formula_per_token():
    def by_hand(*pair):
        c, r, rc, rr, n, m = pair
        return ((c - rc) / n - (r - rr) / m - 1 / (2 * BETA)) ** 2

    def ours(*pairs):
        *log_probs, n, m = pairs
        return objectives.ipo(*log_probs, chosen_lengths=n, rejected_lengths=m, beta=BETA)

    arguments = [CHOSEN, REJECTED, REF_CHOSEN, REF_REJECTED, CHOSEN_LENGTHS, REJECTED_LENGTHS]
    assert_same(ours, by_hand, arguments)


def test_simpo_is_its_formula():
    assert_same(
        lambda c, r: objectives.simpo(c, r, beta=BETA, gamma_beta_ratio=RATIO),
        lambda c, r: -math.log(sigmoid(BETA * (c - r) - BETA * RATIO)),
        [CHOSEN, REJECTED],
    )


def test_cpo_is_its_formula_with_its_own_likelihood_term():
    nll = [2.5] * 4
    assert_same(
        lambda c, r, n: objectives.cpo(c, r, n, beta=BETA, cpo_alpha=ALPHA),
        by_hand_cpo,
        [CHOSEN, REJECTED, nll],
        wrt=3,
    )


def test_orpo_is_its_formula_on_both_branches_of_the_odds():
    means = [[-0.01, -0.5, -2.0, -0.9], [-1.5, -0.02, -0.1, -5.0]]
    assert_same(lambda c, r, n: objectives.orpo(c, r, n, beta=BETA), by_hand_orpo, [*means, [1.5] * 4], wrt=3)


def test_orpo_stays_finite_for_a_response_that_is_all_but_certain():
    nearly, far = tensors([-1e-12], [-30.0], grad=True)
    loss = objectives.orpo(nearly, far, torch.tensor(0.0), beta=1.0)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(nearly.grad).all()


def test_kto_is_its_formula_for_both_labels():
    def by_hand(logp, ref, kl, wanted):
        z = BETA * (logp - ref - kl)
        return 1.5 * (1 - sigmoid(z)) if wanted else 0.5 * (1 - sigmoid(-z))

    def ours(logp, ref, kl, wanted):
        return objectives.kto(
            logp, ref, wanted.bool(), kl[0].detach(), beta=BETA, desirable_weight=1.5, undesirable_weight=0.5
        )

    assert_same(ours, by_hand, [CHOSEN, REF_CHOSEN, [0.4] * 4, [float(w) for w in WANTED]], wrt=1)


def test_the_kl_estimate_is_a_mean_without_gradient():
    logps, refs = tensors([-3.0, -5.0], [-4.0, -9.0], grad=True)
    kl = objectives.mismatched_kl(logps, refs)
    assert kl.item() == 2.5  # (1 + 4) / 2
    assert not kl.requires_grad


def test_sft_is_the_mean_over_tokens_not_over_responses():
    log_probs, mask = tensors([[-1.0, -2.0, -3.0], [-10.0, 0.0, 0.0]], [[1, 1, 1], [1, 0, 0]])
    assert objectives.token_nll(log_probs, mask, tokens_per_row=2.0).item() == 16 / 4
    shares = objectives.sft(log_probs, mask, tokens_per_row=2.0)
    assert shares.mean().item() == 16 / 4
    assert shares.tolist() == [6 * 2 / 4, 10 * 2 / 4]


def test_micro_batches_that_weigh_by_rows_add_up_to_the_mean_over_tokens():
    log_probs, mask = tensors(
        [[-1.0, -2.0, -3.0], [-10.0, 0.0, 0.0], [-2.0, -2.0, 0.0]], [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    )
    first, second = slice(2), slice(2, 3)
    parts = [
        objectives.token_nll(log_probs[part], mask[part], tokens_per_row=6 / 3).item()
        for part in (first, second)
    ]
    assert parts[0] * 2 / 3 + parts[1] * 1 / 3 == pytest.approx(20 / 6)


@pytest.mark.slow
@given(st.floats(0, 0.45), st.lists(st.floats(-20, 20), min_size=4, max_size=4))
def test_smoothed_labels_undo_flips_in_robust_dpo_on_average(share, values):
    """(1-ε)·robust(Δ) + ε·robust(-Δ) is the loss of DPO: that is what unbiased means."""
    c, r, rc, rr = (torch.tensor([v], dtype=torch.float64) for v in values)
    right = objectives.robust_dpo(c, r, rc, rr, beta=1.0, label_smoothing=share)
    wrong = objectives.robust_dpo(r, c, rr, rc, beta=1.0, label_smoothing=share)
    clean = objectives.dpo(c, r, rc, rr, beta=1.0)
    assert ((1 - share) * right + share * wrong).item() == pytest.approx(clean.item(), rel=1e-8, abs=1e-8)


# ---- TRL's own code, on the same log-probabilities -------------------------------------------------------------

TRL_DPO_LOSSES = {
    "dpo": "sigmoid",
    "robust_dpo": "robust",
    "slic": "hinge",
    "apo_zero": "apo_zero",
    "ipo": "ipo",
}


class Recorder:
    """Stands in for accelerate in TRL's metrics."""

    device = torch.device("cpu")

    def gather(self, value):
        return value

    gather_for_metrics = gather


def per_token(totals, lengths, width):
    """Token log-probabilities of responses that end a sequence, with the given totals; columns are positions 1.."""
    rows = []
    for total, length in zip(totals, lengths, strict=True):
        rows.append(
            torch.cat([torch.zeros(width - length, dtype=total.dtype), total.expand(length) / length])
        )
    return torch.stack(rows)


def trl_dpo_loss(loss_type, chosen, rejected):
    """The scalar that DPOTrainer computes when its model gives these log-probabilities."""
    from trl import DPOTrainer

    lengths, width = [*CHOSEN_LENGTHS, *REJECTED_LENGTHS], 20
    log_probs = per_token(torch.cat([chosen, rejected]), lengths, width)
    mask = torch.tensor([[0] * (width + 1 - n) + [1] * n for n in lengths])
    zeros = torch.zeros_like(log_probs)
    outputs = SimpleNamespace(
        log_probs=log_probs, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool(), logits=None
    )
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True),
        accelerator=Recorder(),
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=[loss_type],
        loss_weights=[1.0],
        beta=BETA,
        label_smoothing=SMOOTHING,
        use_weighting=False,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
    )
    ref_chosen, ref_rejected = tensors(REF_CHOSEN, REF_REJECTED)
    inputs = {
        "input_ids": torch.zeros_like(mask),
        "attention_mask": torch.ones_like(mask),
        "completion_mask": mask,
        "ref_chosen_logps": ref_chosen,
        "ref_rejected_logps": ref_rejected,
    }
    return DPOTrainer._compute_loss(trainer, lambda **_: outputs, inputs, return_outputs=False)


def assert_same_as(theirs, ours, columns):
    """Mean loss and gradients agree to 1e-5."""
    first, second = tensors(*columns, grad=True), tensors(*columns, grad=True)
    expected, found = theirs(*first), ours(*second)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    expected.backward()
    found.backward()
    for mine, other in zip(second, first, strict=True):
        assert mine.grad.tolist() == pytest.approx(other.grad.tolist(), rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("name", TRL_DPO_LOSSES)
def test_losses_with_a_reference_are_those_of_trl(name):
    lengths = tensors(CHOSEN_LENGTHS, REJECTED_LENGTHS)

    def ours(chosen, rejected):
        inputs = [chosen, rejected, *tensors(REF_CHOSEN, REF_REJECTED)]
        if name == "ipo":
            return objectives.ipo(
                *inputs, chosen_lengths=lengths[0], rejected_lengths=lengths[1], beta=BETA
            ).mean()
        return WITH_REFERENCE[name][0](*inputs).mean()

    assert_same_as(lambda c, r: trl_dpo_loss(TRL_DPO_LOSSES[name], c, r), ours, [CHOSEN, REJECTED])


def trl_cpo(loss_type, smoothing=0.0):
    from trl.experimental.cpo import CPOTrainer

    trainer = SimpleNamespace(
        accelerator=Recorder(),
        alpha=0.0,
        beta=BETA,
        loss_type=loss_type,
        simpo_gamma=RATIO * BETA,
        label_smoothing=smoothing,
    )
    return lambda c, r: CPOTrainer.cpo_loss(trainer, c, r)[0].mean()


@pytest.fixture(autouse=True)
def experimental(monkeypatch):
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")


def test_simpo_is_that_of_trl():
    assert_same_as(
        trl_cpo("simpo"),
        lambda c, r: objectives.simpo(c, r, beta=BETA, gamma_beta_ratio=RATIO).mean(),
        [CHOSEN, REJECTED],
    )


def test_cpo_is_that_of_trl():
    preference, (nll,) = trl_cpo("sigmoid"), tensors(2.5)
    assert_same_as(
        lambda c, r: preference(c, r) + ALPHA * nll,
        lambda c, r: objectives.cpo(c, r, nll, beta=BETA, cpo_alpha=ALPHA).mean(),
        [CHOSEN, REJECTED],
    )


def test_cdpo_is_the_smoothed_loss_of_trl():
    """TRL has label smoothing in its CPO loss; on log-ratios in place of log-probabilities that is cDPO."""
    ref_chosen, ref_rejected = tensors(REF_CHOSEN, REF_REJECTED)
    smoothed = trl_cpo("sigmoid", SMOOTHING)
    assert_same_as(
        lambda c, r: smoothed(c - ref_chosen, r - ref_rejected),
        lambda c, r: WITH_REFERENCE["cdpo"][0](c, r, ref_chosen, ref_rejected).mean(),
        [CHOSEN, REJECTED],
    )


def test_orpo_is_that_of_trl():
    from trl.experimental.orpo import ORPOTrainer

    trainer, (nll,) = SimpleNamespace(accelerator=Recorder(), beta=BETA), tensors(1.5)
    assert_same_as(
        lambda c, r: nll - ORPOTrainer.odds_ratio_loss(trainer, c, r)[0].mean().double(),
        lambda c, r: objectives.orpo(c, r, nll, beta=BETA).mean(),
        [[-0.3, -0.5, -2.0, -0.9], [-1.5, -0.2, -0.1, -5.0]],
    )


def test_likelihood_terms_are_the_cross_entropy_of_trl():
    """CPO and ORPO in TRL: torch's cross-entropy over the tokens of the micro-batch that have a label."""
    logits = torch.randn(2, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[-100, 3, 2, 6, 1], [-100, -100, -100, 0, 5]])
    theirs = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    mask = (labels >= 0).long()
    log_probs = logits.log_softmax(-1).gather(2, labels.clamp(min=0)[..., None])[..., 0]
    found = objectives.token_nll(log_probs, mask, tokens_per_row=6 / 2).item()
    assert found == pytest.approx(theirs.item(), rel=1e-12)


def test_kto_is_that_of_trl():
    from trl import KTOTrainer

    (ref, kl_logps, ref_kl) = tensors(REF_CHOSEN, [-4.0, -6.0, -8.0, -5.0], [-5.0, -7.5, -8.0, -6.5])
    wanted = torch.tensor(WANTED)

    def theirs(logps):
        zeros = torch.zeros(4, 1, dtype=torch.float64)
        outputs = SimpleNamespace(
            log_probs=logps[:, None], entropy=zeros, mean_logits=zeros, is_top1=zeros.bool()
        )
        trainer = SimpleNamespace(
            model=SimpleNamespace(training=True),
            accelerator=Recorder(),
            aux_loss_enabled=False,
            precompute_ref_logps=True,
            calculate_KL=True,
            loss_type="kto",
            beta=BETA,
            desirable_weight=1.5,
            undesirable_weight=0.5,
            _metrics={"train": defaultdict(list)},
            _total_train_tokens=0,
            _tp_size=1,
            _compute_kl_logps=lambda *_: kl_logps,
        )
        inputs = {
            "input_ids": torch.zeros(4, 2, dtype=torch.long),
            "attention_mask": torch.ones(4, 2, dtype=torch.long),
            "completion_mask": torch.ones(4, 2, dtype=torch.long),
            "label": wanted,
            "ref_logps": ref,
            "ref_KL_logps": ref_kl,
        }
        return KTOTrainer._compute_loss(trainer, lambda **_: outputs, inputs, return_outputs=False)

    def ours(logps):
        kl = objectives.mismatched_kl(kl_logps, ref_kl).clamp(min=0)
        losses = objectives.kto(
            logps, ref, wanted, kl, beta=BETA, desirable_weight=1.5, undesirable_weight=0.5
        )
        return losses.mean()

    assert_same_as(theirs, ours, [CHOSEN])
