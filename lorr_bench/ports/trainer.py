"""The port of a training adapter: what it is given, what it returns, what it can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel

from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.values import Row


class Progress(Protocol):
    """Told how far the work is."""

    def __call__(self, done: int, total: int, tokens: int = 0) -> None:
        """Tell it.

        Args:
            done: Work done.
            total: Work in all, in the same units.
            tokens: Tokens trained on or generated so far, for the speed; 0 where nobody counted.
        """


RowKind = Literal["pairs", "labels", "chosen", "right_answers", "prompts"]
"""What a method trains on: ``Pair``, ``Labelled`` (both responses of each pair), ``Demonstration`` (the
chosen responses; or every right answer to the prompts of the budget), or ``Prompt`` (an online method, which
makes its own answers)."""


@dataclass(frozen=True)
class StartModel:
    """The model to train from.

    Attributes:
        path: Folder in Hugging Face form, or a Hub id.
        revision: Hub revision, or None for a folder.
        dtype: ``float32``, ``bfloat16`` or ``float16``.
        trust_remote_code: Whether code that comes with the model may run.
    """

    path: str
    revision: str | None
    dtype: str
    trust_remote_code: bool

    @property
    def origin(self) -> dict[str, Any]:
        """Arguments of ``from_pretrained`` beside the path: for weights, configuration and tokenizer."""
        return {"revision": self.revision or "main", "trust_remote_code": self.trust_remote_code}


@dataclass(frozen=True)
class Drawn:
    """An answer that was sampled.

    Attributes:
        tokens: Of the answer, the one that ended it included.
        logprobs: Log-probability of each, in nats, under the distribution that it was drawn from: that of
            temperature and nucleus.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]


class Answering(Protocol):
    """The generation engine, as an online method uses it while it trains."""

    @property
    def context(self) -> int:
        """Tokens of the longest sequence."""

    @property
    def sleeps(self) -> bool:
        """Whether its weights are gone, so that it can't answer before it has others."""

    def take(self, tensors: Iterable[tuple[str, Any]]) -> None:
        """Copy the weights of a model in training; an engine that sleeps wakes.

        Args:
            tensors: All weights, named as in the model's files.
        """

    def draw(self, prompts: Sequence[Sequence[int]], sampling: Any) -> list[Drawn]:
        """One answer to each prompt.

        Args:
            prompts: Tokens of each prompt.
            sampling: A ``lorr_bench.generate.engine.Sampling``.
        """

    def sleep(self) -> None:
        """Give the memory of the GPU back until weights are loaded; on a CPU nothing happens."""


@dataclass(frozen=True)
class TrainJob:
    """One training run.

    Attributes:
        model: Where training starts.
        reference: The file that ``reference`` wrote for these rows, or for more of which these are the first;
            None where the adapter needs no reference.
        rows: What to train on, of the adapter's kind.
        output: Folder to write the trained model and its tokenizer to, in Hugging Face form.
        checkpoints: Folder for checkpoints. What an interrupted run left in it is continued; empty at first.
        save_steps: Optimizer steps between checkpoints; 0 keeps one at the end of each replay only.
        stop_after: The replay to end after, leaving a checkpoint from which the next run continues. The last
            replay ends the training.
        seed: Seeds everything but the order of the rows, which the loop decides.
        loop: Replay, reset and SFT weight.
        hyperparameters: An instance of the adapter's ``hyperparameters``.
        progress: Told about optimizer steps.
        grading: Policies by which an online method's answers are graded, as fields of
            ``lorr_bench.grade.Policy``; those that are not named have their defaults.
        engine: Gives the engine that an online method draws its answers with, holding ``model``; None where
            the method draws them itself.
    """

    model: StartModel
    reference: Path | None
    rows: Sequence[Row]
    output: Path
    checkpoints: Path
    save_steps: int
    stop_after: int
    seed: int
    loop: ReplayLoop
    hyperparameters: Any
    progress: Progress
    grading: Mapping[str, Any] = field(default_factory=dict)
    engine: Callable[[], Answering] | None = None


@dataclass(frozen=True)
class TrainOutcome:
    """What a training run was.

    Attributes:
        optimizer_steps: Updates made, those before an interruption included.
        train_tokens: Tokens of all sequences that passed through the policy, padding not counted.
        parameters: Number of trained parameters.
        replays: Means over each replay of what the trainer logged, one dictionary a replay.
        generated_tokens: Tokens that an online method generated.
        verifier_calls: Answers of an online method that were graded.
        frozen_parameters: Number of parameters that a LoRA adapter leaves as they are.
    """

    optimizer_steps: int
    train_tokens: int
    parameters: int
    replays: tuple[dict[str, float], ...]
    generated_tokens: int = 0
    verifier_calls: int = 0
    frozen_parameters: int = 0


@dataclass(frozen=True, kw_only=True)
class Lora:
    """A LoRA adapter on a model.

    Attributes:
        rank: Of its matrices.
        targets: Names of layers, or one regular expression or ``all-linear``.
        four_bit: Whether the base is kept in 4-bit NF4.
    """

    rank: int
    targets: str | tuple[str, ...]
    four_bit: bool


