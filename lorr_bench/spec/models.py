"""What a suite file can say, as frozen models.

Every model forbids unknown keys. Defaults that the public record of LoRR does not fix are choices of this
project, and the field's description says so. Paths are relative to the suite file.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, description="lower-case letters, digits, - and _")]
BudgetAxis = Literal["data", "prompts", "updates", "visits"]
ROW_RULES = Literal["one_each", "longest_correct", "verifier_length", "best_worst", "best_random"]
RULES_OF_RIGHT_AND_WRONG = ("one_each", "longest_correct", "verifier_length")
BOXED = "boxed"


class Model(BaseModel):
    """Base: frozen, no unknown keys, finite numbers."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        allow_inf_nan=False,
    )


class ModelSpec(Model):
    """The start model."""

    path: str = Field(description="`nano` (the embedded model), a folder in Hugging Face form, or a Hub id")
    revision: str | None = Field(None, description="Hub revision; required for a Hub id")
    dtype: Literal["float32", "bfloat16", "float16"] = Field("float32", description="type of the weights")
    trust_remote_code: bool = Field(False, description="run Python code that comes with the model")


class PromptSpec(Model):
    """Problems with answers: the embedded task, a local JSONL file, or a Hub data set."""

    source: str = Field(
        description="`nano/train`, `nano/validation`, `nano/easy`, `nano/hard`, a JSONL file, or a Hub "
        "data set id"
    )
    revision: str | None = Field(None, description="Hub revision; required for a Hub id")
    subset: str | None = Field(None, description="configuration of the Hub data set, where it has several")
    split: str | None = Field(None, description="split of the Hub data set; required for a Hub id")
    problem_column: str = Field("problem", description="column with the problem text")
    answer_column: str | None = Field(
        "answer",
        description="column with the right final answer; a list counts as one answer of several values. "
        "Nothing (`null`) where a reward model scores, which is then the default",
    )
    answer_pattern: str | None = Field(
        None,
        description="finds the final answer in a worked solution: a regular expression with one group, of "
        "which the last match counts (GSM8K: `#### (.*)`), or `boxed` for the last \\boxed{…}",
    )
    incomplete: Literal["refuse", "skip"] = Field(
        "refuse", description="rows without a problem or an answer: stop at the first, or leave them out"
    )
    template: str = Field("{problem}", description="prompt text around the problem; must hold {problem} once")
    chat_template: bool = Field(
        False, description="wrap the prompt in the model's chat template as a user turn"
    )

    @field_validator("template")
    @classmethod
    def _holds_problem(cls, template: str) -> str:
        if template.count("{problem}") != 1:
            raise ValueError("must hold {problem} exactly once")
        return template

    @field_validator("answer_pattern")
    @classmethod
    def _one_group(cls, pattern: str | None) -> str | None:
        if pattern is None or pattern == BOXED:
            return pattern
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"is neither `{BOXED}` nor a regular expression ({error})") from error
        if groups != 1:
            raise ValueError(f"must have exactly one group in parentheses, has {groups}")
        return pattern


class RewardModelSpec(ModelSpec):
    """A sequence-classification model with one output, which scores answers."""

    path: str = Field(description="folder in Hugging Face form, or a Hub id")
    batch_size: int = Field(8, gt=0, description="answers a forward pass")
    max_length: int = Field(
        4096, gt=1, description="tokens of prompt and answer; a longer answer gets no score and is not used"
    )


class CollectSpec(PromptSpec):
    """Make preference pairs: sample answers, score them, pair better with worse."""

    num_prompts: int = Field(gt=0, description="prompts asked for each seed")
    num_samples: int = Field(
        4,
        ge=2,
        validation_alias=AliasChoices("num_samples", "num_generations"),
        description="answers sampled for each prompt",
    )
    temperature: float = Field(1.0, gt=0, le=5, description="sampling temperature")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus of the sampling distribution")
    max_tokens: int = Field(gt=0, description="token limit of an answer")
    reward_model: RewardModelSpec | None = Field(
        None, description="scores the answers; without one, Math-Verify's verdicts do: 1 right, 0 wrong"
    )
    pair_rule: ROW_RULES = Field(
        "one_each",
        description="`one_each`: a random right and a random wrong answer; `longest_correct`: the longest "
        "right one and a random wrong one; `verifier_length` (DPO-VP's): the longest right one, else the "
        "longest wrong one, and a random one without \\boxed{…}, else a random wrong one; `best_worst`: the "
        "highest and the lowest score, the first of equals; `best_random`: the highest and a random lower "
        "one. The first three need the verifier; with it, `best_worst` is the first right and the first "
        "wrong answer",
    )

    @model_validator(mode="before")
    @classmethod
    def _answers_optional(cls, values: Any) -> Any:
        """A reward model reads no right answers."""
        if isinstance(values, dict) and values.get("reward_model") is not None:
            return {"answer_column": None, **values}
        return values

    @model_validator(mode="after")
    def _scorer_serves_rule(self) -> Self:
        if self.reward_model is None and self.answer_column is None:
            raise ValueError(
                "`answer_column` is missing: the verifier needs right answers, a reward model does not"
            )
        if self.reward_model is not None and self.pair_rule in RULES_OF_RIGHT_AND_WRONG:
            raise ValueError(
                f"`pair_rule: {self.pair_rule}` needs right and wrong answers, which a reward model does not "
                "tell apart; choose `best_worst` or `best_random`, or leave out `reward_model`"
            )
        return self


