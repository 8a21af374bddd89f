"""Exact values of the reset on a toy module and on LoRA adapters."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lorr_bench.errors import SuiteError
from lorr_bench.lorr.reset import (
    clear_optimizer_state,
    reset_parameters,
    select_names,
    snapshot,
    trainable_parameters,
)


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


def fill(model, value):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(value)


def state_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_alpha_of_the_weights_and_the_rest_of_the_anchor(toy):
    fill(toy, 2.0)
    anchor = snapshot(toy, select_names(toy, r"\.o_proj\."))
    fill(toy, 10.0)
    reset_parameters(toy, anchor, 0.25)
    # 0.25·10 + 0.75·2 = 4
    assert torch.equal(toy.layers[1].o_proj.weight, torch.full((2, 2), 4.0))


def test_what_is_not_selected_keeps_every_bit(toy):
    anchor = snapshot(toy, select_names(toy, r"0\.o_proj\."))
    fill(toy, 0.3)
    before = state_of(toy)
    reset_parameters(toy, anchor, 0.7)
    after = state_of(toy)
    assert [name for name in after if not torch.equal(before[name], after[name])] == [
        "layers.0.o_proj.weight"
    ]


@pytest.mark.slow
@given(st.floats(0, 1), st.floats(-100, 100), st.floats(-100, 100))
@settings(max_examples=50)
def test_the_reset_is_the_weighted_mean_of_weight_and_anchor(factor, start, trained):
    model = Toy().double()
    fill(model, start)
    anchor = snapshot(model, select_names(model, "o_proj"))
    fill(model, trained)
    reset_parameters(model, anchor, factor)
    expected = factor * trained + (1 - factor) * start
    assert model.layers[0].o_proj.weight[0, 0].item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_factor_one_changes_nothing_and_zero_restores_the_anchor(toy):
    names = select_names(toy, "o_proj")
    anchor = snapshot(toy, names)
    with torch.no_grad():
        for parameter in toy.parameters():
            parameter.add_(1.0)
    before = state_of(toy)
    reset_parameters(toy, anchor, 1.0)
    assert all(torch.equal(before[name], tensor) for name, tensor in toy.state_dict().items())
    reset_parameters(toy, anchor, 0.0)
    assert all(torch.equal(trainable_parameters(toy)[name], anchor[name]) for name in names)


def test_the_changed_parameters_are_returned_by_name(toy):
    anchor = snapshot(toy, ["layers.1.o_proj.weight"])
    changed = reset_parameters(toy, anchor, 0.5)
    assert list(changed) == ["layers.1.o_proj.weight"]
    assert changed["layers.1.o_proj.weight"] is toy.layers[1].o_proj.weight


def test_only_what_the_pattern_names_is_selected(toy):
    assert select_names(toy, r"\.o_proj\.") == ["layers.0.o_proj.weight", "layers.1.o_proj.weight"]


def test_buffers_are_never_selected(toy):
    assert not [name for name in select_names(toy, "o_proj") if "cache" in name]


def test_tied_weights_are_selected_once(toy):
    assert select_names(toy, r"q_proj|head") == ["layers.0.q_proj.weight", "layers.1.q_proj.weight"]


def test_tied_weights_are_reset_once(toy):
    fill(toy, 0.0)
    anchor = snapshot(toy, select_names(toy, "q_proj|head"))
    fill(toy, 8.0)
    reset_parameters(toy, anchor, 0.5)
    assert toy.head.weight[0, 0].item() == 4.0  # twice would be 2


def test_frozen_parameters_are_not_selected(toy):
    toy.layers[0].o_proj.weight.requires_grad_(False)
    assert select_names(toy, "o_proj") == ["layers.1.o_proj.weight"]


def test_names_are_those_of_the_model_whatever_wraps_it(toy):
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

    names = list(trainable_parameters(toy))
    toy.layers[1] = checkpoint_wrapper(toy.layers[1])
    assert list(trainable_parameters(toy)) == names
    assert list(trainable_parameters(nn.DataParallel(toy))) == names
    assert list(trainable_parameters(torch.compile(toy, backend="eager"))) == names


def test_the_anchor_of_an_unwrapped_model_serves_the_wrapped_one(toy):
    fill(toy, 0.0)
    anchor = snapshot(toy, select_names(toy, "o_proj"))
    fill(toy, 8.0)
    reset_parameters(torch.compile(toy, backend="eager"), anchor, 0.5)
    assert toy.layers[0].o_proj.weight[0, 0].item() == 4.0


def test_a_pattern_that_matches_nothing_lists_close_names(toy):
    with pytest.raises(SuiteError, match=r"matches none of 4 trainable tensors") as caught:
        select_names(toy, "o_porj")
    assert "layers.0.o_proj.weight" in caught.value.fix


def test_moments_are_cleared_for_the_selected_and_kept_for_the_others(toy):
    optimizer = torch.optim.AdamW(toy.parameters(), lr=0.1)
    toy.head(toy.layers[1].o_proj(toy.layers[0].o_proj(torch.ones(1, 2)))).sum().backward()
    optimizer.step()
    clear_optimizer_state(optimizer, {"layers.1.o_proj.weight": toy.layers[1].o_proj.weight})
    assert toy.layers[1].o_proj.weight not in optimizer.state
    kept = optimizer.state[toy.layers[0].o_proj.weight]
    assert kept["step"] == 1
    assert kept["exp_avg"].abs().sum() > 0


def test_training_goes_on_after_the_moments_were_cleared_as_from_a_fresh_optimizer(toy):
    """The first Adam step is lr·sign(gradient) for a cleared tensor, whatever came before."""
    weight = toy.layers[1].o_proj.weight
    optimizer = torch.optim.Adam(toy.parameters(), lr=0.125)
    for scale in (1.0, -7.0):
        optimizer.zero_grad()
        (scale * weight.sum()).backward()
        optimizer.step()
    clear_optimizer_state(optimizer, {"weight": weight})
    before = weight.detach().clone()
    optimizer.zero_grad()
    (1e-3 * weight.sum()).backward()
    optimizer.step()
    assert torch.allclose(before - weight, torch.full((2, 2), 0.125), rtol=1e-4)


@pytest.fixture
def adapted():
    """A linear layer in a LoRA adapter, both of whose matrices are random."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = get_peft_model(
        nn.ModuleDict({"o_proj": nn.Linear(4, 3, bias=False), "q_proj": nn.Linear(4, 3, bias=False)}),
        LoraConfig(r=2, lora_alpha=4, target_modules=["o_proj", "q_proj"], init_lora_weights=False),
    )
    return model.base_model.model


