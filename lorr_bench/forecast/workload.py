"""What decides how long a stage takes and how much memory it needs, read from its parameters."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from lorr_bench.generate.fingerprint import FINGERPRINT_TOKENS
from lorr_bench.plan.sharding import Sharding, library_of
from lorr_bench.plan.stage import Kind, Stage
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import TrainerAdapter

ELEMENT_BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2}
SEQUENCES_PER_ROW: Final = {"pairs": 2, "labels": 1, "chosen": 1, "right_answers": 1, "prompts": 1}
SCALES_WITH_MODEL: Final[frozenset[Kind]] = frozenset(
    ("fingerprint", "collect", "refresh", "reference", "train", "answer_math", "evaluate_general")
)
"""Kinds whose time grows with the number of parameters."""


@dataclass(frozen=True)
class Lora:
    """A LoRA adapter.

    Attributes:
        rank: Of its matrices.
        targets: Names of layers, or one regular expression or ``all-linear``.
        four_bit: Whether the base is kept in 4-bit NF4.
    """

    rank: int
    targets: str | tuple[str, ...]
    four_bit: bool


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


@dataclass(frozen=True)
class Scoring:
    """What decides the memory of a stage that computes reference log-probabilities.

    Attributes:
        element_bytes: Bytes of a weight.
        sequences: Sequences of a forward pass.
        max_length: Tokens of the longest sequence.
        mixed: Whether it computes in bfloat16 on float32 weights.
    """

    element_bytes: int
    sequences: int
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
        scorer: Path and revision of a reward model that is loaded beside the engine.
        scorer_bytes: Bytes of a weight of it.
    """

    element_bytes: int
    context: int | None
    gpu_share: float
    kv_cache_gib: int
    tensor_parallel: int
    scorer: tuple[str, str | None] | None
    scorer_bytes: int