class PairFileSpec(Model):
    """Ready-made preference pairs: a JSONL file or a Hub data set."""

    source: str = Field(description="JSONL file, or a Hub data set id")
    revision: str | None = Field(None, description="Hub revision; required for a Hub id")
    split: str = Field("train", description="split of the Hub data set")
    prompt_column: str = Field("prompt", description="column with the prompt")
    chosen_column: str = Field("chosen", description="column with the preferred response")
    rejected_column: str = Field("rejected", description="column with the other response")


class DataSpec(Model):
    """Where preference pairs come from: exactly one of the two."""

    collect: CollectSpec | None = Field(None, description="sample, grade and pair")
    pairs: PairFileSpec | None = Field(None, description="a ready-made file")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.collect is None) == (self.pairs is None):
            raise ValueError("give exactly one of `collect` and `pairs`")
        return self


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
    def _rising(cls, budgets: tuple[int, ...]) -> tuple[int, ...]:
        if list(budgets) != sorted(set(budgets)):
            raise ValueError("must rise, without repeats")
        return budgets


class IterativeSpec(Model):
    """Several rounds: each draws answers from the policy that the round before left, and trains on them."""

    rounds: int = Field(gt=1, le=100, description="T. Published: 3")
    temperature: tuple[Annotated[float, Field(gt=0, le=5)], ...] | None = Field(
        None, description="sampling temperature of every round; data.collect.temperature by default"
    )
    reference: Literal["round", "start"] = Field(
        "round",
        description="reference policy: that at the start of the round, or θ₀. Not in the record: ours",
    )
    prompts: Literal["split", "reuse"] = Field(
        "split",
        description="`split`: a share of prompts and pairs for each round, so that all rounds cost what one "
        "does; `reuse`: all prompts and the full number of pairs in every round",
    )

    @model_validator(mode="after")
    def _temperature_of_each(self) -> Self:
        if self.temperature is not None and len(self.temperature) != self.rounds:
            raise ValueError(f"temperature has {len(self.temperature)} entries for {self.rounds} rounds")
        return self


