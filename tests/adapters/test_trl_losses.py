"""Losses, SFT term and token counts of TRL's methods against formulas, on the start model's log-probabilities."""

import math

import pytest
import torch

pytestmark = pytest.mark.slow

WEIGHT = 0.25
METHODS = ["dpo", "robust_dpo", "ipo", "slic", "apo_zero", "kto", "cpo", "simpo", "orpo"]
AT_START = {
    "dpo": math.log(2),  # -log σ(0): policy and reference agree
    "robust_dpo": math.log(2),  # ((1-ε)·log 2 - ε·log 2) / (1-2ε)
    "ipo": 25.0,  # (0 - 1/(2β))²
    "slic": 1.0,  # max(0, 1 - 0)
    "apo_zero": 1.0,  # 1 - σ(0) + σ(0)
    "kto": 0.5,  # 1 - σ(0), for wanted and unwanted responses
}


@pytest.fixture(scope="module", params=METHODS)
def method(request):
    return request.param


@pytest.fixture(scope="module")
def trainer(method, make_trainer):
    return make_trainer(method)


@pytest.fixture(scope="module")
def plain(trainer, tmp_path_factory):
    """One step on all rows: what is logged is the loss of the start model."""
    return trainer(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def hybrid(trainer, tmp_path_factory):
    """The same step with λ = 0.25."""
    return trainer(tmp_path_factory.mktemp("hybrid"), trainer.loop((WEIGHT,)))


@pytest.fixture(scope="module")
def scores(nano_pairs, token_log_probs):
    """Log-probabilities of the tokens of each pair: its prompt with ``chosen`` and with ``rejected``."""
    return [
        {
            "prompt": token_log_probs(pair.prompt, pair.chosen)[0],
            "chosen": token_log_probs(pair.prompt, pair.chosen)[1],
            "rejected": token_log_probs(pair.prompt, pair.rejected)[1],
        }
        for pair in nano_pairs[:12]
    ]


def log_sigmoid(value):
    return -math.log1p(math.exp(-value))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def expected_loss(method, scores):
    if method == "cpo":
        chosen_tokens = torch.cat([score["chosen"] for score in scores])
        margins = (float(score["chosen"].sum() - score["rejected"].sum()) for score in scores)
        return mean(-log_sigmoid(0.1 * margin) for margin in margins) - float(chosen_tokens.mean())
    if method == "simpo":
        margins = (float(score["chosen"].mean() - score["rejected"].mean()) for score in scores)
        return mean(-log_sigmoid(2.5 * margin - 0.55 * 2.5) for margin in margins)
    if method == "orpo":
        every_token = torch.cat([torch.cat([score["prompt"], score["chosen"]]) for score in scores])
        log_ratios = (
            log_odds(float(score["chosen"].mean())) - log_odds(float(score["rejected"].mean()))
            for score in scores
        )
        return -float(every_token.mean()) - 0.1 * mean(log_sigmoid(ratio) for ratio in log_ratios)
    return AT_START[method]


def log_odds(log_probability):
    return log_probability - math.log1p(-math.exp(log_probability))


def test_the_first_loss_is_that_of_the_formula(method, plain, scores):
    assert plain.outcome.replays[0]["loss"] == pytest.approx(expected_loss(method, scores), rel=1e-5)


def test_the_sft_term_is_the_mean_over_sequences_of_the_mean_over_tokens(method, hybrid, scores):
    chosen = scores[:6] if method == "kto" else scores  # its 12 rows are both responses of six pairs
    expected = mean(-float(score["chosen"].mean()) for score in chosen)
    assert hybrid.outcome.replays[0]["sft_loss"] == pytest.approx(expected, rel=1e-5)


def test_the_sft_term_is_added_with_its_weight(plain, hybrid):
    (without,), (with_term,) = plain.outcome.replays, hybrid.outcome.replays
    assert with_term["loss"] == pytest.approx(without["loss"] + WEIGHT * with_term["sft_loss"], rel=1e-6)


def test_the_sft_term_has_a_gradient(plain, hybrid):
    assert any(not torch.equal(plain.weights[name], hybrid.weights[name]) for name in plain.weights)


def test_without_weight_nothing_is_logged_of_an_sft_term(plain):
    assert "sft_loss" not in plain.outcome.replays[0]


def test_tokens_are_those_of_all_sequences_that_pass(method, plain, trainer, tokenizer):
    def length(*parts):
        return sum(len(tokenizer(part)["input_ids"]) for part in parts) + 1  # and the end

    rows = trainer.rows
    if method == "kto":
        mismatched = [rows[-1], *rows[:-1]]  # each prompt again, with its neighbour's response
        own = sum(length(row.prompt, row.completion) for row in rows)
        others = sum(
            length(row.prompt, other.completion) for row, other in zip(rows, mismatched, strict=True)
        )
        assert plain.outcome.train_tokens == own + others
    else:
        both = sum(length(row.prompt, row.chosen) + length(row.prompt, row.rejected) for row in rows)
        assert plain.outcome.train_tokens == both


def test_the_weight_is_that_of_the_replay(make_trainer, tmp_path):
    trainer = make_trainer("dpo")
    first, second = trainer(tmp_path, trainer.loop((0.0, WEIGHT))).outcome.replays
    assert "sft_loss" not in first
    assert second["sft_loss"] > 0


def test_logged_values_are_means_over_the_steps_of_a_replay(make_trainer, tmp_path):
    """Without a learning rate to speak of, 12 rows in three steps have the mean loss of one step on all."""
    trainer = make_trainer("simpo")
    still = {"learning_rate": 1e-12}
    (whole,) = trainer(tmp_path / "one", settings=still).outcome.replays
    (parts,) = trainer(
        tmp_path / "three", settings=still | {"per_device_train_batch_size": 4}
    ).outcome.replays
    assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    assert parts["rewards/margins"] == pytest.approx(whole["rewards/margins"], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", ["sft", "rejection_sampling"])
def test_imitation_is_the_mean_over_response_tokens(name, make_trainer, token_log_probs, tokenizer, tmp_path):
    trainer = make_trainer(name)
    trained = trainer(tmp_path)
    tokens = torch.cat([token_log_probs(row.prompt, row.response)[1] for row in trainer.rows])
    assert trained.outcome.replays[0]["loss"] == pytest.approx(-float(tokens.mean()), rel=1e-5)
    lengths = [len(tokenizer(row.prompt + row.response)["input_ids"]) + 1 for row in trainer.rows]
    assert trained.outcome.train_tokens == sum(lengths)
