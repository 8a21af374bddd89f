"""Where models, prompts and preference pairs come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AliasChoices, Field, field_validator, model_validator

from lorr_bench.spec.base import GradingSpec, Model, rising

ROW_RULES = Literal["one_each", "longest_correct", "verifier_length", "best_worst", "best_random"]
RULES_OF_RIGHT_AND_WRONG = ("one_each", "longest_correct", "verifier_length")
BOXED = "boxed"
REVISION = (
    "commit, branch or tag of a Hub id; `main` by default. It is resolved to a commit once, when a run is "
    "planned for the first time"
)
TEMPLATE_DATE = date(2025, 1, 1)
DataType = Literal["preference", "unpaired", "prompt_completion"]
"""What the rows of a ready-made set hold, as TRL calls it."""
RESPONSES: Final[Mapping[DataType, int]] = MappingProxyType(
    {"preference": 2, "unpaired": 1, "prompt_completion": 1}
)
ColumnNames = Literal[
    "distilabel_orca",
    "hh_rlhf",
    "kto_mix",
    "messages",
    "orca_dpo",
    "sharegpt",
    "truthy_dpo",
    "ultrafeedback_binarized",
]


class ModelSpec(Model):
    """A model."""

    path: str = Field(description="`nano` (the embedded model), a folder in Hugging Face form, or a Hub id")
    revision: str | None = Field(None, description=REVISION)
    dtype: Literal["float32", "bfloat16", "float16"] = Field("float32", description="type of the weights")
    trust_remote_code: bool = Field(False, description="run Python code that comes with the model")
    template_date: date = Field(
        TEMPLATE_DATE,
        description="what a chat template that asks for today's date (`strftime_now`) is told, so that the "
        "prompts are the same tomorrow",
    )


class StartModelSpec(ModelSpec):
    """The start model, and what its chat template is told wherever a prompt is written in it."""

    system_prompt: str | None = Field(
        None,
        description="text of a system turn before every prompt that is written in the chat template; without "
        "one, the template's own stands, if it has one",
    )
    chat_template_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="further arguments of the chat template, such as `enable_thinking: false`",
    )


class PromptSpec(Model):
    """Problems with answers: the embedded task, a data set of this machine, or a Hub data set."""

    source: str = Field(
        description="`nano/train`, `nano/validation`, `nano/easy`, `nano/hard`, a file (JSON lines, JSON, "
        "CSV, Parquet), a folder of `save_to_disk`, or a Hub data set id"
    )
    revision: str | None = Field(None, description=REVISION)
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
    extends: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        (),
        description="numbers of prompts that were collected before, rising, each below `num_prompts`: their "
        "answers and pairs stay, and only the prompts behind them are asked",
    )
    num_samples: int = Field(
        4,
        ge=2,
        validation_alias=AliasChoices("num_samples", "num_generations"),
        description="answers sampled for each prompt",
    )
    temperature: float = Field(1.0, gt=0, le=5, description="sampling temperature")
    top_p: float = Field(1.0, gt=0, le=1, description="nucleus of the sampling distribution")
    max_tokens: int = Field(gt=0, description="token limit of an answer")
    truncated: Literal["leave_out", "pair"] = Field(
        "leave_out",
        description="answers that the token limit ended: leave them out of what is trained on, or pair them "
        "like any other. Either way they are never trained to end there",
    )
    grading: GradingSpec = Field(default_factory=GradingSpec, description="policies of the verifier")
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

    @field_validator("extends")
    @classmethod
    def _in_order(cls, numbers: tuple[int, ...]) -> tuple[int, ...]:
        return rising(numbers)

    @model_validator(mode="after")
    def _asks_more(self) -> Self:
        if self.extends and self.extends[-1] >= self.num_prompts:
            raise ValueError(
                f"`num_prompts: {self.num_prompts}` must be above `extends: {list(self.extends)}`: prompts "
                "that were collected before count, too"
            )
        return self

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


@dataclass(frozen=True)
class ColumnPreset:
    """How a set in wide use names its columns.

    Attributes:
        of: Sets of the Hub that have them.
        columns: Those by which the set is recognised where no name is given; none where it is read as it is.
        settings: What `data.pairs` says for it.
    """

    of: str
    columns: frozenset[str]
    settings: Mapping[str, Any]


COLUMN_PRESETS: Final[Mapping[ColumnNames, ColumnPreset]] = MappingProxyType(
    {
        "ultrafeedback_binarized": ColumnPreset(
            of="HuggingFaceH4/ultrafeedback_binarized, trl-lib/ultrafeedback_binarized",
            columns=frozenset(),
            settings={"prompt_column": None},
        ),
        "hh_rlhf": ColumnPreset(
            of="Anthropic/hh-rlhf",
            columns=frozenset(),
            settings={"prompt_column": None},
        ),
        "orca_dpo": ColumnPreset(
            of="Intel/orca_dpo_pairs",
            columns=frozenset({"system", "question", "chosen", "rejected"}),
            settings={"prompt_column": "question", "system_column": "system", "chat_template": True},
        ),
        "distilabel_orca": ColumnPreset(
            of="argilla/distilabel-intel-orca-dpo-pairs",
            columns=frozenset({"system", "input", "chosen", "rejected"}),
            settings={"prompt_column": "input", "system_column": "system", "chat_template": True},
        ),
        "truthy_dpo": ColumnPreset(
            of="jondurbin/truthy-dpo-v0.1",
            columns=frozenset({"system", "prompt", "chosen", "rejected"}),
            settings={"system_column": "system", "chat_template": True},
        ),
        "sharegpt": ColumnPreset(
            of="hiyouga/DPO-En-Zh-20k, and others of LLaMA-Factory",
            columns=frozenset({"conversations", "chosen", "rejected"}),
            settings={"prompt_column": "conversations"},
        ),
        "kto_mix": ColumnPreset(
            of="trl-lib/kto-mix-14k",
            columns=frozenset({"prompt", "completion", "label"}),
            settings={"type": "unpaired"},
        ),
        "messages": ColumnPreset(
            of="HuggingFaceH4/ultrachat_200k, trl-lib/Capybara",
            columns=frozenset({"messages"}),
            settings={"type": "prompt_completion", "prompt_column": None, "completion_column": "messages"},
        ),
    }
)
"""What the names of `data.pairs.columns` stand for."""


class PairFileSpec(Model):
    """Ready-made preference pairs, or rows of one response: a file, a saved folder, or a Hub data set."""

    source: str = Field(
        description="JSON lines, JSON, CSV, TSV (each may be gzipped), Parquet, a folder of `save_to_disk`, "
        "or a Hub data set id"
    )
    revision: str | None = Field(None, description=REVISION)
    subset: str | None = Field(None, description="configuration of the Hub data set, where it has several")
    split: str = Field("train", description="split of the Hub data set, or of a saved folder with several")
    limit: int | None = Field(None, gt=0, description="rows that are read, the first; all by default")
    streaming: bool = Field(
        False, description="read a Hub data set row by row as it comes, instead of fetching it whole before"
    )
    type: DataType = Field(
        "preference",
        description="`preference`: two responses a row; `unpaired`: one response and a label (for kto); "
        "`prompt_completion`: one response (for sft). The last two make a row count as a pair of the budget",
    )
    columns: ColumnNames | None = Field(
        None, description="column names of a set in wide use; what is said beside it goes before"
    )
    prompt_column: str | None = Field(
        "prompt",
        description="column with the prompt; nothing (`null`) where the responses begin with it, and what "
        "they have in common is the prompt",
    )
    chosen_column: str = Field("chosen", description="column with the preferred response")
    rejected_column: str = Field("rejected", description="column with the other response")
    completion_column: str = Field(
        "completion", description="column with the response, of `unpaired` and `prompt_completion`"
    )
    label_column: str = Field(
        "label", description="column that says whether a response is wanted: `unpaired`"
    )
    system_column: str | None = Field(None, description="column with the text of a system turn")
    chat_template: bool = Field(
        False,
        description="write strings in the model's chat template, too: the prompt as a user turn, the "
        "response as the answer. Conversations always are",
    )

    @model_validator(mode="before")
    @classmethod
    def _named_columns(cls, values: Any) -> Any:
        """A preset stands for the settings that the set needs."""
        if not isinstance(values, dict) or values.get("columns") not in COLUMN_PRESETS:
            return values
        return {**COLUMN_PRESETS[values["columns"]].settings, **values}

    @property
    def responses(self) -> int:
        """How many a row has."""
        return RESPONSES[self.type]

    @model_validator(mode="after")
    def _system_turn_has_template(self) -> Self:
        if self.system_column is not None and not self.chat_template:
            raise ValueError(
                "`system_column` is a turn of a chat template: add `chat_template: true`, or leave it out"
            )
        return self


class DataSpec(Model):
    """Where preference pairs come from: exactly one of the two."""

    collect: CollectSpec | None = Field(None, description="sample, grade and pair")
    pairs: PairFileSpec | None = Field(None, description="a ready-made file")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.collect is None) == (self.pairs is None):
            raise ValueError("give exactly one of `collect` and `pairs`")
        return self
