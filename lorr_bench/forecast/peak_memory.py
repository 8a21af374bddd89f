"""How much memory a stage will need at its peak, as a sum of parts that can be checked by hand.

Training with Adam keeps, in each process: the weights, a gradient and two moments of each trained parameter
(Rajbhandari et al. 2020, arXiv 1910.02054, section 3.1), what the backward pass needs of the forward pass,
and logits. What a block keeps of a token was counted on transformers' Llama with ``torch.autograd.graph``; a
test counts it again.
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
PROCESS_BYTES: Final = 650 << 20
"""A Python process that has imported torch, transformers and TRL, measured on Linux: 624 MiB."""
LOGITS_PER_PIECE: Final = 1 << 26
"""Logits that are held at once where they are made in pieces; the backends' own limits are below it."""
COPIES_OF_LOGITS: Final = 3
"""The logits, their log-softmax and their gradient."""
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
    parts = {
        **_states(model, training),
        "activations": activation_bytes(model, training),
        "logits": logit_bytes(model, training),
    }
    if not on_gpu:
        kept = training.diagnostics and training.lora is None
        parts["start weights"] = model.parameters * training.element_bytes if kept else 0
        parts["process"] = PROCESS_BYTES
    return Peak({name: size for name, size in parts.items() if size})


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
        "bfloat16 copies": 2 * model.linear_parameters if training.mixed and whole else 0,
        "anchor": _anchor_bytes(model, training) if whole else 0,
    }


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
    """What the backward pass needs of one micro-batch, all sequences of the full length.

    Each block keeps its share; with checkpointing only its input, and one block at a time the rest. Gradients
    of one block's hidden units are on their way beside that.
    """
    tokens = training.sequences * training.max_length
    stream = FLOAT_BYTES if training.mixed else training.element_bytes
    inner = 2 if training.mixed else training.element_bytes
    block = block_bytes_per_token(model, training)
    kept = model.layers * model.hidden * stream + block if training.checkpointing else model.layers * block
    return tokens * (kept + 2 * model.intermediate * inner + 3 * model.hidden * stream)


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
    """Memory of a stage of reference log-probabilities: weights, one block at a time, logits in pieces.

    A block holds at once the residual stream, its normalised copy, and three times the hidden units of the
    gated MLP.

    Args:
        model: The reference.
        scoring: The stage.
        on_gpu: Memory is that of a GPU; on a CPU the process itself is part of it.
    """
    stream, inner = scoring.element_bytes, 2 if scoring.mixed else scoring.element_bytes
    each = model.hidden * (stream + inner) + 3 * model.intermediate * inner
    logits = scoring.sequences * scoring.max_length * model.vocabulary
    parts = {
        "weights": model.parameters * scoring.element_bytes,
        "bfloat16 copies": 2 * model.linear_parameters if scoring.mixed else 0,
        "one block": scoring.sequences * scoring.max_length * each,
        "logits": 2 * min(logits, LOGITS_PER_PIECE) * FLOAT_BYTES,
        "process": 0 if on_gpu else PROCESS_BYTES,
    }
    return Peak({name: size for name, size in parts.items() if size})


def logit_bytes(model: ModelSize, training: Training) -> int:
    """Logits of a micro-batch, whole or in pieces; pieces add up the gradient of the head in float32."""
    logits = training.sequences * training.max_length * model.vocabulary
    each = 2 if training.mixed else training.element_bytes
    whole = COPIES_OF_LOGITS * logits * each
    if training.whole_logits:
        return whole
    pieces = COPIES_OF_LOGITS * LOGITS_PER_PIECE * FLOAT_BYTES
    return min(whole, pieces + model.vocabulary * model.hidden * FLOAT_BYTES)


def reward_peak(model: ModelSize, scoring: Scoring, *, on_gpu: bool) -> Peak:
    """Memory of a stage of a reward model: weights, one block at a time, keys and values of all blocks.

    The last are kept though nobody reads them: transformers' models do, unless they are told otherwise.

    Args:
        model: The reward model, whose output is one number.
        scoring: The stage.
        on_gpu: Memory is that of a GPU; on a CPU the process itself is part of it.
    """
    tokens = scoring.sequences * scoring.max_length
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


def generation_need(model: ModelSize, generation: Generation) -> int:
    """The least that an engine needs of each GPU: its part of the weights, and the cache of one context."""
    context = generation.context or model.context or 0
    cache = context * model.kv_bytes_per_token(generation.element_bytes)
    return (model.parameters * generation.element_bytes + cache) // generation.tensor_parallel
