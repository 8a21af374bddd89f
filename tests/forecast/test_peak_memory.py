"""Peak memory against hand calculation, and against what transformers and torch really keep."""

import pytest

from lorr_bench.forecast.model_size import ModelSize
from lorr_bench.forecast.peak_memory import (
    PROCESS_BYTES,
    adapter_parameters,
    block_bytes_per_token,
    generation_need,
    generation_peak,
    reward_peak,
    scoring_peak,
    training_peak,
)
from lorr_bench.forecast.workload import Generation, Scoring, Training
from lorr_bench.ports.trainer import Lora

MIB = 1 << 20
LAYERS = {
    "model.layers.0.self_attn.q_proj.weight": (4, 4),
    "model.layers.0.self_attn.o_proj.weight": (4, 4),
    "model.layers.0.mlp.down_proj.weight": (4, 8),
}
# 64 parameters in linear layers and 40 of embeddings and norms: 104.
SMALL = ModelSize(
    tensors={"model.embed_tokens.weight": (9, 4), "model.norm.weight": (4,), **LAYERS},
    layers=1,
    hidden=4,
    intermediate=8,
    heads=2,
    kv_heads=2,
    head_size=2,
    vocabulary=9,
    context=64,
)
TRAINING = {
    "element_bytes": 4,
    "sequences": 2,
    "max_length": 10,
    "mixed": False,
    "checkpointing": False,
    "lora": None,
    "processes": 1,
    "sharding": "ddp",
    "whole_logits": False,
    "reset": None,
    "diagnostics": False,
}
GENERATION = {
    "element_bytes": 2,
    "context": 16,
    "gpu_share": 0.5,
    "kv_cache_gib": 2,
    "tensor_parallel": 1,
}


def parts_of(on_gpu=True, **changes):
    return training_peak(SMALL, Training(**{**TRAINING, **changes}), on_gpu=on_gpu).parts


def test_weights_gradients_and_moments_are_four_bytes_each():
    """104 parameters: 416 bytes of weights, as many of gradients, twice as many of moments."""
    parts = parts_of()
    assert (parts["weights"], parts["gradients"], parts["Adam moments"]) == (416, 416, 832)
    assert "gradient buckets" not in parts


def test_weights_in_bfloat16_halve_all_of_it():
    parts = parts_of(element_bytes=2)
    assert (parts["weights"], parts["gradients"], parts["Adam moments"]) == (208, 208, 416)


def test_mixed_precision_keeps_two_byte_copies_of_linear_layers():
    assert parts_of(mixed=True)["bfloat16 copies"] == 2 * 64


def test_an_anchor_is_a_copy_of_the_tensors_that_a_reset_names():
    """o_proj has 16 parameters and down_proj 32."""
    assert parts_of(reset=r"\.(o_proj|down_proj)\.")["anchor"] == 48 * 4


def test_replicas_add_buckets_of_gradients_and_shards_divide_everything():
    assert parts_of(processes=4)["gradient buckets"] == 416
    parts = parts_of(processes=4, sharding="fsdp")
    assert (parts["weights"], parts["gradients"], parts["Adam moments"]) == (104, 104, 208)


@pytest.mark.parametrize(
    ("sharding", "weights", "gradients"), [("deepspeed_zero2", 416, 104), ("deepspeed_zero3", 104, 104)]
)
def test_zero_cuts_what_its_stage_says(sharding, weights, gradients):
    """Each of 4 processes has a quarter of 416 bytes of float32 weights and of 832 of moments."""
    parts = parts_of(processes=4, sharding=sharding)
    assert (parts["weights"], parts["gradients"]) == (weights, gradients)
    assert (parts["float32 copy of the optimizer"], parts["Adam moments"]) == (104, 208)


def test_a_sharding_without_formula_has_no_peak():
    assert training_peak(SMALL, Training(**{**TRAINING, "sharding": "elsewhere"}), on_gpu=True) is None


@pytest.mark.parametrize(
    ("targets", "parameters"),
    [
        ("all-linear", 2 * (8 + 8 + 12)),
        (("o_proj", "down_proj"), 2 * (8 + 12)),
        (r".*\.self_attn\..*", 2 * (8 + 8)),
        ("o_proj", 0),  # an expression must fit the whole name
    ],
)
def test_an_adapter_has_rank_times_inputs_and_outputs(targets, parameters):
    assert adapter_parameters(SMALL, Lora(rank=2, targets=targets, four_bit=False)) == parameters


def test_an_adapter_is_trained_in_float32_above_frozen_weights():
    """56 parameters of rank 2 on all layers, on 104 of 2 bytes."""
    parts = parts_of(element_bytes=2, lora=Lora(rank=2, targets="all-linear", four_bit=False))
    assert parts["weights"] == 104 * 2 + 56 * 4
    assert (parts["gradients"], parts["Adam moments"]) == (224, 448)


def test_four_bits_are_kept_of_linear_layers_alone():
    """64 parameters of 4.127 bits are 33 bytes; the 40 others have 4 bytes each; the adapter 224."""
    assert parts_of(lora=Lora(rank=2, targets="all-linear", four_bit=True))["weights"] == 33 + 160 + 224


def test_the_anchor_of_an_adapter_is_its_second_matrices():
    """Of o_proj and down_proj: rank 2 times 4 outputs, in float32."""
    parts = parts_of(lora=Lora(rank=2, targets="all-linear", four_bit=False), reset=r"\.(o_proj|down_proj)\.")
    assert parts["anchor"] == 2 * (2 * 4) * 4


