"""What graders of mathematics disagree on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lorr_bench.spec.base import Model


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
    timeout_seconds: float = Field(
        5.0, gt=0, description="processor time for one answer; beyond it the answer counts as wrong"
    )
    max_chars: int = Field(20_000, gt=0, description="what is looked at: the tail of a longer answer")
