"""What a suite file can say, as frozen models.

Every model forbids unknown keys. Defaults that the public record of LoRR does not fix are choices of this
project, and the field's description says so. Paths are relative to the suite file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from lorr_bench.spec.analysis import AnalysisSpec, Layout, check_analysis
from lorr_bench.spec.base import Model, Name, rising
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.evaluation import EvaluationSpec, under_protocol_of
from lorr_bench.spec.execution import ExecutionSpec
from lorr_bench.spec.methods import MethodSpec, Plugin, with_settings_of
from lorr_bench.spec.sources import DataSpec, StartModelSpec
from lorr_bench.spec.tuning.section import TuningSpec, check_tuning
from lorr_bench.values import BUDGET_SIGN, arm_name

START_MODEL = "start"
BudgetAxis = Literal["data", "prompts", "updates", "visits"]


class BudgetLimits(Model):
    """Upper bounds for every arm; an arm that would exceed one is refused before it runs."""

    prompts: int | None = Field(None, gt=0, description="prompts asked")
    verifier_calls: int | None = Field(None, gt=0, description="answers graded for training")
    unique_pairs: int | None = Field(None, gt=0, description="different pairs")
    pair_visits: int | None = Field(None, gt=0, description="pairs times replays")
    optimizer_steps: int | None = Field(None, gt=0, description="updates")


class BudgetSpec(Model):
    """What is held equal, and how much of it."""

    equal: BudgetAxis = Field(
        "data",
        description="`data`: prompts, unique pairs and verifier calls; `prompts`: prompts alone; `updates`: "
        "optimizer steps; `visits`: pairs times replays. The first two hold over all methods, the others "
        "within a method",
    )
    unique_pairs: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        min_length=1, description="data budgets; a smaller one is a subset of a larger one"
    )
    limits: BudgetLimits = Field(default_factory=BudgetLimits, description="bounds for every arm")

    @field_validator("unique_pairs")
    @classmethod
    def _in_order(cls, budgets: tuple[int, ...]) -> tuple[int, ...]:
        return rising(budgets)


class EngineSpec(Model):
    """The generation engine, vLLM. Only dtype, context length and kernels change what is computed."""

    dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        None,
        description="type of the engine's weights; left out: the model's, but `bfloat16` for a model in "
        "`float32` where vLLM's build for GPUs is installed",
    )
    max_model_len: int | None = Field(None, gt=0, description="context length in tokens")
    kv_cache_gib: int = Field(1, gt=0, description="key-value cache on a CPU, whole GiB as vLLM wants them")
    gpu_memory_utilization: float = Field(
        0.45, gt=0, le=1, description="share of a GPU, taken while its stages run"
    )
    enforce_eager: bool = Field(
        True,
        description="no CUDA graphs and no compilation (for which a CPU needs g++): starts sooner, "
        "runs slower",
    )
    batch_invariant: bool = Field(
        False,
        description="vLLM's batch-invariant kernels, on a GPU: an answer does not depend on those beside it, "
        "and takes longer",
    )
    tensor_parallel_size: int = Field(1, gt=0, description="GPUs of one engine, over which a model is cut")
    data_parallel_size: int | None = Field(
        None,
        gt=0,
        description="whole engines side by side, each answering stages of its own on devices of its own; "
        "left out: as many as the GPUs hold, one on a CPU",
    )


class PublishedFigures(Model):
    """A model of somebody else, beside an arm of this suite."""

    arm: str = Field(description="`method+plugin`, or `start` for the start model")
    model: str = Field(description="the model as the file calls it")
    source: str = Field(description="source or study, as the file has it")
    labels: str | None = Field(None, description="labels of its pairs, where the file has several")


class PublishedSpec(Model):
    """Figures of others, to be shown beside ours."""

    file: str | None = Field(
        None,
        description="CSV file in the form of results/reference/published.csv, which is taken where none is "
        "named",
    )
    figures: tuple[PublishedFigures, ...] = Field(min_length=1, description="which models of the file")


class TrainingSpec(Model):
    """How training runs."""

    num_processes: int = Field(
        1, gt=0, description="processes a training run, each with a device; the global batch grows with it"
    )
    sharding: Literal["ddp", "fsdp", "deepspeed_zero2", "deepspeed_zero3"] = Field(
        "ddp",
        description="`ddp`: a whole model in every process; `fsdp`: a shard of it (FSDP2); "
        "`deepspeed_zero2`: a whole model, a shard of optimizer and gradients; `deepspeed_zero3`: a shard of "
        "all",
    )
    accelerate_config: str | None = Field(
        None, description="a configuration file of accelerate, in place of `sharding`"
    )
    save_steps: int = Field(
        0, ge=0, description="optimizer steps between checkpoints; 0: at the end of each replay only"
    )
    diagnostics: bool = Field(True, description="measure what LoRR does to the model, at every replay")
    deterministic: bool = Field(
        False,
        description="PyTorch's deterministic algorithms: the same bits again on the same GPU, more slowly; a "
        "CPU has them anyway",
    )


def _listed(budgets: tuple[int, ...]) -> str:
    return ", ".join(map(str, budgets))


def _plugins_of(methods: dict[str, MethodSpec], plugins: dict[str, Any]) -> dict[str, list[str]]:
    """The plug-ins that each method is combined with, in the order of the suite."""
    return {
        name: [plugin for plugin in plugins if method.plugins is None or plugin in method.plugins]
        for name, method in methods.items()
    }


def budgets_of(plugins: dict[str, Any], budgets: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """The data budgets that the arms of each plug-in are trained at; all unless it says otherwise."""
    return {name: plugin.unique_pairs or budgets for name, plugin in plugins.items()}


def _unknown_arms(unknown: Sequence[str], arms: Iterable[str]) -> str:
    hint = "".join(nearest(name.partition(BUDGET_SIGN)[0], arms) for name in unknown)
    return f"no arm is called {', '.join(unknown)}; {hint}arms are {', '.join(arms)}"


def _arms(methods: dict[str, MethodSpec], plugins: dict[str, Any]) -> dict[str, Any]:
    """The plug-in of each arm, by the arm's name."""
    of_methods = _plugins_of(methods, plugins)
    return {arm_name(method, name): plugins[name] for method, names in of_methods.items() for name in names}


