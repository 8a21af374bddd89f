"""Where models, prompts and preference pairs come from."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, field_validator, model_validator

from lorr_bench.spec.base import GradingSpec, Model

ROW_RULES = Literal["one_each", "longest_correct", "verifier_length", "best_worst", "best_random"]
RULES_OF_RIGHT_AND_WRONG = ("one_each", "longest_correct", "verifier_length")
BOXED = "boxed"
REVISION = (
    "commit, branch or tag of a Hub id; `main` by default. It is resolved to a commit once, when a run is "
    "planned for the first time"
)
TEMPLATE_DATE = date(2025, 1, 1)


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
    """Problems with answers: the embedded task, a local JSONL file, or a Hub data set."""

    source: str = Field(
        description="`nano/train`, `nano/validation`, `nano/easy`, `nano/hard`, a JSONL file, or a Hub "
        "data set id"
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
    revision: str | None = Field(None, description=REVISION)
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
