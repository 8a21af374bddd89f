"""What all parts of a suite have in common."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, description="lower-case letters, digits, - and _")]


class Model(BaseModel):
    """Base: frozen, no unknown keys, finite numbers."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        allow_inf_nan=False,
    )


def switched(value: Any) -> Any:
    """What a section says that can be switched: None for `off`, its defaults for `on`, else what it holds.

    YAML 1.1 reads `off` as false and `on` as true; YAML 1.2 and JSON leave them text.
    """
    if value is False or value == "off":
        return None
    return {} if value is True or value == "on" else value


def rising(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Numbers that rise without repeats; others are refused."""
    if list(numbers) != sorted(set(numbers)):
        raise ValueError("must rise, without repeats")
    return numbers


class GradingSpec(Model):
    """Policies of the grader; the reason for each default stands in docs/grading.md."""

    percent: Literal["either", "fraction", "number"] = Field(
        "either", description="what 50 % equals, where one side has no sign: 0.5 and 50, 0.5 alone, 50 alone"
    )
    units: Literal["agree", "ignore"] = Field(
        "agree", description="units that both sides name must agree after conversion, or are never looked at"
    )
    order: Literal["tuples", "always", "never"] = Field(
        "tuples", description="where order counts: in (1, 2) but not in the list `1, 2`; in both; in neither"
    )
    rounding: Literal["shown", "none"] = Field(
        "shown", description="a decimal gold answer of three or more digits stands for what rounds to it"
    )
    tolerance: float = Field(
        0.0, ge=0, lt=1, description="largest difference from a gold number, relative to it"
    )
    choices: Literal["any", "text", "alone"] = Field(
        "any", description="how a choice is named: B, (B), b or with its text; capitals only; letter alone"
    )
    boxes: Literal["parts", "last"] = Field(
        "parts", description="boxes with only a comma or word between are one answer, or the last one counts"
    )
    equations: Literal["value", "whole"] = Field(
        "value", description="whether `x = 5` stands for 5, or an equation equals equations alone"
    )
    bases: Literal["either", "shown"] = Field(
        "either", description="whether 413 may stand for a gold answer in base 5, or the base must be shown"
    )
    logarithms: Literal["either", "natural", "decimal"] = Field(
        "either", description="what `\\log` without a base is: to base e or ten, one of them alone"
    )
    domain: Literal["shared", "same"] = Field(
        "shared",
        description="expressions must agree where both have a value, or have values at the same places",
    )
    timeout_seconds: float = Field(
        5.0, gt=0, description="processor time for one answer; beyond it the answer counts as wrong"
    )
    max_chars: int = Field(20_000, gt=0, description="what is looked at: the tail of a longer answer")