class MethodSpec(BaseModel):
    """A method and its hyper-parameters; the adapter checks the names it does not know here."""

    model_config = ConfigDict(frozen=True, extra="allow")

    like: str | None = Field(
        None,
        description="an earlier method of this suite, whose settings and plug-ins count here too where "
        "nothing else is said; its adapter and rounds do not",
    )
    adapter: str | None = Field(None, description="registered method; this method's own name by default")
    backend: str | None = Field(
        None, description="what trains it: `trl`, `native`, `llamafactory`, …; the first of these that has it"
    )
    plugins: tuple[str, ...] | None = Field(
        None, min_length=1, description="plug-ins to combine it with; all by default"
    )
    iterative: IterativeSpec | None = Field(None, description="several rounds instead of one")

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the adapter receives."""
        return dict(self.__pydantic_extra__ or {})


RESET_PRESETS: dict[str, str] = {
    "o_proj": r"\.o_proj\.",
    "down_proj": r"\.down_proj\.",
    "downstream": r"\.(o_proj|down_proj)\.",
    "attention": r"\.(q_proj|k_proj|v_proj|o_proj)\.",
    "mlp": r"\.(gate_proj|up_proj|down_proj)\.",
    "full_layers": r"\.layers\.\d+\.",
}


class ResetSpec(Model):
    """Shrink and perturb, after every replay but the last: θ ← α·θ + (1-α)·θ_anchor."""

    factor: float = Field(
        0.5,
        ge=0,
        le=1,
        validation_alias=AliasChoices("factor", "alpha"),
        description="α; 1 keeps the weights, 0 restores the anchor. Published: 0.5",
    )
    tensors: str = Field(
        "downstream",
        description="`o_proj`, `down_proj`, `downstream` (both), `attention`, `mlp`, `full_layers` "
        "(published as harmful), or a regular expression searched in parameter names. "
        "The record says 'downstream projections'; one source says o_proj alone",
    )
    anchor: Literal["start", "round", "init"] = Field(
        "start",
        description="`start`: θ₀; `round`: the policy at the start of the round; `init`: a fresh random "
        "initialisation (Ash & Adams 2020). The record reuses the initial data; the anchor is our choice",
    )
    period: Literal["replay", "round"] | Annotated[int, Field(gt=0)] = Field(
        "replay",
        description="`replay`: after every replay but the last; `round`: after every round but the last; a "
        "number: after so many optimizer steps. The record has it inside the loop, and calls it periodic",
    )
    optimizer_state: Literal["clear", "keep"] = Field(
        "clear", description="optimizer moments of the reset tensors. Not in the record: our choice"
    )

    @field_validator("tensors")
    @classmethod
    def _compiles(cls, tensors: str) -> str:
        try:
            re.compile(tensors)
        except re.error as error:
            raise ValueError(f"is neither a preset nor a regular expression ({error})") from error
        return tensors

    @property
    def pattern(self) -> str:
        """The regular expression to search in parameter names."""
        return RESET_PRESETS.get(self.tensors, self.tensors)


class SftSpec(Model):
    """The SFT term of the hybrid objective, λ of replay ℓ of L."""

    schedule: Literal["linear", "from_zero", "constant"] = Field(
        "linear",
        description="`linear`: cap·ℓ/L; `from_zero`: cap·(ℓ-1)/(L-1); `constant`: cap. "
        "The record says that λ rises and tops out at 0.5; the form is our choice",
    )
    cap: float = Field(
        0.5,
        ge=0,
        validation_alias=AliasChoices("cap", "sft_weight", "pref_ftx"),
        description="largest λ. Published: 0.5",
    )
    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(
        None, description="λ of every replay, one a replay; replaces schedule and cap"
    )


class PlainPlugin(Model):
    """The method as it is: one pass, no reset, no SFT term."""

    type: Literal["plain"] = "plain"


class LorrPlugin(Model):
    """LoRR; each part can be switched off alone (`replays: 1`, `reset: off`, `sft: off`)."""

    type: Literal["lorr"] = "lorr"
    replays: int = Field(3, ge=1, le=1000, description="L, passes over the same pairs. Published: 3")
    reset: ResetSpec | None = Field(default_factory=ResetSpec, description="shrink and perturb, or `off`")
    sft: SftSpec | None = Field(default_factory=SftSpec, description="hybrid objective, or `off`")
    rollout_ratio: float = Field(
        0.0,
        ge=0,
        le=1,
        validation_alias=AliasChoices("rollout_ratio", "rho"),
        description="ρ: share of rows, drawn anew for each replay after the first, whose responses are "
        "sampled from the current policy; they are charged. The record gives no value: ours is 0",
    )

    @field_validator("reset", "sft", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        """YAML 1.1 reads `off` as false and `on` as true; YAML 1.2 and JSON leave them text."""
        if value is False or value == "off":
            return None
        return {} if value is True or value == "on" else value

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.sft and self.sft.weights is not None and len(self.sft.weights) != self.replays:
            raise ValueError(f"sft.weights has {len(self.sft.weights)} entries for {self.replays} replays")
        return self


Plugin = Annotated[PlainPlugin | LorrPlugin, Field(discriminator="type")]


class MathBenchmark(PromptSpec):
    """Problems graded by Math-Verify."""

    name: Name = Field(description="column name in the tables")
    limit: int | None = Field(None, gt=0, description="first problems only; the embedded task needs it")
    max_tokens: int = Field(gt=0, description="token limit of an answer")
    avg_at: int = Field(0, ge=0, description="k of avg@k: sampled answers for each problem; 0 leaves it out")
    temperature: float = Field(1.0, gt=0, le=5, description="temperature of avg@k; greedy is always reported")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus of avg@k")

    @model_validator(mode="after")
    def _has_answers(self) -> Self:
        if self.answer_column is None:
            raise ValueError("`answer_column` is missing: answers can't be graded without the right one")
        return self


class GeneralBenchmark(Model):
    """lm-eval tasks."""

    name: Name = Field("general", description="name of the group")
    tasks: tuple[str, ...] = Field(min_length=1, description="lm-eval task or group names")
    include_path: str | None = Field(None, description="folder of further lm-eval task files")
    num_fewshot: int | None = Field(
        None, ge=0, description="examples in the prompt; the task's own by default"
    )
    limit: int | None = Field(None, gt=0, description="first questions of each task only")


class EvaluationSpec(Model):
    """What every model is measured on."""

    math: tuple[MathBenchmark, ...] = Field((), description="benchmarks graded by Math-Verify")
    general: tuple[GeneralBenchmark, ...] = Field((), description="benchmarks run by lm-eval")
    keep_answers: int = Field(
        20, ge=0, description="problems of each benchmark whose answers the report shows side by side"
    )

    @model_validator(mode="after")
    def _something_named_once(self) -> Self:
        names = [b.name for b in self.math] + [b.name for b in self.general]
        if not names:
            raise ValueError("name at least one benchmark under `math` or `general`")
        if repeated := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"benchmark name used twice: {', '.join(repeated)}")
        return self


class EngineSpec(Model):
    """The generation engine, vLLM. Nothing here changes what is computed except the context length."""

    max_model_len: int | None = Field(None, gt=0, description="context length in tokens")
    kv_cache_gib: float = Field(1.0, gt=0, description="key-value cache in GiB on a CPU")
    gpu_memory_utilization: float = Field(
        0.45, gt=0, le=1, description="share of a GPU; training needs the rest"
    )
    enforce_eager: bool = Field(
        True, description="no CUDA graphs and no compilation: starts sooner, runs slower"
    )


class TrainingSpec(Model):
    """How training runs."""

    num_processes: int = Field(
        1, gt=0, description="processes a training run, each with a device; the global batch grows with it"
    )
    sharding: Literal["ddp", "fsdp"] = Field(
        "ddp", description="`ddp`: a whole model in every process; `fsdp`: a shard (FSDP2)"
    )
    save_steps: int = Field(
        0, ge=0, description="optimizer steps between checkpoints; 0: at the end of each replay only"
    )
    diagnostics: bool = Field(True, description="measure what LoRR does to the model, at every replay")


def _with_settings_of(earlier: dict[str, Any], name: str, method: Any) -> Any:
    """The method, with the settings of the one it is like."""
    if not isinstance(method, dict) or method.get("like") is None:
        return method
    model = earlier.get(method["like"]) if isinstance(method["like"], str) else None
    if not isinstance(model, dict):
        raise ValueError(f"{name} is like {method['like']}, which is no earlier method")  # noqa: TRY004
    shared = {key: value for key, value in model.items() if key not in ("like", "adapter", "iterative")}
    return {**shared, **method}


class Suite(Model):
    """One suite: a grid of methods, plug-ins, data budgets and seeds, and what to measure."""

    name: Name = Field(description="names the output folder")
    description: str = Field("", description="one or two sentences for the report")
    model: ModelSpec = Field(description="the start model")
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
        default_factory=dict, description="hyper-parameters of one arm, by `method+plugin`"
    )
    evaluation: EvaluationSpec = Field(description="what every model is measured on")
    training: TrainingSpec = Field(default_factory=TrainingSpec, description="how training runs")
    engine: EngineSpec = Field(default_factory=EngineSpec, description="generation engine")

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
            methods[name] = {} if method is None else _with_settings_of(methods, name, method)
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
                raise ValueError(
                    f"method {name} names {', '.join(unknown)}; plug-ins are {', '.join(plugins)}"
                )
        return plugins

    def plugins_of(self, method: str) -> list[str]:
        """The plug-ins that a method is combined with, in the order of the suite."""
        named = self.methods[method].plugins
        return [name for name in self.plugins if named is None or name in named]

    @field_validator("overrides")
    @classmethod
    def _name_arms(cls, overrides: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if not {"methods", "plugins"} <= info.data.keys():
            return overrides  # those have errors of their own
        arms = [
            f"{name}+{plugin}"
            for name, method in info.data["methods"].items()
            for plugin in info.data["plugins"]
            if method.plugins is None or plugin in method.plugins
        ]
        if unknown := [name for name in overrides if name not in arms]:
            raise ValueError(f"no arm is called {', '.join(unknown)}; arms are {', '.join(arms)}")
        return overrides
