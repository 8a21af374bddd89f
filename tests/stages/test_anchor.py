"""What a reset goes back to, for a start model and the policy of a later round."""

import pytest

from lorr_bench.ports.trainer import StartModel
from lorr_bench.stages.training.anchor import anchor_model, fresh_model


def origin(folder):
    return StartModel(str(folder), None, "float32", trust_remote_code=False)


@pytest.fixture(scope="module")
def later(small_model, tmp_path_factory):
    """The policy that a first round left: every weight is 1 more."""
    import torch
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("later") / "model"
    model = AutoModelForCausalLM.from_pretrained(small_model, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    model.save_pretrained(folder)
    return folder


def weights(model):
    return dict(model.named_parameters())


def stored(folder):
    import torch
    from transformers import AutoModelForCausalLM

    return weights(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32))


def same(one, other):
    import torch

    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_start_of_the_first_round_is_the_model_itself(small_model):
    assert anchor_model("start", origin(small_model), origin(small_model), 0) is None


@pytest.mark.parametrize("first_round", [True, False])
def test_the_start_of_any_round_is_the_model_itself(small_model, later, first_round):
    start = origin(small_model if first_round else later)
    assert anchor_model("round", origin(small_model), start, 0) is None


@pytest.mark.slow
def test_the_start_of_a_later_round_is_the_first_start_model(small_model, later):
    anchor = anchor_model("start", origin(small_model), origin(later), 0)
    assert same(weights(anchor(None)), stored(small_model))
    assert not same(weights(anchor(None)), stored(later))


@pytest.mark.parametrize("kind", ["start", "init"])
def test_anchors_have_the_type_of_the_weights(small_model, later, kind):
    import torch

    first = StartModel(str(small_model), None, "bfloat16", trust_remote_code=False)
    start = StartModel(str(later), None, "bfloat16", trust_remote_code=False)
    model = anchor_model(kind, first, start, 0)(None)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}


def test_a_fresh_initialisation_is_another_model_of_the_same_shape(small_model):
    start = origin(small_model)
    fresh = weights(anchor_model("init", start, start, 7)(None))
    trained = stored(small_model)
    assert {name: value.shape for name, value in fresh.items()} == {
        name: value.shape for name, value in trained.items()
    }
    name = "model.layers.0.mlp.down_proj.weight"
    assert (fresh[name] - trained[name]).abs().mean() > 0.01  # both of standard deviation 0.02


def test_a_fresh_initialisation_is_that_of_its_seed(small_model):
    start = origin(small_model)
    assert same(weights(fresh_model(start, 7)), weights(fresh_model(start, 7)))
    assert not same(weights(fresh_model(start, 7)), weights(fresh_model(start, 8)))


def test_a_fresh_initialisation_leaves_the_random_state_as_it_was(small_model, monkeypatch):
    import torch

    def refuse(seed):
        raise AssertionError("the devices are seeded")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", refuse)
    before = torch.get_rng_state()
    fresh_model(origin(small_model), 7)
    assert torch.equal(torch.get_rng_state(), before)
