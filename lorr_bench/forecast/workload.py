"""What decides how long a stage takes and how much memory it needs, read from its parameters."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from lorr_bench.generate.fingerprint import FINGERPRINT_TOKENS
from lorr_bench.plan.kinds.answers.score import Score
from lorr_bench.plan.kinds.fingerprint import Fingerprint
from lorr_bench.plan.kinds.model import EngineStage, ModelStage
from lorr_bench.plan.kinds.reference import Reference
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.sharding import Sharding, library_of
from lorr_bench.plan.stage import Kind, Stage
from lorr_bench.ports.trainer import Lora

ELEMENT_BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}
SEQUENCES_PER_ROW: Final = {"pairs": 2, "labels": 1, "chosen": 1, "right_answers": 1, "prompts": 1}


@dataclass(frozen=True)
class Training:
    """What decides the memory of a train stage.

    Attributes:
        element_bytes: Bytes of a weight.
        sequences: Sequences of a micro-batch, of one process.
        max_length: Tokens of the longest sequence.
        mixed: Whether the forward pass computes in bfloat16 on float32 weights.
        checkpointing: Whether activations are computed again in the backward pass.
        lora: The adapter, or None where all weights are trained.
        processes: That train together.
        sharding: How they share the weights: a name that ``training.sharding`` can have.
        whole_logits: Whether the logits of all tokens of a micro-batch are held at once.
        reset: Regular expression of the tensors that a reset keeps a copy of; None without reset.
        diagnostics: Whether the start weights are kept in main memory, to measure the way from them.
        accumulates: Whether an update has several micro-batches: gradients are there in their forward passes.
    """

    element_bytes: int
    sequences: int
    max_length: int
    mixed: bool
    checkpointing: bool
    lora: Lora | None
    processes: int
    sharding: str
    whole_logits: bool
    reset: str | None
    diagnostics: bool
    accumulates: bool = True


@dataclass(frozen=True)
class Scoring:
    """What decides the memory of a stage that computes log-probabilities, or scores of a reward model.

    Attributes:
        element_bytes: Bytes of a weight.
        tokens: Of a forward pass, padding included.
        max_length: Tokens of the longest sequence.
        mixed: Whether it computes in bfloat16 on float32 weights.
    """

    element_bytes: int
    tokens: int
    max_length: int
    mixed: bool


@dataclass(frozen=True)
class Generation:
    """What decides the memory of a stage of the generation engine.

    Attributes:
        element_bytes: Bytes of a weight and of an element of the key-value cache.
        context: Tokens of the longest sequence; None for the model's own limit.
        gpu_share: Share of each GPU that the engine takes.
        kv_cache_gib: Key-value cache on a CPU, in GiB.
        tensor_parallel: GPUs over which the model is cut.
    """

    element_bytes: int
    context: int | None
    gpu_share: float
    kv_cache_gib: int
    tensor_parallel: int


@dataclass(frozen=True)
class Workload:
    """A stage as far as its cost goes: equal workloads cost the same.

    Attributes:
        kind: What is done.
        model: Identity of the model at work; empty where there is none.
        units: Work in units of the kind: sequences that pass through the policy, answers times their token
            limit, prompts, answers to grade; None where the suite does not tell.
        tokens: Tokens trained on or generated, at most; None where the suite does not tell, 0 where there are
            none.
        answers: Answers that are written to the disk.
        devices: Devices that the stage occupies; 0 for work of the processor alone.
        training: Of a train stage; None where its memory is not known.
        scoring: Of a stage that passes sequences through a model and learns nothing; likewise.
        scorer: Path and revision of the reward model that is at work; None for the start model.
        generation: Of a stage of the engine.
        like: What else tells apart workloads of the kind.
    """

    kind: Kind
    model: str
    units: float | None
    tokens: int | None = 0
    answers: int | None = 0
    devices: int = 1
    training: Training | None = None
    scoring: Scoring | None = None
    scorer: tuple[str, str | None] | None = None
    generation: Generation | None = None
    like: Hashable = None

    def share(self, parts: int) -> Workload:
        """Of one of so many parts that answer together.

        Args:
            parts: How many; 1 gives the whole.
        """
        tokens, answers = (
            each if each is None else math.ceil(each / parts) for each in (self.tokens, self.answers)
        )
        units = None if self.units is None else self.units / parts
        return replace(self, units=units, tokens=tokens, answers=answers)


class Workloads:
    """Reads workloads from stages.

    Args:
        stages: The stages and those whose results they read, by digest.
    """

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        self._stages = stages

    def of(self, stage: Stage) -> Workload:
        """The workload of a stage.

        Raises:
            SuiteError: Its adapter is not installed, or refuses its settings.
        """
        known = self._stages
        inputs = {role: known[digest] for role, digest in stage.inputs.items() if digest in known}
        work = stage.work(inputs)
        return Workload(
            stage.kind,
            stage.parameters.weights.model if isinstance(stage, ModelStage) else "",
            work.units,
            tokens=work.tokens,
            answers=work.answers,
            devices=work.devices,
            training=_training(stage) if isinstance(stage, Train) else None,
            scoring=_scoring(stage),
            scorer=_scorer(stage),
            generation=_generation(stage) if isinstance(stage, EngineStage) else None,
            like=work.like,
        )


def _generation(stage: EngineStage) -> Generation:
    options = stage.setting.options
    return Generation(
        element_bytes=ELEMENT_BYTES[stage.parameters.dtype_in_engine],
        context=stage.parameters.generator.max_model_len,
        gpu_share=options.gpu_memory_utilization,
        kv_cache_gib=options.kv_cache_gib,
        tensor_parallel=options.tensor_parallel_size,
    )


def _training(stage: Train) -> Training | None:
    """None where another program trains, or an adapter has settings of its own for batch and length."""
    parameters, adapter, known = stage.parameters, stage.adapter, stage.known_settings
    rows, length = known.per_device_train_batch_size, known.max_length
    if not adapter.in_process or rows is None or length is None:
        return None
    bytes_each = ELEMENT_BYTES[parameters.weights.dtype]
    return Training(
        element_bytes=bytes_each,
        sequences=rows * SEQUENCES_PER_ROW[adapter.rows],
        max_length=length + (known.max_completion_length or 0),
        mixed=known.bf16 and bytes_each == ELEMENT_BYTES["float32"],
        checkpointing=known.gradient_checkpointing,
        lora=known.lora,
        processes=parameters.processes.number,
        sharding=_sharding_name(parameters.processes.sharding),
        whole_logits=adapter.holds_logits,
        reset=parameters.reset.pattern if parameters.reset else None,
        diagnostics=stage.setting.diagnostics,
        accumulates=known.gradient_accumulation_steps != 1,
    )


def _scoring(stage: Stage) -> Scoring | None:
    """Of a fingerprint a handful of short sequences; no formula knows a reference by 4-bit weights."""
    if isinstance(stage, Fingerprint):
        tokens = FINGERPRINT_TOKENS
        return Scoring(ELEMENT_BYTES[stage.parameters.weights.dtype], tokens, tokens, mixed=False)
    if isinstance(stage, Score):
        asked = stage.parameters
        return Scoring(
            ELEMENT_BYTES[asked.weights.dtype],
            asked.batch_size * asked.max_length,
            asked.max_length,
            mixed=False,
        )
    if not isinstance(stage, Reference):
        return None
    known = stage.known_settings
    rows, length = known.precompute_ref_batch_size, known.max_length
    if rows is None or length is None or (known.lora is not None and known.lora.four_bit):
        return None
    bytes_each = ELEMENT_BYTES[stage.parameters.weights.dtype]
    mixed = known.bf16 and bytes_each == ELEMENT_BYTES["float32"]
    row = SEQUENCES_PER_ROW[stage.parameters.rows] * length
    return Scoring(bytes_each, scored_at_once(rows, row, known.precompute_ref_tokens), length, mixed)


def scored_at_once(rows: int, row_tokens: int, limit: int | None) -> int:
    """Tokens of a forward pass of the reference: of all its rows, or as many as a limit allows.

    Args:
        rows: Of a pass.
        row_tokens: Of each of them.
        limit: ``precompute_ref_tokens`` of the known settings; one row passes whole.
    """
    return row_tokens * rows if limit is None else row_tokens * min(rows, max(1, limit // row_tokens))


def _scorer(stage: Stage) -> tuple[str, str | None] | None:
    place = stage.setting.place if isinstance(stage, Score) else None
    return (place.model_path, place.revision) if place else None


def _sharding_name(sharding: Sharding | None) -> str:
    """The shipped configuration that the user's own comes nearest to."""
    library = library_of(sharding)
    if library != "deepspeed" or isinstance(sharding, str):
        return sharding if isinstance(sharding, str) else library
    settings = sharding.get("deepspeed_config") if sharding else None
    return f"deepspeed_zero{settings.get('zero_stage', 2) if isinstance(settings, dict) else 2}"
