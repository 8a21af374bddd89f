"""The measures against closed forms and hand calculation."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lorr_bench.lorr.measures import (
    MlpActivity,
    StartWeights,
    dormant_units,
    effective_rank,
    entropies,
    kl_divergences,
    module_group,
)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_effective_rank_of_the_identity_is_its_size(n):
    assert effective_rank(3.0 * torch.eye(n)) == pytest.approx(n, rel=1e-12)


def test_the_effective_rank_of_rank_one_is_one():
    matrix = torch.outer(torch.tensor([1.0, -2.0, 3.0]), torch.tensor([4.0, 0.5]))
    assert effective_rank(matrix) == pytest.approx(1.0, abs=1e-5)


def test_the_effective_rank_of_known_singular_values():
    # shares 3/4 and 1/4: entropy 3/4·log(4/3) + 1/4·log 4
    expected = math.exp(0.75 * math.log(4 / 3) + 0.25 * math.log(4))
    assert effective_rank(torch.diag(torch.tensor([6.0, 2.0]))) == pytest.approx(expected, rel=1e-12)


def test_the_effective_rank_of_zeros_is_zero():
    assert effective_rank(torch.zeros(3, 4)) == 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_effective_rank_of_what_is_no_number_is_none(value):
    matrix = torch.eye(3)
    matrix[1, 2] = value
    assert math.isnan(effective_rank(matrix))


@pytest.mark.slow
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 1000), st.floats(0.01, 100))
@settings(max_examples=50)
def test_the_effective_rank_ignores_scale_and_stays_within_the_smaller_side(rows, columns, seed, scale):
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    rank = effective_rank(matrix)
    assert 1 - 1e-9 <= rank <= min(rows, columns) + 1e-9
    assert effective_rank(scale * matrix) == pytest.approx(rank, rel=1e-9)


def test_the_entropy_of_a_uniform_distribution_is_the_log_of_its_size():
    assert entropies(torch.zeros(2, 5).log_softmax(-1)).tolist() == pytest.approx([math.log(5)] * 2)


def test_a_certain_distribution_has_no_entropy():
    assert entropies(torch.tensor([0.0, -math.inf, -math.inf])).item() == 0.0


def test_the_kl_divergence_of_two_coins():
    fair, biased = torch.tensor([0.5, 0.5]).log(), torch.tensor([0.9, 0.1]).log()
    forwards = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    backwards = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert kl_divergences(biased, fair).item() == pytest.approx(forwards, rel=1e-6)
    assert kl_divergences(fair, biased).item() == pytest.approx(backwards, rel=1e-6)


def test_tokens_that_both_exclude_add_nothing_to_the_kl_divergence():
    log_probs = torch.tensor([0.25, 0.75, 0.0]).log()
    reference = torch.tensor([0.5, 0.5, 0.0]).log()
    expected = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert kl_divergences(log_probs, reference).item() == pytest.approx(expected, rel=1e-6)


def test_units_at_or_below_tau_of_the_layer_mean_are_dormant():
    # mean 1: the threshold is 0.025
    activity = torch.tensor([0.0, 0.025, 0.026, 3.949], dtype=torch.float64)
    assert dormant_units(activity).tolist() == [True, True, False, False]


def test_in_a_dead_layer_all_units_are_dormant():
    assert dormant_units(torch.zeros(3)).tolist() == [True] * 3


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.down_proj = nn.Linear(width, 2)

    def forward(self, hidden):
        return self.down_proj(hidden)


def test_activity_counts_the_masked_tokens_of_all_batches_and_layers():
    model = nn.ModuleList([Mlp(2), Mlp(3)])
    with MlpActivity(model) as activity:
        activity.look_at(torch.tensor([[1, 0]]))
        model[0](torch.tensor([[[1.0, 0.0], [0.0, 9.0]]]))  # the second token does not count
        model[1](torch.ones(1, 2, 3))
        activity.look_at(torch.tensor([[1, 1, 1]]))
        model[0](torch.tensor([[[-1.0, 0.0]] * 3]))
    # unit 2 of the first layer never fires; the other 4 do
    assert activity.dormant_share() == pytest.approx(1 / 5)


def test_hidden_units_of_flattened_tokens_are_counted_too():
    model = nn.ModuleList([Mlp(2)])
    with MlpActivity(model) as activity:
        activity.look_at(torch.tensor([[1, 0], [1, 0]]))
        model[0](torch.tensor([[1.0, 0.0], [9.0, 9.0], [1.0, 0.0], [9.0, 9.0]]))
    assert activity.dormant_share() == 0.5


def test_layers_that_see_some_of_the_tokens_only_are_left_out():
    model = nn.ModuleList([Mlp(2)])
    with MlpActivity(model) as activity:
        activity.look_at(torch.ones(1, 5))
        model[0](torch.ones(3, 2))
    assert activity.dormant_share() is None


def test_what_runs_afterwards_is_not_watched():
    model = nn.ModuleList([Mlp(2)])
    with MlpActivity(model) as activity:
        activity.look_at(torch.ones(1, 1))
    model[0](torch.ones(1, 2))
    assert activity.dormant_share() is None


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("model.embed_tokens.weight", "embedding"),
        ("model.layers.0.self_attn.o_proj.weight", "attention"),
        ("model.layers.0.self_attn.q_norm.weight", "norm"),
        ("model.layers.0.post_attention_layernorm.weight", "norm"),
        ("model.layers.0.mlp.down_proj.weight", "mlp"),
        ("model.layers.0.mlp.experts.gate_up_proj", "mlp"),
        ("model.norm.weight", "norm"),
        ("lm_head.weight", "head"),
        ("base_model.model.model.layers.1.mlp.down_proj.lora_B.default.weight", "mlp"),
        ("transformer.wte.weight", "embedding"),
        ("transformer.h.0.ln_1.bias", "norm"),
        ("transformer.h.0.attn.c_proj.weight", "attention"),
        ("transformer.h.0.mlp.c_proj.weight", "mlp"),
        ("model.decoder.layers.3.fc2.weight", "mlp"),
        ("gpt_neox.layers.0.attention.dense.weight", "attention"),
        ("gpt_neox.embed_out.weight", "head"),
        ("backbone.layers.0.mixer.A_log", "other"),
    ],
)
def test_groups_of_parameters_as_model_families_name_them(name, group):
    assert module_group(name) == group


def test_the_distance_is_euclidean_over_all_tensors_of_a_group():
    model = nn.ModuleDict({"mlp": nn.Linear(1, 2), "norm": nn.LayerNorm(2)})
    start = StartWeights(model)
    with torch.no_grad():
        model["mlp"].weight.add_(2.0)  # two entries
        model["mlp"].bias.add_(torch.tensor([1.0, -4.0]))
    # √(2² + 2² + 1² + 4²) = 5
    assert start.distances(model) == {"mlp": pytest.approx(5.0), "norm": 0.0}


def test_tied_weights_count_once_and_frozen_ones_not_at_all():
    model = nn.ModuleDict({"embed": nn.Embedding(1, 1), "lm_head": nn.Linear(1, 1, bias=False)})
    model["lm_head"].weight = model["embed"].weight
    model["norm"] = nn.LayerNorm(1).requires_grad_(False)
    start = StartWeights(model)
    with torch.no_grad():
        model["embed"].weight.add_(3.0)
    assert start.distances(model) == {"embedding": pytest.approx(3.0)}
