"""Exact values of the reset on a toy module."""

import pytest
import torch
from torch import nn

from lorr_bench.errors import SuiteError
from lorr_bench.lorr.reset import clear_optimizer_state, select_parameters, shrink_and_perturb, snapshot


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.o_proj = nn.Linear(2, 2, bias=False)
        self.q_proj = nn.Linear(2, 2, bias=False)
        self.register_buffer("o_proj_cache", torch.ones(2))


class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Layer(), Layer()])
        self.head = nn.Linear(2, 2, bias=False)
        self.head.weight = self.layers[0].q_proj.weight


@pytest.fixture
def toy():
    torch.manual_seed(0)
    return Toy()


def test_alpha_of_the_weights_and_the_rest_of_the_anchor(toy):
    selected = select_parameters(toy, r"\.o_proj\.")
    with torch.no_grad():
        for parameter in selected.values():
            parameter.fill_(2.0)
    anchor = snapshot(selected)
    with torch.no_grad():
        for parameter in selected.values():
            parameter.fill_(10.0)
    shrink_and_perturb(selected, anchor, 0.25)
    # 0.25·10 + 0.75·2 = 4
    assert all(torch.equal(p, torch.full((2, 2), 4.0)) for p in selected.values())


def test_factor_one_changes_nothing_and_zero_restores_the_anchor(toy):
    selected = select_parameters(toy, "o_proj")
    anchor = snapshot(selected)
    with torch.no_grad():
        for parameter in selected.values():
            parameter.add_(1.0)
    before = snapshot(selected)
    shrink_and_perturb(selected, anchor, 1.0)
    assert all(torch.equal(selected[name], before[name]) for name in selected)
    shrink_and_perturb(selected, anchor, 0.0)
    assert all(torch.equal(selected[name], anchor[name]) for name in selected)


def test_only_what_the_pattern_names_is_selected(toy):
    assert sorted(select_parameters(toy, r"\.o_proj\.")) == [
        "layers.0.o_proj.weight",
        "layers.1.o_proj.weight",
    ]


def test_buffers_are_never_selected(toy):
    assert not [name for name in select_parameters(toy, "o_proj") if "cache" in name]


def test_tied_weights_are_selected_once(toy):
    selected = select_parameters(toy, r"q_proj|head")
    assert sorted(selected) == ["layers.0.q_proj.weight", "layers.1.q_proj.weight"]


def test_frozen_parameters_are_not_selected(toy):
    toy.layers[0].o_proj.weight.requires_grad_(False)
    assert list(select_parameters(toy, "o_proj")) == ["layers.1.o_proj.weight"]


def test_a_pattern_that_matches_nothing_lists_close_names(toy):
    with pytest.raises(SuiteError, match=r"matches none of 4 trainable tensors") as caught:
        select_parameters(toy, "o_porj")
    assert "layers.0.o_proj.weight" in caught.value.fix


def test_moments_are_cleared_for_the_selected_and_kept_for_the_others(toy):
    optimizer = torch.optim.AdamW(toy.parameters(), lr=0.1)
    toy.head(toy.layers[1].o_proj(toy.layers[0].o_proj(torch.ones(1, 2)))).sum().backward()
    optimizer.step()
    selected = select_parameters(toy, r"1\.o_proj")
    clear_optimizer_state(optimizer, selected)
    assert toy.layers[1].o_proj.weight not in optimizer.state
    kept = optimizer.state[toy.layers[0].o_proj.weight]
    assert kept["step"] == 1
    assert kept["exp_avg"].abs().sum() > 0
