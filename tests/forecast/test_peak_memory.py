"""Peak memory against hand calculation, and against what transformers and torch really keep."""

import json
from dataclasses import replace

import pytest

from lorr_bench.forecast.model_size import ModelSize, read_model_size
from lorr_bench.forecast.peak_memory import (
    PROCESS_BYTES,
    activation_bytes,
    adapter_parameters,
    block_bytes_per_token,
    generation_need,
    generation_peak,
    logit_bytes,
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
SECOND_LAYER = {name.replace("layers.0", "layers.1"): shape for name, shape in LAYERS.items()}
HEAVY = replace(SMALL, layers=8, tensors={**SMALL.tensors, "model.layers.0.mlp.up_proj.weight": (4096, 4)})
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


def test_gradients_are_no_part_of_the_peak_of_one_micro_batch():
    """They come as activations go: what is left at the end are the states, of which gradients are a part."""
    assert "gradients" not in parts_of(accumulates=False)
    short = Training(**{**TRAINING, "accumulates": False, "max_length": 1, "checkpointing": True})
    large = 4 * (104 + 4 * 4096)
    found = training_peak(HEAVY, short, on_gpu=True).parts
    assert found == {"weights": large, "gradients": large, "Adam moments": 2 * large}


# Allocated at most on an H100 80 GB: 4 pairs of 1,024 tokens, one micro-batch, float32 weights, bf16, no
# checkpointing; Qwen2.5-1.5B with tied embeddings; torch 2.13, transformers 5.19, TRL 1.16.
H100_GIB = {"native.dpo": 48.02, "trl.dpo": 46.68, "native.orpo": 48.04, "trl.orpo": 57.33}
QWEN = {
    "model_type": "qwen2",
    "num_hidden_layers": 28,
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "vocab_size": 151936,
    "tie_word_embeddings": True,
}


@pytest.mark.parametrize("name", H100_GIB)
def test_the_formula_is_just_above_what_an_h100_allocated(name, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    form = {"mixed": True, "sequences": 8, "max_length": 1024, "accumulates": False}
    training = Training(**{**TRAINING, **form, "whole_logits": name == "trl.orpo"})
    peak = training_peak(read_model_size(str(tmp_path)), training, on_gpu=True)
    assert 1.0 <= peak.bytes / 1024 / MIB / H100_GIB[name] <= 1.06


def test_weights_in_bfloat16_halve_all_of_it():
    parts = parts_of(element_bytes=2)
    assert (parts["weights"], parts["gradients"], parts["Adam moments"]) == (208, 208, 416)


def test_mixed_precision_keeps_two_byte_copies_of_linear_layers_and_head():
    """64 parameters in linear layers, 9 · 4 in the head; frozen ones are kept by the graph alone."""
    assert parts_of(mixed=True)["bfloat16 copies"] == 2 * (64 + 36)
    frozen = Lora(rank=1, targets="all-linear", four_bit=False)
    assert parts_of(mixed=True, lora=frozen)["bfloat16 copies"] == 2 * (64 + 36)


def test_with_checkpointing_copies_are_of_the_block_at_work():
    """The backward pass of the last of 2 blocks, each of 64 parameters."""
    two = replace(SMALL, layers=2, tensors={**SMALL.tensors, **SECOND_LAYER})
    training = Training(**{**TRAINING, "mixed": True, "checkpointing": True})
    assert training_peak(two, training, on_gpu=True).parts["bfloat16 copies"] == 2 * 64


def test_sharded_weights_are_gathered_block_by_block():
    """Of 104 parameters 64 in the one block: 40 + 2 · 64 gathered, and gradients of 40 + 64, in float32."""
    parts = parts_of(processes=4, sharding="fsdp")
    assert parts["gathered shards"] == 4 * (40 + 128) + 4 * (40 + 64)
    mixed = parts_of(processes=4, sharding="fsdp", mixed=True)
    assert mixed["gathered shards"] == 2 * (40 + 128) + 4 * (40 + 64)
    assert "bfloat16 copies" not in mixed
    assert "gathered shards" not in parts_of(processes=4, sharding="deepspeed_zero2")


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


@pytest.mark.parametrize(
    ("form", "on_gpu", "bytes_each"),
    [
        ({"mixed": True}, True, 10),  # float32, though the head gives bfloat16
        ({}, True, 10),
        ({"element_bytes": 2}, True, 5),
        ({"mixed": True}, False, 18),
    ],
)
def test_whole_logits_are_there_with_their_log_softmax_and_gradients(form, on_gpu, bytes_each):
    """2 sequences · 10 tokens · 9 words; on a GPU ½ + 2 copies of each, on a CPU 1 + ½ + 3."""
    training = Training(**{**TRAINING, "whole_logits": True, **form})
    assert logit_bytes(SMALL, training, on_gpu=on_gpu) == 180 * bytes_each


def test_pieces_of_logits_are_no_more_than_a_limit():
    """Three copies in float32, and the gradient of the head: 9 · 4 parameters, none below an adapter."""
    large = {"max_length": 1 << 30, "checkpointing": True}
    training = Training(**{**TRAINING, **large})
    assert logit_bytes(SMALL, training, on_gpu=True) == 3 * 256 * MIB + 9 * 4 * 4
    few = replace(training, max_length=10, element_bytes=2)
    assert logit_bytes(SMALL, few, on_gpu=True) == 3 * 4 * 180 + 9 * 4 * 4
    frozen = replace(few, lora=Lora(rank=1, targets="all-linear", four_bit=False))
    assert logit_bytes(SMALL, frozen, on_gpu=True) == 3 * 4 * 180


def test_logits_of_autocast_are_there_in_both_precisions_at_the_end_of_the_forward_pass():
    """2 and 4 bytes each, beside the copies of all weights, where these outweigh the loss."""
    training = Training(**{**TRAINING, "mixed": True, "checkpointing": True, "whole_logits": True})
    assert training_peak(HEAVY, training, on_gpu=True).parts["logits"] == 180 * 6


def test_checkpointing_keeps_the_input_of_each_block_and_one_block():
    """20 tokens: 16 bytes of the stream; the block; 2·8 hidden units and 3·4 of the stream on their way."""
    block = block_bytes_per_token(SMALL, Training(**TRAINING))
    on_their_way = 4 * (2 * 8 + 3 * 4)
    again = Training(**{**TRAINING, "checkpointing": True})
    assert activation_bytes(SMALL, again) == 20 * (16 + block + on_their_way)
    assert activation_bytes(SMALL, Training(**TRAINING)) == 20 * (block + on_their_way)


def test_the_peak_is_that_of_the_loss_or_of_the_last_block():
    """Logits and what the last block needs on its way are not there at once."""
    wordy, training = replace(SMALL, vocabulary=900), Training(**{**TRAINING, "whole_logits": True})
    lossy = training_peak(wordy, training, on_gpu=True).parts
    assert lossy["logits"] == 20 * 900 * 10
    assert lossy["activations"] == 20 * block_bytes_per_token(SMALL, Training(**TRAINING))
    blocky = parts_of(max_length=1 << 20, checkpointing=True)
    assert "logits" not in blocky
    assert blocky["activations"] == activation_bytes(
        SMALL, Training(**{**TRAINING, "max_length": 1 << 20, "checkpointing": True})
    )


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
    scoring = Scoring(element_bytes=4, tokens=20, max_length=10, mixed=False)
    parts = {"weights": 416, "one block": 20 * 4 * (8 + 24), "keys and values": 20 * 2 * 2 * 2 * 4}
    assert reward_peak(SMALL, scoring, on_gpu=True).parts == parts
    assert reward_peak(SMALL, scoring, on_gpu=False).parts == {**parts, "process": PROCESS_BYTES}


def test_an_engine_needs_its_weights_and_the_cache_of_one_context():
    """208 bytes, and 16 tokens of 2 · 1 layer · 2 heads · 2 · 2 bytes; half of it on each of two GPUs.

    Beside that, on a large GPU, 16,384 tokens of three times 4 + 8 units, and 1,024 · 9 logits of 2 and 24 bytes.
    """
    first = 16_384 * 2 * 3 * 12 + 1024 * 9 * 26
    assert engine_need(80) == 208 + 16 * 16 + first
    assert engine_need(80, tensor_parallel=2) == 232 + first
    assert engine_need(80, context=None) == 208 + 64 * 16 + first
    assert engine_need(24) == 208 + 16 * 16 + 8_192 * 2 * 3 * 12 + 256 * 9 * 26


def engine_need(gib, **changes):
    return generation_need(SMALL, Generation(**{**GENERATION, **changes}), gib * 1024 * MIB)


def test_a_reference_pass_keeps_no_gradients():
    """20 tokens with twice 4 of the stream and 3·8 hidden units; three times 180 logits."""
    peak = scoring_peak(SMALL, Scoring(element_bytes=4, tokens=20, max_length=10, mixed=False), on_gpu=True)
    assert peak.parts == {"weights": 416, "one block": 20 * 4 * (8 + 24), "logits": 3 * 180 * 4}


def test_a_mixed_reference_pass_casts_one_weight_at_a_time():
    """The head of 9 · 4; of a token twice 4 of the stream, 4 in bfloat16, and 3·8 hidden units in bfloat16."""
    peak = scoring_peak(SMALL, Scoring(element_bytes=4, tokens=20, max_length=10, mixed=True), on_gpu=True)
    assert peak.parts["one weight in bfloat16"] == 2 * 36
    assert peak.parts["one block"] == 20 * (4 * 8 + 2 * 4 + 2 * 24)


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
