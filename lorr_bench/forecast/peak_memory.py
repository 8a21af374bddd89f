"""How much memory a stage will need at its peak, as a sum of parts that can be checked by hand.

Training with Adam keeps, in each process: the weights, a gradient and two moments of each trained parameter
(Rajbhandari et al. 2020, arXiv 1910.02054, section 3.1), what the backward pass needs of the forward pass,
and logits. These are not all there at once: a peak is the largest of the phases of an update. An H100 took
0.95 to 0.98 of it for models of 1.5B (docs/estimates.md). What a block keeps of a token was counted on
transformers' Llama with ``torch.autograd.graph``; a test counts it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lorr_bench.forecast.model_size import ModelSize
from lorr_bench.forecast.workload import Generation, Scoring, Training
from lorr_bench.ports.trainer import Lora

GIB: Final = 1 << 30
FLOAT_BYTES: Final = 4
BF16_BYTES: Final = 2
PROCESS_BYTES: Final = 650 << 20
"""A Python process that has imported torch, transformers and TRL, measured on Linux: 624 MiB."""
LOGITS_PER_PIECE: Final = 1 << 26
"""Logits that are held at once where they are made in pieces, by the native backend. Tiles of TRL's fused
head have up to 2^27 logits in one copy, which is less."""
COPIES_OF_LOGITS: Final = 3
"""Of a piece: its log-softmax, and the gradients of that and of the logits."""
COPIES_OF_WHOLE_LOGITS: Final = {"gpu": 2.5, "cpu": 4.5}
"""Of TRL's CPOTrainer and ORPOTrainer in the backward pass: the log-softmax of the chosen half; on a GPU the
logits and their gradient by TRL's kernel, then that and the one before the last place is left out. On a CPU,
without the kernel, the logits and three such gradients: a test counts them."""
COPIES_OF_SCORED_LOGITS: Final = 3
"""Of a piece without gradients: as the head gives them, in float32, and their log-softmax."""
FORWARD_COPIES_OF_LOGITS: Final = 1.5
"""Where they come out of autocast: in bfloat16, and as float32 beside that."""
LARGE_GPU_GIB: Final = 70
ENGINE_BATCH: Final = {"large": (16_384, 1_024), "other": (8_192, 256)}
"""Tokens and answers that vLLM 0.32 takes at once, and tries before the rest of its share is cache: its
defaults of ``max_num_batched_tokens`` and ``max_num_seqs`` on GPUs of so many GiB, and on others."""
SAMPLER_BYTES: Final = 24
"""Of a logit in vLLM's sampler: float32, sorted with 64-bit places, softmax, and its sum for ``top_p``."""
NF4_BYTES: Final = (4 + 0.127) / 8
"""A weight in 4-bit NF4, its share of the quantization constants included (arXiv 2305.14314, section 3)."""
CUT: Final[Mapping[str, frozenset[str]]] = {
    "ddp": frozenset(),
    "deepspeed_zero1": frozenset(("moments",)),
    "deepspeed_zero2": frozenset(("moments", "gradients")),
    "deepspeed_zero3": frozenset(("moments", "gradients", "weights")),
    "fsdp": frozenset(("moments", "gradients", "weights")),
}
"""What each process keeps a part of only, by ``training.sharding``."""


@dataclass(frozen=True)
class Peak:
    """Memory at the peak of a stage.

    Attributes:
        parts: Bytes by what they hold; of one process on one device.
    """

    parts: Mapping[str, int]

    @property
    def bytes(self) -> int:
        """The sum."""
        return sum(self.parts.values())


def training_peak(model: ModelSize, training: Training, *, on_gpu: bool) -> Peak | None:
    """Memory of one of the processes of a train stage; None where its sharding is not known here.

    Args:
        model: Start model.
        training: The stage.
        on_gpu: Memory is that of a GPU; on a CPU the process itself and the start weights are part of it.
    """
    if training.sharding not in CUT:
        return None
    states = {**_states(model, training), **_of_the_process(model, training, on_gpu=on_gpu)}
    before = states if training.accumulates else {**states, "gradients": 0}
    phases = (
        {**before, **_end_of_forward(model, training)},
        {**before, **_loss(model, training, on_gpu=on_gpu)},
        {**before, **_backward_of_a_block(model, training)},
        states,  # the step of the optimizer, which works in place
    )
    return max(
        (Peak({name: size for name, size in parts.items() if size}) for parts in phases),
        key=lambda peak: peak.bytes,
    )