class Suite(Model):
    """One suite: a grid of methods, plug-ins, data budgets and seeds, and what to measure."""

    name: Name = Field(description="names the output folder")
    description: str = Field("", description="one or two sentences for the report")
    model: StartModelSpec = Field(description="the start model")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        min_length=1, description="each draws prompts, samples, order and training of its own"
    )
    data: DataSpec = Field(description="preference pairs")
    budget: BudgetSpec = Field(description="what is held equal")
    methods: dict[Name, MethodSpec] = Field(min_length=1, description="methods by name")
    plugins: dict[Name, Plugin] = Field(
        min_length=1,
        description="plug-ins by name; the first is the baseline",
    )
    overrides: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="hyper-parameters of one arm, by `method+plugin`; at one data budget, by "
        "`method+plugin@unique_pairs`, which counts before the other",
    )
    evaluation: EvaluationSpec = Field(description="what every model is measured on")
    analysis: AnalysisSpec = Field(
        default_factory=AnalysisSpec, description="what is tested, declared before anything runs"
    )
    tuning: TuningSpec | None = Field(
        None, description="settings of each arm, chosen before a test problem is touched"
    )
    published: PublishedSpec | None = Field(None, description="figures of others, shown beside ours")
    training: TrainingSpec = Field(default_factory=TrainingSpec, description="how training runs")
    engine: EngineSpec = Field(default_factory=EngineSpec, description="generation engine")
    execution: ExecutionSpec = Field(default_factory=ExecutionSpec, description="how the suite is run")
    device: str | None = Field(
        None,
        description="what batches and shares were set for: `cpu`, or GPUs as `plan --devices` names them, "
        "such as `h100-80gb:8`; nothing is checked by it",
    )
    variants: dict[Name, dict[str, Any]] = Field(
        default_factory=dict,
        description="what is otherwise on other devices, by name: keys of the suite, taken by `--set "
        "variant=NAME` before what `--set` says further on",
    )

    @model_validator(mode="before")
    @classmethod
    def _tuned_under_protocol(cls, values: Any) -> Any:
        """The benchmark that settings are chosen by is answered as the others are."""
        tuning = values.get("tuning") if isinstance(values, dict) else None
        if not isinstance(tuning, dict) or "benchmark" not in tuning:
            return values
        benchmark = under_protocol_of(values.get("evaluation"), tuning["benchmark"])
        return {**values, "tuning": {**tuning, "benchmark": benchmark}}

    @field_validator("model", mode="before")
    @classmethod
    def _short_model(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @field_validator("methods", mode="before")
    @classmethod
    def _no_hyperparameters(cls, value: Any) -> Any:
        """A method with nothing below its name takes every default; one like another, that one's settings."""
        if not isinstance(value, dict):
            return value
        methods: dict[str, Any] = {}
        for name, method in value.items():
            methods[name] = {} if method is None else with_settings_of(methods, name, method)
        return methods

    @field_validator("plugins", mode="before")
    @classmethod
    def _type_from_name(cls, value: Any) -> Any:
        """A plug-in called `plain` or `lorr` needs no `type`."""
        if not isinstance(value, dict):
            return value
        filled = {}
        for name, plugin in value.items():
            body = {} if plugin is None else plugin
            if isinstance(body, dict) and "type" not in body and name in ("plain", "lorr"):
                body = {"type": name, **body}
            filled[name] = body
        return filled

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("a seed is listed twice")
        return seeds

    @field_validator("plugins")
    @classmethod
    def _serve_methods(cls, plugins: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        for name, method in info.data.get("methods", {}).items():
            if unknown := [plugin for plugin in method.plugins or () if plugin not in plugins]:
                hint = "".join(nearest(plugin, plugins) for plugin in unknown)
                raise ValueError(
                    f"method {name} names {', '.join(unknown)}; {hint}plug-ins are {', '.join(plugins)}"
                )
        return plugins

    @field_validator("plugins")
    @classmethod
    def _trained_at_budgets(cls, plugins: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "budget" not in info.data:
            return plugins
        budgets: tuple[int, ...] = info.data["budget"].unique_pairs
        for name, plugin in plugins.items():
            if unknown := [str(pairs) for pairs in plugin.unique_pairs or () if pairs not in budgets]:
                raise ValueError(
                    f"plug-in {name} names {', '.join(unknown)} pairs; budgets are {_listed(budgets)}"
                )
        return plugins

    def plugins_of(self, method: str) -> list[str]:
        """The plug-ins that a method is combined with, in the order of the suite."""
        named = self.methods[method].plugins
        return [name for name in self.plugins if named is None or name in named]

    @property
    def layout(self) -> Layout:
        """The plug-ins of each method, and the data budgets of each plug-in."""
        plugins = {method: self.plugins_of(method) for method in self.methods}
        return Layout(plugins, budgets_of(self.plugins, self.budget.unique_pairs))

    @field_validator("analysis")
    @classmethod
    def _of_this_suite(cls, analysis: AnalysisSpec, info: ValidationInfo) -> AnalysisSpec:
        has_arms = {"methods", "plugins", "budget"} <= info.data.keys()  # else those have errors of their own
        layout = None
        if has_arms:
            plugins = info.data["plugins"]
            of_methods = _plugins_of(info.data["methods"], plugins)
            layout = Layout(of_methods, budgets_of(plugins, info.data["budget"].unique_pairs))
        check_analysis(analysis, layout, info.data.get("evaluation"))
        return analysis

    @field_validator("tuning")
    @classmethod
    def _tunes_this_suite(cls, tuning: TuningSpec | None, info: ValidationInfo) -> TuningSpec | None:
        if tuning is not None:
            budget, methods = info.data.get("budget"), info.data.get("methods")
            check_tuning(
                tuning,
                info.data.get("seeds"),
                budget.unique_pairs if budget else None,
                list(methods) if methods else None,
                info.data.get("evaluation"),
            )
        return tuning

    @field_validator("published")
    @classmethod
    def _beside_arms(cls, published: PublishedSpec | None, info: ValidationInfo) -> PublishedSpec | None:
        if published is None or not {"methods", "plugins"} <= info.data.keys():
            return published
        arms = [START_MODEL, *_arms(info.data["methods"], info.data["plugins"])]
        if unknown := [figures.arm for figures in published.figures if figures.arm not in arms]:
            raise ValueError(_unknown_arms(unknown, arms))
        return published

    @field_validator("overrides")
    @classmethod
    def _name_arms(cls, overrides: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if not {"methods", "plugins"} <= info.data.keys():
            return overrides  # those have errors of their own
        arms = _arms(info.data["methods"], info.data["plugins"])
        named = {name: name.partition(BUDGET_SIGN) for name in overrides}
        if unknown := [name for name, (arm, _, _) in named.items() if arm not in arms]:
            raise ValueError(_unknown_arms(unknown, arms))
        for name, (arm, at, budget) in named.items() if "budget" in info.data else ():
            budgets: tuple[int, ...] = arms[arm].unique_pairs or info.data["budget"].unique_pairs
            if at and budget not in map(str, budgets):
                raise ValueError(f"{name} names no budget that {arm} is trained at: {_listed(budgets)}")
        return overrides
