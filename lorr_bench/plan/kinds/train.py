"""Train one arm at one point, or a part of that: a round, the replays between two rollouts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, ValidationError

from lorr_bench.errors import SuiteError
from lorr_bench.lorr.adaptive import Rule, When
from lorr_bench.lorr.held_out import SignalName
from lorr_bench.lorr.loop import Reset
from lorr_bench.plan.json_values import JsonArray, JsonObject
from lorr_bench.plan.kinds.collect import Collect
from lorr_bench.plan.kinds.import_pairs import ImportPairs
from lorr_bench.plan.kinds.model import (
    ENGINE_BESIDE,
    EngineOptions,
    Generator,
    ModelParameters,
    ModelSetting,
    ModelStage,
)
from lorr_bench.plan.kinds.prompts import Round
from lorr_bench.plan.sharding import Sharding
from lorr_bench.plan.stage import START_ROLE, Kind, Pool, Role, Stage, Work
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import KnownSettings, TrainerAdapter
from lorr_bench.spec.base import GradingSpec

COUNTED_TOKENS: Final = ("train_tokens", "generated_tokens")


@dataclass(frozen=True)
class AdapterVersion(JsonArray):
    """What trains.

    Attributes:
        name: Full name under which the adapter is registered.
        version: Of its results.
    """

    name: str
    version: int


@dataclass(frozen=True)
class Processes(JsonArray):
    """How many processes train together.

    Attributes:
        number: Of processes.
        sharding: How they share the model; None for one process.
    """

    number: int
    sharding: Sharding | None


@dataclass(frozen=True, kw_only=True)
class ResetParameters(JsonObject):
    """What is reset when; ``lorr_bench.lorr.loop.Reset`` describes all but the last.

    Attributes:
        anchor: What is reset to: the suite's start model, that of the round, or a fresh initialisation.
    """

    pattern: str
    factor: float
    clear_optimizer: bool
    period: Literal["replay", "round", "begin", "end"] | int
    anchor: Literal["start", "round", "init"]

    @property
    def of_loop(self) -> Reset:
        """What the loop is told of it; the anchor is a model for it."""
        return Reset(self.pattern, self.factor, self.clear_optimizer, self.period)


@dataclass(frozen=True, kw_only=True)
class LabelNoise(JsonObject):
    """Training pairs whose responses are swapped; ``lorr_bench.data.label_noise`` has the rule.

    Attributes:
        share: Of the pairs, in expectation.
        seed: Draws them.
    """

    share: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class AdaptiveParameters(JsonObject):
    """What decides on resets and an end; ``lorr_bench.lorr.adaptive.Rule`` describes the last three.

    Attributes:
        signal: What is measured.
        held_out_pairs: On how many pairs beyond the data budget.
    """

    signal: SignalName
    held_out_pairs: int
    reset: When
    scale: float | None
    patience: int | None

    @property
    def rule(self) -> Rule:
        """What follows from the signal."""
        return Rule(self.reset, self.scale, self.patience)


@dataclass(frozen=True, kw_only=True)
class TrainParameters(ModelParameters):
    """What decides a trained model.

    Attributes:
        adapter: What trains.
        packages: Versions of what it uses.
        hyperparameters: All settings of the adapter, but for places on this machine.
        sft_weights: λ of every replay; the length is L.
        reset: What is reset between replays; None where nothing is.
        round: Which of several rounds.
        stop_after: The replay to end after.
        processes: That train together.
        unique_pairs: Data budget of the round.
        seed: Of order and training.
        grader: What grades an online method's own answers; None for other methods.
        grading: Its policies; likewise.
        generator: What draws those answers; None where the method does it itself.
        label_noise: Which pairs are trained on the wrong way round; None where none is.
        adaptive: What a signal decides; None where nothing does.
    """

    adapter: AdapterVersion
    packages: Mapping[str, str]
    hyperparameters: Mapping[str, Any]
    sft_weights: tuple[float, ...]
    reset: ResetParameters | None
    round: Round
    stop_after: int
    processes: Processes
    unique_pairs: int
    seed: int
    grader: str | None = None
    grading: GradingSpec | None = None
    generator: Generator | None = None
    label_noise: LabelNoise | None = None
    adaptive: AdaptiveParameters | None = None

    @property
    def replays(self) -> int:
        """L, those after ``stop_after`` included."""
        return len(self.sft_weights)


@dataclass(frozen=True, kw_only=True)
class TrainSetting(ModelSetting):
    """What training needs on this machine.

    Attributes:
        places: Settings of the adapter that name places.
        save_steps: Optimizer steps between checkpoints; 0 keeps one at the end of each replay only.
        diagnostics: Whether what LoRR does to the model is measured.
        deterministic: Whether PyTorch uses its deterministic algorithms; None where it does not.
        options: How the engine is started that an online method draws its answers with; None without one.
    """

    places: Mapping[str, Any]
    save_steps: int
    diagnostics: bool
    deterministic: bool | None = None
    options: EngineOptions | None = None


@dataclass(frozen=True, kw_only=True)
class AdapterStage(ModelStage):
    """A stage that an adapter does."""

    @property
    @abstractmethod
    def adapter_name(self) -> str:
        """Full name under which the adapter is registered."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """All settings of the adapter, as plain JSON values."""

    @property
    def adapter(self) -> TrainerAdapter:
        """What does it.

        Raises:
            SuiteError: It is not installed.
        """
        return adapter_of(self.adapter_name)

    @property
    def hyperparameters(self) -> BaseModel:
        """All settings of the adapter, of its own class.

        Raises:
            SuiteError: The adapter is not installed, or refuses them.
        """
        return checked_settings(self.adapter_name, self.settings)

    @cached_property
    def known_settings(self) -> KnownSettings:
        """The settings that the core reads.

        Raises:
            SuiteError: The adapter is not installed, or refuses them.
        """
        return self.adapter.known_settings(self.hyperparameters)


@dataclass(frozen=True, kw_only=True)
class Train(AdapterStage):
    """A trained model, and checkpoints where a later stage trains on."""

    kind: ClassVar[Kind] = "train"
    version: ClassVar[int] = 4
    pool: ClassVar[Pool] = "train"
    entry_point: ClassVar[str] = "lorr_bench.stages.training.train:train"
    roles: ClassVar[frozenset[Role]] = frozenset(
        ("pairs", "collection", "reference", "model", "primed", "before", START_ROLE)
    )
    freeable: ClassVar[tuple[str, ...]] = ("model", "checkpoint")

    parameters: TrainParameters
    setting: TrainSetting

    @property
    def adapter_name(self) -> str:
        """That of the arm."""
        return self.parameters.adapter.name

    @property
    def settings(self) -> Mapping[str, Any]:
        """Those that change the result, and places on this machine."""
        return {**self.parameters.hyperparameters, **self.setting.places}

    @property
    def worker_pool(self) -> Pool:
        """Beside an engine it trains in the engine's own process, which has one already."""
        return self.pool if self.parameters.generator is None else "engine"

    def work(self, inputs: Mapping[Role, Stage]) -> Work:
        """Sequences that pass through the policy, over the replays of this stage."""
        adapter, known, before = self.adapter, self.known_settings, inputs.get("before")
        done = before.parameters.stop_after if isinstance(before, Train) else 0
        rows = self._sequences(adapter, known, inputs)
        visits = None if rows is None else rows * (self.parameters.stop_after - done)
        length = known.max_length
        return Work(
            units=visits,
            tokens=visits * length if visits is not None and length else None,
            devices=self.parameters.processes.number,
            like=(adapter.name, adapter.backend),
        )

    def _sequences(
        self, adapter: TrainerAdapter, known: KnownSettings, inputs: Mapping[Role, Stage]
    ) -> int | None:
        """Sequences of one pass over the rows; of right answers as many as there are answers."""
        pairs = self.parameters.unique_pairs
        if adapter.rows in ("pairs", "labels"):
            return responses_of(inputs) * pairs
        if adapter.rows == "chosen":
            return pairs
        collection = inputs.get("collection") or inputs.get("pairs")
        if not isinstance(collection, Collect):
            return None
        return collection.parameters.asked * (known.num_generations or collection.parameters.num_samples)

    @property
    def memory_advice(self) -> str:
        """Smaller micro-batches, activations computed again, or more GPUs."""
        name = self.parameters.adapter.name
        change = "" if self.adapter.exact_accumulation else _CHANGE.format(name=name)
        return f"{_ADVICE.format(change=change)}{ENGINE_BESIDE}"

    @staticmethod
    def tokens(metrics: Mapping[str, Any], spend: Mapping[str, float]) -> int:  # noqa: ARG004 - the base's
        """Those of the round so far: of stages before it, and before an interruption, too."""
        counted = metrics.get("counted", {})
        return sum(int(counted.get(name, 0)) for name in COUNTED_TOKENS)


