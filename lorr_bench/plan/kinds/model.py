"""Kinds of stage that work on a model: its weights, and the engine that generates with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from lorr_bench.plan.json_values import Group
from lorr_bench.plan.stage import Parameters, Pool, Setting, Source, Stage, Work
from lorr_bench.ports.trainer import StartModel

Dtype = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True)
class Weights(Group):
    """Which model, and how it is loaded.

    Attributes:
        model: Identity of the start model.
        dtype: Of the weights.
        trust_remote_code: Whether code that comes with the model may run.
    """

    model: str
    dtype: Dtype
    trust_remote_code: bool


@dataclass(frozen=True, kw_only=True)
class ModelPlace(Group):
    """Where the start model lies.

    Attributes:
        model_path: A folder, or a Hub id.
        revision: Commit of a Hub id.
    """

    model_path: str
    revision: str | None


@dataclass(frozen=True, kw_only=True)
class ModelParameters(Parameters):
    """Parameters of a stage that works on a model."""

    weights: Weights


@dataclass(frozen=True, kw_only=True)
class ModelSetting(Setting):
    """Setting of a stage that works on a model."""

    place: ModelPlace


@dataclass(frozen=True, kw_only=True)
class ModelStage(Stage):
    """A stage whose time and memory grow with the model."""

    parameters: ModelParameters
    setting: ModelSetting

    @property
    def start_model(self) -> StartModel:
        """The start model of the suite."""
        weights, place = self.parameters.weights, self.setting.place
        return StartModel(
            path=place.model_path,
            revision=place.revision,
            dtype=weights.dtype,
            trust_remote_code=weights.trust_remote_code,
        )

    def sources(self) -> Iterator[Source]:
        """The model."""
        yield Source(self.setting.place.model_path, self.parameters.weights.model, "model")


@dataclass(frozen=True, kw_only=True)
class Generator(Group):
    """What generates.

    Attributes:
        engine: Its name and version.
        max_model_len: Tokens of prompt and answer; None for the model's own limit.
        engine_dtype: Of its weights; None for the model's own.
        batch_invariant: True where its kernels are; None where they are vLLM's usual ones.
    """

    engine: str
    max_model_len: int | None
    engine_dtype: Dtype | None = None
    batch_invariant: bool | None = None

    def dtype_for(self, weights: Weights) -> Dtype:
        """Type of a model's weights, as the engine holds them.

        Args:
            weights: Of the model.
        """
        return self.engine_dtype or weights.dtype


@dataclass(frozen=True, kw_only=True)
class EngineOptions(Group):
    """How the engine is started; the suite's ``engine`` describes each."""

    kv_cache_gib: int
    gpu_memory_utilization: float
    enforce_eager: bool
    tensor_parallel_size: int


@dataclass(frozen=True, kw_only=True)
class EngineParameters(ModelParameters):
    """Parameters of a stage of the generation engine."""

    generator: Generator

    @property
    def dtype_in_engine(self) -> Dtype:
        """Of the weights, as the engine holds them."""
        return self.generator.dtype_for(self.weights)


@dataclass(frozen=True, kw_only=True)
class EngineSetting(ModelSetting):
    """Setting of a stage of the generation engine."""

    options: EngineOptions


@dataclass(frozen=True, kw_only=True)
class EngineStage(ModelStage):
    """A stage of the generation engine; its input ``start`` proves which weights the engine holds."""

    pool: ClassVar[Pool] = "engine"

    parameters: EngineParameters
    setting: EngineSetting

    def generation(self, answers: int | None, each: int | None, like: object) -> Work:
        """The work of generating.

        Args:
            answers: How many; None where the suite does not tell.
            each: Token limit of an answer.
            like: What else decides how long a token takes.
        """
        tokens = None if answers is None or each is None else answers * each
        return Work(
            units=None if tokens is None else float(tokens),
            tokens=tokens,
            answers=answers,
            devices=self.setting.options.tensor_parallel_size,
            like=like,
        )

    @property
    def memory_advice(self) -> str:
        """A shorter context, or more GPUs."""
        return "Lower engine.max_model_len, or cut the model over GPUs by engine.tensor_parallel_size."


ENGINE_BESIDE = "; where Ray lets an engine share the GPU, lower engine.gpu_memory_utilization."
"""The end of the advice to stages that train beside an engine."""
