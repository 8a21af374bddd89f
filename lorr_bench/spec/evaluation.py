"""What every model is measured on, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, field_validator, model_validator

from lorr_bench.spec.base import GradingSpec, Model, Name, switched
from lorr_bench.spec.benchmarks import BENCHMARKS, PROTOCOLS, filled, registered_name
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.presets import PRESETS, expand_preset
from lorr_bench.spec.sources import PromptSpec

SampleCount = Annotated[int, Field(gt=0)]
ProtocolName = Literal["fast", "qwen-greedy", "sober"]
PROTOCOL_FIELDS = ("greedy", "repeats", "temperature", "top_p", "max_tokens", "prompt")
ALIASES = {"avg_at": "repeats"}
ClusterColumn = Annotated[str | None, BeforeValidator(switched)]
EMBEDDED = "nano/"
EMBEDDED_FAMILIES = "family"


class MathBenchmark(PromptSpec):
    """Problems graded by Math-Verify; a registered one needs its name alone."""

    name: Name = Field(description="column name in the tables")
    like: str | None = Field(
        None, description="registered benchmark that this is a variant of; that of its name by default"
    )
    sizes: tuple[SampleCount, ...] = Field(
        (), description="how many problems the whole source may have; another number is refused"
    )
    limit: int | None = Field(None, gt=0, description="first problems only; the embedded task needs it")
    prompt: Literal["plain", "qwen-math-cot", "chat"] | None = Field(
        None, description="named prompt: gives `template`, `chat_template` and `stop` where they are not said"
    )
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="texts that end an answer; they are cut off"
    )
    max_tokens: int = Field(gt=0, description="token limit of an answer")
    greedy: bool = Field(True, description="one answer at temperature 0: the metric `greedy`")
    repeats: int = Field(
        0,
        ge=0,
        validation_alias=AliasChoices("repeats", "avg_at"),
        description="k: sampled answers for each problem, for avg@k, pass@k and maj@k; 0 leaves them out",
    )
    pass_at: tuple[SampleCount, ...] | None = Field(
        None, description="the k of pass@k, estimated without bias from all repeats; all of them by default"
    )
    temperature: float = Field(1.0, gt=0, le=5, description="temperature of the repeats")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus of the repeats")
    cluster_column: ClusterColumn = Field(
        None,
        description="column that names the family of each problem, where they come in families: variants of "
        "a template, questions on one text. Embedded problems, which are drawn one by one, have `family`",
    )

    @model_validator(mode="before")
    @classmethod
    def _registered(cls, value: Any) -> Any:
        named = value if isinstance(value, str) else value.get("like") if isinstance(value, dict) else None
        if named is not None and str(named) not in BENCHMARKS:
            hint = nearest(str(named), BENCHMARKS)
            raise ValueError(f"no registered benchmark {named!r}; {hint}there are {', '.join(BENCHMARKS)}")
        value = {"name": value} if isinstance(value, str) else value
        return filled(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _measures_something(self) -> Self:
        if self.answer_column is None:
            raise ValueError("`answer_column` is missing: answers can't be graded without the right one")
        if not self.greedy and not self.repeats:
            raise ValueError("neither `greedy` nor `repeats`: there would be no answer to grade")
        if beyond := [k for k in self.pass_at or () if k > self.repeats]:
            raise ValueError(f"pass_at {beyond[0]} needs as many repeats, there are {self.repeats}")
        if self.source.startswith(EMBEDDED) and self.cluster_column not in (None, EMBEDDED_FAMILIES):
            raise ValueError(
                f"no column {self.cluster_column!r}; the families of the embedded problems are in "
                f"`{EMBEDDED_FAMILIES}`, or say `off`"
            )
        return self

    @property
    def pass_counts(self) -> tuple[int, ...]:
        """The k of pass@k."""
        return (self.repeats,) * (self.repeats > 1) if self.pass_at is None else self.pass_at


class GeneralBenchmark(Model):
    """lm-eval tasks."""

    name: Name = Field("general", description="name of the benchmark")
    tasks: tuple[str, ...] = Field(min_length=1, description="lm-eval task or group names")
    include_path: str | None = Field(None, description="folder of further lm-eval task files")
    trust_remote_code: bool = Field(
        False,
        description="let the task files of `include_path` run code: Python functions beside them, metrics of "
        "the Hub; without it they are data",
    )
    data_sets: dict[str, str] = Field(
        default_factory=dict,
        description="data sets of the Hub, with revision, that the tasks' own code loads; those that task "
        "files name are found without",
    )
    num_fewshot: int | None = Field(
        None, ge=0, description="examples in the prompt; the task's own by default"
    )
    apply_chat_template: bool = Field(
        False, description="write every question in the model's chat template, as lm-eval's option does"
    )
    fewshot_as_multiturn: bool = Field(
        False, description="in the chat template: examples as turns of their own, not as one text"
    )
    system_instruction: str | None = Field(
        None,
        description="text before every question, in the chat template a system turn; there it is "
        "`model.system_prompt` by default",
    )
    metric: str | None = Field(
        None, description="metric to report, such as acc_norm; the task's first by default"
    )
    limit: int | None = Field(None, gt=0, description="first questions of each task only")
    cluster_column: ClusterColumn = Field(
        None,
        description="field of the tasks' documents that names the family of each question, such as the text "
        "that several are about; every task must have it",
    )

    @model_validator(mode="after")
    def _turns_need_a_template(self) -> Self:
        if self.fewshot_as_multiturn and not self.apply_chat_template:
            raise ValueError("`fewshot_as_multiturn` has no effect without `apply_chat_template: true`")
        return self


class ContaminationSpec(Model):
    """A search for benchmark problems among the training prompts."""

    ngram: int = Field(
        13, gt=0, description="words in a row that count as a match. GPT-3's number, arXiv 2005.14165"
    )


class EvaluationSpec(Model):
    """What every model is measured on."""

    protocol: ProtocolName = Field(
        "fast",
        description="how answers to math benchmarks are drawn; a mapping `{name: …}` changes single fields "
        "of a protocol, and a benchmark's own fields count before both. "
        + "; ".join(f"`{name}`: {protocol.meaning}" for name, protocol in PROTOCOLS.items()),
    )
    seed: int = Field(0, ge=0, description="seeds the repeats and lm-eval's draws; the same for all models")
    math: tuple[MathBenchmark, ...] = Field((), description="benchmarks graded by Math-Verify")
    general: tuple[GeneralBenchmark, ...] = Field((), description="benchmarks run by lm-eval")
    grading: GradingSpec = Field(default_factory=GradingSpec, description="policies of the grader")
    contamination: ContaminationSpec | None = Field(
        default_factory=ContaminationSpec,
        description="search the training prompts for the benchmarks' problems, or `off`",
    )
    keep_answers: int = Field(
        20,
        ge=0,
        description="problems of each benchmark whose answers the report shows side by side: so many that "
        "the first compared arm fixes, breaks, leaves wrong and leaves right",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_protocol(cls, values: Any) -> Any:
        """Write the protocol's fields into the benchmarks, and presets as what they stand for."""
        if not isinstance(values, dict):
            return values
        values = {**values}
        name, changes = _named_protocol(values.get("protocol", "fast"))
        values["protocol"] = name
        if isinstance(name, str) and name in PROTOCOLS and isinstance(values.get("math"), list | tuple):
            values["math"] = [_under_protocol(item, name, changes) for item in values["math"]]
        if isinstance(values.get("general"), list | tuple):
            values["general"] = [part for item in values["general"] for part in _expanded(item)]
        return values

    @field_validator("contamination", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        return switched(value)

    @model_validator(mode="after")
    def _something_named_once(self) -> Self:
        names = [b.name for b in self.math] + [b.name for b in self.general]
        if not names:
            raise ValueError("name at least one benchmark under `math` or `general`")
        if repeated := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"benchmark name used twice: {', '.join(repeated)}")
        return self