def responses_of(inputs: Mapping[Role, Stage]) -> int:
    """How many responses a pair of the inputs has: two, but for ready-made rows of one."""
    pairs = inputs.get("pairs")
    return pairs.parameters.responses if isinstance(pairs, ImportPairs) else 2


_ADVICE: Final = (
    "Lower per_device_train_batch_size and raise gradient_accumulation_steps by the same factor{change}, set "
    "gradient_checkpointing: true, or share the model over GPUs (training.num_processes and sharding)"
)
_CHANGE: Final = (
    " (of {name} this is a change of the method, whose loss depends on the micro-batch: make it in every arm "
    "that is compared)"
)


@cache  # its entry point is resolved anew each time, which thousands of stages would wait for
def adapter_of(name: str) -> TrainerAdapter:
    """The adapter with a full name.

    Raises:
        SuiteError: It is not installed.
    """
    return load_adapter(name)


def checked_settings(adapter: str, values: Mapping[str, Any]) -> BaseModel:
    """Settings as the adapter's own class has them.

    Args:
        adapter: Its full name.
        values: As a stage holds them.

    Raises:
        SuiteError: The adapter is not installed, or refuses them.
    """
    try:
        return adapter_of(adapter).hyperparameters.model_validate(values)
    except ValidationError as error:
        raise SuiteError(
            f"the adapter {adapter} refuses the settings of a stage: {error}",
            where="methods",
            fix="They were planned with another version of it: run the suite again.",
        ) from error