@dataclass(frozen=True, kw_only=True)
class KnownSettings:
    """What the core reads of hyper-parameters, whatever an adapter calls them; None where it has no such.

    Attributes:
        max_length: Tokens of prompt and response at which sequences are cut; of an online method's prompts.
        max_completion_length: Token limit of an answer that an online method generates.
        per_device_train_batch_size: Rows of a micro-batch, of each process.
        gradient_accumulation_steps: Micro-batches of an optimizer step.
        precompute_ref_batch_size: Rows of a forward pass for reference log-probabilities.
        precompute_ref_tokens: Tokens of such a pass at most, padding included; one row passes whole.
        num_generations: Answers to each prompt that an online method generates.
        bf16: Whether it computes in bfloat16 on weights of another type.
        gradient_checkpointing: Whether activations are computed again in the backward pass.
        lora: The adapter that is trained; None where all weights are.
        learning_rate: The highest of the training.
        use_vllm: Whether an online method draws its answers with vLLM; None where the machine decides.
    """

    max_length: int | None = None
    max_completion_length: int | None = None
    per_device_train_batch_size: int | None = None
    gradient_accumulation_steps: int | None = None
    precompute_ref_batch_size: int | None = None
    precompute_ref_tokens: int | None = None
    num_generations: int | None = None
    bf16: bool = False
    gradient_checkpointing: bool = False
    lora: Lora | None = None
    learning_rate: float | None = None
    use_vllm: bool | None = None

    @property
    def global_batch_size(self) -> int | None:
        """Rows of an optimizer step, of each process."""
        if self.per_device_train_batch_size is None or self.gradient_accumulation_steps is None:
            return None
        return self.per_device_train_batch_size * self.gradient_accumulation_steps


def split_places(hyperparameters: BaseModel) -> tuple[dict[str, Any], dict[str, Any]]:
    """Hyper-parameters as plain JSON values: those that change results, and places on this machine."""
    values = hyperparameters.model_dump(mode="json")
    places = places_of(type(hyperparameters))
    outcome = {name: value for name, value in values.items() if name not in places}
    return outcome, {name: values[name] for name in places}


@cache
def places_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Hyper-parameters that are places on this machine, sorted."""
    return tuple(
        sorted(name for name, field in model.model_fields.items() if _is_place(field.json_schema_extra))
    )


def _is_place(extra: Any) -> bool:
    return isinstance(extra, dict) and bool(extra.get("place"))


class TrainerAdapter(Protocol):
    """A method on a backend. Importing its module must not import torch.

    Attributes:
        name: The method, as suites call it.
        backend: What trains it.
        version: Raised whenever results change; part of every digest.
        source: Paper of the method, and where its default hyper-parameters come from.
        rows: What it trains on.
        needs_reference: Whether the loss needs log-probabilities of a reference model.
        takes_sft_term: Whether λ·L_SFT can be added to its loss.
        online: Whether it generates and scores its own answers while it trains; its known settings then say
            how many for each prompt.
        in_process: Whether it trains in this process. Where it drives another program through checkpoints,
            every replay begins with a fresh optimizer, and nothing can happen within one.
        holds_logits: Whether it holds the logits of all tokens of a micro-batch at once, for the estimate of
            memory; false where it makes them in pieces.
        exact_accumulation: Whether an update is the same, but for rounding, however its rows are cut into
            micro-batches; where not, lowering ``per_device_train_batch_size`` for more
            ``gradient_accumulation_steps`` is a change of the method.
        shardings: What its processes can share a model by, of ``ddp``, ``fsdp`` and ``deepspeed``; without
            any, a training run is one process.
        hyperparameters: Model of the settings, defaults included. A field with ``json_schema_extra={"place":
            True}`` says where something lies on this machine, and is no part of a digest.
    """

    name: ClassVar[str]
    backend: ClassVar[str]
    version: ClassVar[int]
    source: ClassVar[str]
    rows: ClassVar[RowKind]
    needs_reference: ClassVar[bool]
    takes_sft_term: ClassVar[bool]
    online: ClassVar[bool]
    in_process: ClassVar[bool]
    holds_logits: ClassVar[bool]
    exact_accumulation: ClassVar[bool]
    shardings: ClassVar[tuple[str, ...]]
    hyperparameters: ClassVar[type[BaseModel]]

    def known_settings(self, hyperparameters: Any) -> KnownSettings:
        """What the core reads of the hyper-parameters."""
        ...

    def packages(self, hyperparameters: Any) -> dict[str, str]:
        """Versions that results depend on, by package."""
        ...

    def steps_per_pass(self, rows: int, hyperparameters: Any) -> int:
        """Optimizer steps of one pass over ``rows`` rows."""
        ...

    def reference_settings(self, hyperparameters: Any) -> dict[str, Any]:
        """Everything but model and rows that changes what ``reference`` writes.

        Methods that give the same values share the file. Only asked where ``needs_reference`` is true.
        """
        ...

    def reference(self, model: StartModel, rows: Sequence[Row], hyperparameters: Any, output: Path) -> None:
        """Tokenize the rows and write them to the file ``output``, with reference log-probabilities.

        Raises:
            DataError: A prompt alone is longer than the maximum length.
            ModelError: The model can't be loaded, or has no tokenizer.
        """
        ...

    def train(self, job: TrainJob) -> TrainOutcome:
        """Train and write the model; no further replay once the loop has ``ended``.

        Raises:
            SuiteError: The reset selects no tensor.
            DataError: A prompt alone is longer than the maximum length.
            ModelError: The model can't be loaded, or could not be saved after training.
            DivergedError: What it computes, or a weight, is no finite number.
        """
        ...