def test_with_lora_the_product_shrinks_by_exactly_alpha(adapted):
    """α is a power of two, so scaling loses no bit."""
    anchor = snapshot(adapted, select_names(adapted, "o_proj"))
    before = adapted["o_proj"].get_delta_weight("default").clone()
    reset_parameters(adapted, anchor, 0.25)
    assert torch.equal(adapted["o_proj"].get_delta_weight("default"), 0.25 * before)


def test_with_lora_base_and_first_matrix_and_other_layers_keep_every_bit(adapted):
    before = state_of(adapted)
    reset_parameters(adapted, snapshot(adapted, select_names(adapted, "o_proj")), 0.25)
    changed = [name for name, tensor in adapted.state_dict().items() if not torch.equal(tensor, before[name])]
    assert changed == ["o_proj.lora_B.default.weight"]


def test_with_lora_only_the_second_matrices_can_be_selected(adapted):
    assert select_names(adapted, "proj") == ["o_proj.lora_B.default.weight", "q_proj.lora_B.default.weight"]


def test_with_lora_the_anchor_is_the_base_model_wherever_the_adapter_started(adapted):
    anchor = snapshot(adapted, select_names(adapted, "o_proj"))
    assert torch.equal(anchor["o_proj.lora_B.default.weight"], torch.zeros(3, 2))