def _of_the_process(model: ModelSize, training: Training, *, on_gpu: bool) -> dict[str, int]:
    if on_gpu:
        return {}
    kept = training.diagnostics and training.lora is None
    start = model.parameters * training.element_bytes if kept else 0
    return {"start weights": start, "process": PROCESS_BYTES}


def _end_of_forward(model: ModelSize, training: Training) -> dict[str, int]:
    """What the backward pass needs, the bfloat16 copies that autocast has kept, and the logits.

    Of frozen weights, below an adapter, it keeps none; without checkpointing the graph does.
    """
    kept = training.lora is None or not training.checkpointing
    copies = _copied_bytes(model) if _copies(training) and kept else 0
    logits = _all_logits(model, training) * _logit_bytes(training) if training.whole_logits else 0
    return {
        "activations": kept_bytes(model, training),
        "bfloat16 copies": copies,
        "logits": int((FORWARD_COPIES_OF_LOGITS if training.mixed else 1) * logits),
    }


def _loss(model: ModelSize, training: Training, *, on_gpu: bool) -> dict[str, int]:
    """The loss and its backward pass, down to the last block; copies lie in the graph, or are gone."""
    return {
        "activations": kept_bytes(model, training),
        "bfloat16 copies": _copied_bytes(model) if _copies(training) and not training.checkpointing else 0,
        "logits": logit_bytes(model, training, on_gpu=on_gpu),
    }


def _backward_of_a_block(model: ModelSize, training: Training) -> dict[str, int]:
    """The last block: nothing of the others has gone yet."""
    copies = _copied_bytes(model) if not training.checkpointing else BF16_BYTES * model.linear_parameters
    each = 1 if not training.checkpointing else model.layers
    return {
        "activations": activation_bytes(model, training),
        "bfloat16 copies": copies // each if _copies(training) else 0,
    }


def _copies(training: Training) -> bool:
    """Whether autocast makes copies of the weights; shards are gathered in bfloat16 instead."""
    return training.mixed and "weights" not in CUT[training.sharding]


def _copied_bytes(model: ModelSize) -> int:
    """Of the bfloat16 copies of all linear layers, and of the output head."""
    return BF16_BYTES * (model.linear_parameters + model.vocabulary * model.hidden)


def _states(model: ModelSize, training: Training) -> dict[str, int]:
    """Weights and what the optimizer keeps of each."""
    trained, trained_bytes = model.parameters, training.element_bytes
    weights = model.parameters * training.element_bytes
    if training.lora is not None:
        trained, trained_bytes = adapter_parameters(model, training.lora), FLOAT_BYTES
        weights = _base_bytes(model, training) + trained * trained_bytes
    gradients = trained * trained_bytes
    deepspeed, many = training.sharding.startswith("deepspeed"), training.processes > 1
    cut = CUT[training.sharding]
    part = {name: training.processes if name in cut else 1 for name in ("weights", "gradients", "moments")}
    whole = part["weights"] == 1
    return {
        "weights": weights // part["weights"],
        "gradients": gradients // part["gradients"],
        "Adam moments": 2 * trained * (FLOAT_BYTES if deepspeed else trained_bytes) // part["moments"],
        "float32 copy of the optimizer": trained * FLOAT_BYTES // part["moments"] if deepspeed else 0,
        "gradient buckets": gradients if many and training.sharding == "ddp" else 0,
        "gathered shards": 0 if whole else _gathered_bytes(model, training),
        "anchor": _anchor_bytes(model, training) if whole else 0,
    }


def _gathered_bytes(model: ModelSize, training: Training) -> int:
    """Whole tensors that a process holds of sharded ones: embedding and head, and two blocks.

    Of the blocks one is at work and the next is on its way; embedding and head stay from the forward pass to
    the end of the backward pass. Their gradients are whole until they are added up over the processes.
    """
    ends = model.parameters - model.layers * _block_parameters(model)
    weight = BF16_BYTES if training.mixed else training.element_bytes
    weights = weight * (ends + 2 * _block_parameters(model))
    return weights + training.element_bytes * (ends + _block_parameters(model))


def _block_parameters(model: ModelSize) -> int:
    return model.linear_parameters // model.layers


