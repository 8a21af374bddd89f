"""Problems as parameters of a stage, and shares of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeVar

from lorr_bench.plan.identity.origins import Origin
from lorr_bench.plan.json_values import Group, JsonArray, JsonObject
from lorr_bench.plan.kinds.model import EngineSetting
from lorr_bench.spec.sources import PromptSpec, StartModelSpec
from lorr_bench.tokens.chat import Chat

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ProblemRows(Group):
    """Which rows of which source are the problems; ``PromptSpec`` describes each field.

    Attributes:
        source: Identity of what lies there.
        revision: Commit of a Hub data set.
    """

    source: str
    revision: str | None
    subset: str | None
    split: str | None
    problem_column: str
    answer_column: str | None
    answer_pattern: str | None
    incomplete: Literal["refuse", "skip"]

    @classmethod
    def of(cls, spec: PromptSpec, origin: Origin) -> ProblemRows:
        """What a suite says of its problems, which come from an origin."""
        return cls(
            source=origin.identity,
            revision=origin.commit,
            subset=spec.subset,
            split=spec.split,
            problem_column=spec.problem_column,
            answer_column=spec.answer_column,
            answer_pattern=spec.answer_pattern,
            incomplete=spec.incomplete,
        )

    def spec(self, source: str) -> PromptSpec:
        """What reads the problems, as bare texts.

        Args:
            source: Where they lie.
        """
        return PromptSpec.model_validate({**self.to_dict(), "source": source})


@dataclass(frozen=True, kw_only=True)
class PromptSource(Group):
    """Problems, and the text around each.

    Attributes:
        rows: The problems.
        template: Text with ``{problem}`` in it.
        chat_template: Whether the prompt is a user turn in the model's chat template.
    """

    rows: ProblemRows
    template: str
    chat_template: bool

    @classmethod
    def of(cls, spec: PromptSpec, origin: Origin) -> PromptSource:
        """What a suite says of its prompts, which come from an origin."""
        return cls(
            rows=ProblemRows.of(spec, origin), template=spec.template, chat_template=spec.chat_template
        )

    def spec(self, source: str) -> PromptSpec:
        """What reads and writes the prompts.

        Args:
            source: Where the problems lie.
        """
        return PromptSpec.model_validate({**self.to_dict(), "source": source})


@dataclass(frozen=True, kw_only=True)
class ChatTemplate(Group):
    """What the model's chat template is told; the suite's ``model`` describes each.

    Attributes:
        template_date: Today's date.
        system_prompt: Text of a system turn; None for none of the suite's own.
        chat_template_kwargs: Further arguments; None where there are none.
    """

    template_date: date
    system_prompt: str | None = None
    chat_template_kwargs: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, model: StartModelSpec) -> ChatTemplate:
        """What a suite says of its model's template."""
        return cls(
            template_date=model.template_date,
            system_prompt=model.system_prompt,
            chat_template_kwargs=model.chat_template_kwargs or None,
        )

    @property
    def told(self) -> Chat:
        """In the form that writes prompts."""
        return Chat(self.template_date, self.system_prompt, self.chat_template_kwargs or {})


@dataclass(frozen=True, kw_only=True)
class PromptSetting(EngineSetting):
    """Setting of a stage that asks prompts.

    Attributes:
        source: Where the problems lie.
    """

    source: str


@dataclass(frozen=True)
class Round(JsonArray):
    """One of several rounds.

    Attributes:
        number: Counted from 1.
        rounds: How many there are.
    """

    number: int
    rounds: int

    def share(self, total: int) -> int:
        """How many of all pairs or prompts the round has; shares differ by one at most."""
        return total * self.number // self.rounds - total * (self.number - 1) // self.rounds

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """The round's share of some items, those of earlier rounds left out."""
        count = len(items)
        return items[count * (self.number - 1) // self.rounds : count * self.number // self.rounds]


@dataclass(frozen=True, kw_only=True)
class PromptCount(JsonObject):
    """Which of the prompts of a seed are asked.

    Attributes:
        num_prompts: How many all rounds ask.
        part: The round that asks its share of them; None where all are asked.
        seed: That puts them in order.
    """

    num_prompts: int
    part: Round | None = None
    seed: int

    @property
    def asked(self) -> int:
        """Prompts that are asked; of a round its own share."""
        return self.part.share(self.num_prompts) if self.part else self.num_prompts