def under_protocol_of(evaluation: Any, item: Any) -> Any:
    """An entry of ``math`` that stands elsewhere in a suite, with the fields of the protocol.

    Args:
        evaluation: What the suite says of its evaluation, checked or not.
        item: The entry, checked or not.
    """
    protocol = evaluation.get("protocol", "fast") if isinstance(evaluation, dict) else None
    try:
        name, changes = _named_protocol(protocol)
    except ValueError:
        return item  # the evaluation tells of it
    return _under_protocol(item, name, changes) if isinstance(name, str) and name in PROTOCOLS else item


def _named_protocol(value: Any) -> tuple[Any, dict[Any, Any]]:
    """Name of the protocol, and the fields of it that the suite changes."""
    if not isinstance(value, dict):
        return value, {}
    changes = {ALIASES.get(key, key): change for key, change in value.items() if key != "name"}
    if unknown := sorted(map(str, set(changes) - set(PROTOCOL_FIELDS))):
        raise ValueError(f"a protocol has no {', '.join(unknown)}; it has {', '.join(PROTOCOL_FIELDS)}")
    return value.get("name", "fast"), changes


def _under_protocol(item: Any, name: str, changes: Mapping[str, Any]) -> Any:
    """A benchmark with the protocol's fields where it says nothing itself."""
    if isinstance(item, str) and item in BENCHMARKS:
        item = {"name": item}
    if not isinstance(item, dict):
        return item
    item = {ALIASES.get(key, key): value for key, value in item.items()}
    protocol = PROTOCOLS[name]
    fields = {**protocol.fields, **protocol.of.get(registered_name(item), {}), **changes}
    if "template" in item or "chat_template" in item:
        fields.pop("prompt", None)
    return {**fields, **item}


def _expanded(item: Any) -> list[Any]:
    """A preset, alone or with changes to all of it, as its benchmarks; anything else as it is."""
    if isinstance(item, str):
        if item not in PRESETS:
            hint = nearest(item, PRESETS)
            raise ValueError(f"no preset {item!r} of lm-eval tasks; {hint}there are {', '.join(PRESETS)}")
        return expand_preset(item)
    if isinstance(item, dict) and "preset" in item:
        changes = {key: value for key, value in item.items() if key != "preset"}
        return [{**part, **changes} if isinstance(part, dict) else item for part in _expanded(item["preset"])]
    return [item]