def _base_bytes(model: ModelSize, training: Training) -> int:
    """The frozen weights below an adapter; embeddings and norms are never quantized."""
    assert training.lora is not None
    if not training.lora.four_bit:
        return model.parameters * training.element_bytes
    # Training in 4 bits turns what is not quantized into float32.
    rest = model.parameters - model.linear_parameters
    return int(model.linear_parameters * NF4_BYTES) + rest * FLOAT_BYTES


def adapter_parameters(model: ModelSize, lora: Lora) -> int:
    """Parameters of a LoRA adapter: rank · (inputs + outputs) of each of its layers.

    Layers are chosen as PEFT does: by the end of their names, or by a regular expression that fits the whole.
    """
    return sum(
        lora.rank * sum(shape) for name, shape in model.linear.items() if is_lora_target(name, lora.targets)
    )


def is_lora_target(name: str, targets: str | tuple[str, ...]) -> bool:
    """Whether an adapter sits on a layer.

    Args:
        name: Of a linear layer.
        targets: As ``Lora`` has them.
    """
    if targets == "all-linear":
        return True
    if isinstance(targets, str):
        return re.fullmatch(targets, name) is not None
    return any(name == target or name.endswith(f".{target}") for target in targets)


def _anchor_bytes(model: ModelSize, training: Training) -> int:
    """Copies of the tensors that a reset goes back to; of an adapter its second matrices, which are zeros."""
    if training.reset is None:
        return 0
    if training.lora is None:
        return model.matching(training.reset) * training.element_bytes
    search = re.compile(training.reset).search
    return sum(
        training.lora.rank * outputs * FLOAT_BYTES
        for name, (outputs, _) in model.linear.items()
        if is_lora_target(name, training.lora.targets) and search(f"{name}.lora_B.default.weight")
    )


def activation_bytes(model: ModelSize, training: Training) -> int:
    """What the backward pass of the last block needs of one micro-batch, all sequences of the full length.

    What the forward pass kept, with checkpointing the block that is computed again, and the gradients of one
    block's hidden units on their way.
    """
    tokens, inner = _tokens(training), BF16_BYTES if training.mixed else training.element_bytes
    block = block_bytes_per_token(model, training) if training.checkpointing else 0
    on_their_way = 2 * model.intermediate * inner + 3 * model.hidden * _stream_bytes(training)
    return kept_bytes(model, training) + tokens * (block + on_their_way)


def kept_bytes(model: ModelSize, training: Training) -> int:
    """What the forward pass keeps: of each block its share; with checkpointing its input alone."""
    of_a_block = (
        model.hidden * _stream_bytes(training)
        if training.checkpointing
        else block_bytes_per_token(model, training)
    )
    return _tokens(training) * model.layers * of_a_block


def _tokens(training: Training) -> int:
    return training.sequences * training.max_length


def _stream_bytes(training: Training) -> int:
    """Of an element of the residual stream, which autocast leaves in float32."""
    return FLOAT_BYTES if training.mixed else training.element_bytes


def block_bytes_per_token(model: ModelSize, training: Training) -> int:
    """What one block keeps of a token: residual stream and norms, heads, and a gated MLP.

    Keys and values count as often as there are query heads, to which a padded batch repeats them.
    """
    hidden, queries = model.hidden, model.heads * model.head_size
    inner = 5 * queries + 4 * model.intermediate
    statistics = FLOAT_BYTES * (model.heads + 2)  # of the softmax and of two norms
    if training.mixed:
        kept, each_head = 4 * FLOAT_BYTES * hidden + 2 * (5 * hidden + inner), 6
    elif training.element_bytes == FLOAT_BYTES:
        kept, each_head = FLOAT_BYTES * (6 * hidden + inner), 8
    else:
        kept, each_head = 2 * FLOAT_BYTES * hidden + training.element_bytes * (4 * hidden + inner), 6
    if model.normalizes_heads:
        keys = model.kv_heads * model.head_size
        kept += each_head * (queries + keys) + FLOAT_BYTES * (model.heads + model.kv_heads)
    return kept + statistics