def test_whole_logits_are_three_copies_and_pieces_no_more_than_a_limit():
    """2 sequences · 10 tokens · 9 words · 4 bytes · 3 copies."""
    assert parts_of(whole_logits=True)["logits"] == 2160
    large = training_peak(SMALL, Training(**{**TRAINING, "max_length": 1 << 30}), on_gpu=True)
    assert large.parts["logits"] == 3 * 256 * MIB + 9 * 4 * 4


def test_checkpointing_keeps_the_input_of_each_block_and_one_block():
    """20 tokens: 16 bytes of the stream; the block; 2·8 hidden units and 3·4 of the stream on their way."""
    block = block_bytes_per_token(SMALL, Training(**TRAINING))
    on_their_way = 4 * (2 * 8 + 3 * 4)
    assert parts_of(checkpointing=True)["activations"] == 20 * (16 + block + on_their_way)
    assert parts_of()["activations"] == 20 * (block + on_their_way)


def test_on_a_cpu_the_process_and_the_start_weights_count_too():
    assert parts_of(on_gpu=False, diagnostics=True)["start weights"] == 416
    assert parts_of(on_gpu=False)["process"] == PROCESS_BYTES
    assert "process" not in parts_of()


def test_an_engine_on_a_cpu_is_weights_and_cache():
    peak = generation_peak(SMALL, Generation(**GENERATION), gpu_bytes=None)
    assert peak.bytes == 208 + 2 * 1024 * MIB + PROCESS_BYTES


def test_an_engine_on_a_gpu_takes_its_share():
    assert generation_peak(SMALL, Generation(**GENERATION), gpu_bytes=1000).bytes == 500


def test_a_reward_model_keeps_keys_and_values_and_makes_no_logits():
    """20 tokens with 2·4 of the stream and 3·8 hidden units; keys and values of 1 layer, 2 heads of 2."""
    scoring = Scoring(element_bytes=4, sequences=2, max_length=10, mixed=False)
    parts = {"weights": 416, "one block": 20 * 4 * (8 + 24), "keys and values": 20 * 2 * 2 * 2 * 4}
    assert reward_peak(SMALL, scoring, on_gpu=True).parts == parts
    assert reward_peak(SMALL, scoring, on_gpu=False).parts == {**parts, "process": PROCESS_BYTES}


def test_an_engine_needs_its_weights_and_the_cache_of_one_context():
    """208 bytes, and 16 tokens of 2 · 1 layer · 2 heads · 2 · 2 bytes; half of it on each of two GPUs."""
    assert generation_need(SMALL, Generation(**GENERATION)) == 208 + 16 * 16
    assert generation_need(SMALL, Generation(**{**GENERATION, "tensor_parallel": 2})) == (208 + 256) // 2
    assert generation_need(SMALL, Generation(**{**GENERATION, "context": None})) == 208 + 64 * 16


def test_a_reference_pass_keeps_no_gradients():
    """20 tokens with 2·4 of the stream and 3·8 hidden units; twice 180 logits."""
    peak = scoring_peak(SMALL, Scoring(element_bytes=4, sequences=2, max_length=10, mixed=False), on_gpu=True)
    assert peak.parts == {"weights": 416, "one block": 20 * 4 * (8 + 24), "logits": 2 * 180 * 4}


SHAPE = {
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_attention_heads": 4,
    "head_dim": 16,
}
FORMS = {"float32": (4, False), "mixed": (4, True), "bfloat16": (2, False)}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("family", "kv_heads"), [("llama", 2), ("llama", 4), ("qwen3", 4)])
def test_a_block_keeps_what_transformers_keeps_of_a_padded_batch(family, kv_heads, form):
    """The difference of two depths, counted in the tensors that autograd saves, weights left out."""
    element_bytes, mixed = FORMS[form]
    kept = [saved_bytes(family, kv_heads, layers, element_bytes, mixed) for layers in (1, 2)]
    model = ModelSize(
        tensors={"q_norm": (1,)} if family == "qwen3" else {},
        layers=1,
        hidden=64,
        intermediate=160,
        heads=4,
        kv_heads=kv_heads,
        head_size=16,
        vocabulary=64,
        context=None,
    )
    training = Training(**{**TRAINING, "element_bytes": element_bytes, "mixed": mixed})
    assert (kept[1] - kept[0]) / (4 * 32) == pytest.approx(block_bytes_per_token(model, training), rel=0.03)


def saved_bytes(family, kv_heads, layers, element_bytes, mixed):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(family, **SHAPE, num_hidden_layers=layers, num_key_value_heads=kv_heads)
    dtype = torch.float32 if element_bytes == 4 else torch.bfloat16
    model = AutoModelForCausalLM.from_config(config, dtype=dtype).model.train()
    saved = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = (tensor, storage.nbytes())
        return tensor

    ids = torch.zeros((4, 32), dtype=torch.long)
    mask = torch.ones_like(ids)
    mask[0, -1] = 0
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=mixed)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), autocast:
        output = model(input_ids=ids, attention_mask=mask, use_cache=False)  # noqa: F841 - keeps the graph
    shapes = {tuple(sorted(p.shape)) for p in model.parameters()}
    return sum(size for tensor, size in saved.values() if tuple(sorted(tensor.shape)) not in shapes)