@dataclass(frozen=True)
class Workload:
    """A stage as far as its cost goes: equal workloads cost the same.

    Attributes:
        kind: What is done.
        model: Identity of the start model; empty where no model is at work.
        units: Work in units of the kind: sequences that pass through the policy, answers times their token
            limit, prompts, answers to grade; None where the suite does not tell.
        tokens: Tokens trained on or generated, at most; None where the suite does not tell, 0 where there are
            none.
        answers: Answers that are written to the disk.
        devices: Devices that the stage occupies; 0 for work of the processor alone.
        training: Of a train stage; None where its memory is not known.
        scoring: Of a reference stage; likewise.
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
    generation: Generation | None = None
    like: Hashable = None


class Workloads:
    """Reads workloads from stages.

    Args:
        stages: The stages and those whose results they read, by digest.
    """

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        self._stages = stages
        self._read: dict[Kind, Callable[[Stage], Workload]] = {
            "fingerprint": _fingerprint,
            "collect": self._collect,
            "refresh": self._refresh,
            "import_pairs": _import_pairs,
            "reference": self._reference,
            "train": self._train,
            "answer_math": _answer_math,
            "grade_math": self._grade_math,
            "evaluate_general": _evaluate_general,
            "contamination": self._contamination,
            "families": _families,
        }

    def of(self, stage: Stage) -> Workload:
        """The workload of a stage.

        Raises:
            SuiteError: Its adapter is not installed.
            KeyError: The stage was planned by a version with other parameters.
        """
        return self._read[stage.kind](stage)

    def _input(self, stage: Stage, role: str) -> Stage | None:
        digest = stage.inputs.get(role)
        return self._stages.get(digest) if digest else None

    def _collect(self, stage: Stage) -> Workload:
        params = stage.params
        answers = _prompts_of(stage) * params["num_samples"]
        tokens = answers * params["max_tokens"]
        return _generated("collect", stage, answers, tokens, params["source"])

    def _refresh(self, stage: Stage) -> Workload:
        """Rows are drawn with probability ρ, so their number is the expected one."""
        params = stage.params
        answers = round(params["unique_pairs"] * params["rollout_ratio"]) * params["num_samples"]
        return _generated("refresh", stage, answers, answers * params["max_tokens"], params["source"])

    def _reference(self, stage: Stage) -> Workload:
        """One forward pass over the rows of the largest budget; a prompt gives one pair at most."""
        params, settings, pairs = stage.params, stage.params["settings"], self._input(stage, "pairs")
        collected = pairs is not None and pairs.kind == "collect"
        most = _prompts_of(pairs) if pairs is not None and collected else params["unique_pairs"]
        sequences = min(most, params["unique_pairs"]) * (2 if params["rows"] in ("pairs", "labels") else 1)
        length = settings.get("max_length")
        tokens = sequences * length if length else None
        return Workload(
            "reference",
            params["model"],
            sequences,
            tokens=tokens,
            scoring=_scoring(stage),
            like=(params["backend"], params["rows"], length),
        )

    def _train(self, stage: Stage) -> Workload:
        params = stage.params
        adapter = _adapter(params["adapter"][0])
        before = self._input(stage, "before")
        replays = params["stop_after"] - (before.params["stop_after"] if before is not None else 0)
        sequences = self._sequences(stage, adapter)
        visits = None if sequences is None else sequences * replays
        length = params["hyperparameters"].get("max_length")
        training = _training(stage, adapter)
        return Workload(
            "train",
            params["model"],
            visits,
            tokens=visits * length if visits is not None and length else None,
            answers=0,
            devices=params["processes"][0],
            training=training,
            like=(adapter.name, adapter.backend),
        )

    def _sequences(self, stage: Stage, adapter: TrainerAdapter) -> int | None:
        """Sequences of one pass over the rows; of right answers as many as there are answers."""
        pairs: int = stage.params["unique_pairs"]
        if adapter.rows in ("pairs", "labels"):
            return 2 * pairs
        if adapter.rows == "chosen":
            return pairs
        collection = self._input(stage, "collection") or self._input(stage, "pairs")
        if collection is None or collection.kind != "collect":
            return None
        each = stage.params["hyperparameters"].get("num_generations", collection.params["num_samples"])
        return _prompts_of(collection) * int(each)

    def _grade_math(self, stage: Stage) -> Workload:
        asked = self._input(stage, "answers")
        answers = None if asked is None else _answer_math(asked).answers
        like = None if asked is None else asked.params["source"]
        return Workload("grade_math", "", answers, answers=answers, devices=0, like=like)

    def _contamination(self, stage: Stage) -> Workload:
        prompts, asked = stage.params["prompts"], self._input(stage, "problems")
        count = prompts["num_prompts"] if prompts else None
        like = None if asked is None else str(asked.params.get("source") or asked.params.get("tasks"))
        return Workload("contamination", "", count, devices=0, like=like)


def _families(stage: Stage) -> Workload:
    """Reading the problems once; of lm-eval's tasks, what was written of them."""
    return Workload("families", "", stage.params.get("limit"), devices=0, like=stage.params.get("source"))


def _prompts_of(collection: Stage) -> int:
    """Prompts that a collection asks; of a round its own share."""
    total: int = collection.params["num_prompts"]
    number: int
    rounds: int
    number, rounds = collection.params.get("part", (1, 1))
    return total * number // rounds - total * (number - 1) // rounds


def _fingerprint(stage: Stage) -> Workload:
    """A handful of short sequences: nearly all of it is the loading of the model."""
    scoring = Scoring(ELEMENT_BYTES[stage.params["dtype"]], 1, FINGERPRINT_TOKENS, mixed=False)
    return Workload("fingerprint", stage.params["model"], 1, scoring=scoring)


def _import_pairs(stage: Stage) -> Workload:
    return Workload("import_pairs", "", None, devices=0, like=stage.params["source"])


def _answer_math(stage: Stage) -> Workload:
    params = stage.params
    problems = params["limit"] or max(stage.setting["sizes"], default=None)
    answers = None if problems is None else problems * (params["greedy"] + params["repeats"])
    tokens = None if answers is None else answers * params["max_tokens"]
    return _generated("answer_math", stage, answers, tokens, params["source"])