def scoring_peak(model: ModelSize, scoring: Scoring, *, on_gpu: bool) -> Peak:
    """Memory of one of the processes of a stage of reference log-probabilities, each with a whole model.

    A forward pass without gradients holds one block at a time: the residual stream, its normalised copy, and
    three times the hidden units of the gated MLP. Logits are made in pieces. Of weights that ask for no
    gradient autocast keeps no copies: it casts one at a time, of which the head is the largest.

    Args:
        model: The reference.
        scoring: The stage.
        on_gpu: Memory is that of a GPU; on a CPU the process itself is part of it.
    """
    stream, inner = scoring.element_bytes, BF16_BYTES if scoring.mixed else scoring.element_bytes
    copy = model.hidden * inner if scoring.mixed else 0
    each = 2 * model.hidden * stream + copy + 3 * model.intermediate * inner
    logits = min(scoring.tokens * model.vocabulary, LOGITS_PER_PIECE)
    parts = {
        "weights": model.parameters * scoring.element_bytes,
        "one weight in bfloat16": BF16_BYTES * model.vocabulary * model.hidden if scoring.mixed else 0,
        "one block": scoring.tokens * each,
        "logits": COPIES_OF_SCORED_LOGITS * logits * FLOAT_BYTES,
        "process": 0 if on_gpu else PROCESS_BYTES,
    }
    return Peak({name: size for name, size in parts.items() if size})


def logit_bytes(model: ModelSize, training: Training, *, on_gpu: bool) -> int:
    """Logits of a micro-batch with their gradients, whole or in pieces, and the gradient of the head.

    Log-probabilities are float32 always; pieces add up the gradient of the head beside those of the other
    weights. Below an adapter the head has none.
    """
    logits = _all_logits(model, training)
    if training.whole_logits:
        copies = COPIES_OF_WHOLE_LOGITS["gpu" if on_gpu else "cpu"]
        return int(copies * logits * _logit_bytes(training))
    head = model.vocabulary * model.hidden * FLOAT_BYTES if training.lora is None else 0
    return COPIES_OF_LOGITS * FLOAT_BYTES * min(logits, LOGITS_PER_PIECE) + head


def _all_logits(model: ModelSize, training: Training) -> int:
    return _tokens(training) * model.vocabulary


def _logit_bytes(training: Training) -> int:
    """Of a logit as the loss has it: accelerate turns what comes out of autocast into float32."""
    return FLOAT_BYTES if training.mixed else training.element_bytes


def reward_peak(model: ModelSize, scoring: Scoring, *, on_gpu: bool) -> Peak:
    """Memory of a stage of a reward model: weights, one block at a time, keys and values of all blocks.

    The last are kept though nobody reads them: transformers' models do, unless they are told otherwise.

    Args:
        model: The reward model, whose output is one number.
        scoring: The stage.
        on_gpu: Memory is that of a GPU; on a CPU the process itself is part of it.
    """
    tokens = scoring.tokens
    each = 2 * model.hidden + 3 * model.intermediate
    parts = {
        "weights": model.parameters * scoring.element_bytes,
        "one block": tokens * each * scoring.element_bytes,
        "keys and values": tokens * model.kv_bytes_per_token(scoring.element_bytes),
        "process": 0 if on_gpu else PROCESS_BYTES,
    }
    return Peak({name: size for name, size in parts.items() if size})


def generation_peak(model: ModelSize, generation: Generation, *, gpu_bytes: int | None) -> Peak:
    """Memory of the generation engine.

    On a GPU it takes the share that the suite gives it, however large the model; on a CPU weights and cache.

    Args:
        model: The model that answers.
        generation: The stage.
        gpu_bytes: Memory of a GPU, or None on a CPU.
    """
    if gpu_bytes is not None:
        return Peak({"the engine's share": int(gpu_bytes * generation.gpu_share)})
    return Peak(
        {
            "weights": model.parameters * generation.element_bytes,
            "KV cache": generation.kv_cache_gib * GIB,
            "process": PROCESS_BYTES,
        }
    )


def generation_need(model: ModelSize, generation: Generation, gpu_bytes: int) -> int:
    """The least that an engine needs of each GPU.

    Its part of the weights and of the cache of one context, and what vLLM's first, full pass takes: a block,
    and the sampler's logits, which every GPU has whole.

    Args:
        model: The model that answers.
        generation: The stage.
        gpu_bytes: Memory of a GPU.
    """
    tokens, answers = ENGINE_BATCH["large" if gpu_bytes >= LARGE_GPU_GIB * GIB else "other"]
    context, element = generation.context or model.context or 0, generation.element_bytes
    cache = context * model.kv_bytes_per_token(element)
    block = tokens * element * 3 * (model.hidden + model.intermediate)
    sampler = answers * model.vocabulary * (element + SAMPLER_BYTES)
    return (model.parameters * element + cache) // generation.tensor_parallel + block + sampler