def _evaluate_general(stage: Stage) -> Workload:
    """How many questions a task has is known to lm-eval alone."""
    params = stage.params
    like = (tuple(params["tasks"]), params["num_fewshot"], params["limit"], params["metric"])
    return _generated("evaluate_general", stage, None, None, like)


def _generated(kind: Kind, stage: Stage, answers: int | None, tokens: int | None, like: Hashable) -> Workload:
    generation = _generation(stage)
    return Workload(
        kind,
        stage.params["model"],
        None if tokens is None else float(tokens),
        tokens=tokens,
        answers=answers,
        devices=generation.tensor_parallel,
        generation=generation,
        like=like,
    )


def _generation(stage: Stage) -> Generation:
    params, setting = stage.params, stage.setting
    scorer, described = setting.get("reward_model"), params.get("reward_model")
    return Generation(
        element_bytes=ELEMENT_BYTES[params["dtype"]],
        context=params["max_model_len"],
        gpu_share=setting["gpu_memory_utilization"],
        kv_cache_gib=setting["kv_cache_gib"],
        tensor_parallel=setting.get("tensor_parallel_size", 1),
        scorer=(scorer["path"], scorer["revision"]) if scorer else None,
        scorer_bytes=ELEMENT_BYTES[described["dtype"]] if described else 0,
    )


def _training(stage: Stage, adapter: TrainerAdapter) -> Training | None:
    """None where another program trains, or an adapter has settings of its own for batch and length."""
    params, settings = stage.params, stage.params["hyperparameters"]
    rows, length = settings.get("per_device_train_batch_size"), settings.get("max_length")
    if not adapter.in_process or rows is None or length is None:
        return None
    processes, sharding = params["processes"]
    bytes_each = ELEMENT_BYTES[params["dtype"]]
    return Training(
        element_bytes=bytes_each,
        sequences=rows * SEQUENCES_PER_ROW[adapter.rows],
        max_length=length + settings.get("max_completion_length", 0),
        mixed=bool(settings.get("bf16")) and bytes_each == ELEMENT_BYTES["float32"],
        checkpointing=bool(settings.get("gradient_checkpointing")),
        lora=_lora(settings.get("lora")),
        processes=processes,
        sharding=_sharding_name(sharding),
        whole_logits=adapter.holds_logits,
        reset=params["reset"]["pattern"] if params["reset"] else None,
        diagnostics=stage.setting["diagnostics"],
    )


def _scoring(stage: Stage) -> Scoring | None:
    params, settings = stage.params, stage.params["settings"]
    rows, length = settings.get("precompute_ref_batch_size"), settings.get("max_length")
    if rows is None or length is None or settings.get("load_in_4bit"):
        return None
    bytes_each = ELEMENT_BYTES[params["dtype"]]
    mixed = bool(settings.get("bf16")) and bytes_each == ELEMENT_BYTES["float32"]
    return Scoring(bytes_each, rows * SEQUENCES_PER_ROW[params["rows"]], length, mixed)


def _sharding_name(sharding: Sharding | None) -> str:
    """The shipped configuration that the user's own comes nearest to."""
    library = library_of(sharding)
    if library != "deepspeed" or isinstance(sharding, str):
        return sharding if isinstance(sharding, str) else library
    settings = sharding.get("deepspeed_config") if sharding else None
    return f"deepspeed_zero{settings.get('zero_stage', 2) if isinstance(settings, dict) else 2}"


def _lora(settings: Mapping[str, Any] | None) -> Lora | None:
    if settings is None:
        return None
    targets = settings["target_modules"]
    return Lora(
        settings["r"], targets if isinstance(targets, str) else tuple(targets), settings["load_in_4bit"]
    )


@cache
def _adapter(name: str) -> TrainerAdapter:
    return load_adapter(name)
