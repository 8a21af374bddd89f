"""What graders disagree on, as options with a default and a reason."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from lorr_bench.plan.stage import GRADING_VERSION


@dataclass(frozen=True, slots=True)
class Policy:
    r"""How answers are graded; every field is a plain JSON value.

    Attributes:
        percent: What 50 % is equal to, where only one side shows the sign. ``either``: 0.5 and 50, because
            gold answers leave the sign out and questions ask for both forms. ``fraction``: 0.5 alone.
            ``number``: 50 alone. Two percentages are always compared with each other: 50 % is not 0.5 %.
        units: ``agree``: where both sides name a unit of measure, money included, they must agree after
            conversion (5 cm is 50 mm, not 5 m), because a wrong unit is a wrong answer. A unit on one side
            only, and words that are no measure (apples), are ignored, because gold answers leave them out.
            ``ignore``: units are never looked at.
        order: ``tuples``: order counts in (1, 2), [1, 2] and vectors, not in the list "1, 2" and not in
            {1, 2}; the gold answer's form decides. Solutions of an equation have no order, coordinates do.
            ``always``: it counts in lists too, never in {1, 2}. ``never``: it counts nowhere.
        rounding: ``shown``: a decimal gold answer of three or more digits also stands for the numbers that
            round to it, because such gold answers are rounded themselves (8.33 for 25/3), and a decimal
            answer of six or more digits for an exact gold answer that agrees with all its digits (0.333333
            for 1/3). With fewer digits a decimal is as likely exact (2.5), so it is taken at its word.
            ``none``: a decimal is never taken for another number.
        tolerance: Largest difference from a gold number, relative to it. 0 by default, because a near miss
            in mathematics is a miss; 1e-4 is what Qwen's harness allows.
        choices: How a choice may be named where the gold answer is one letter from A to J. ``any``: B, (B),
            b, (B) with its text. ``text``: the same, capitals only. ``alone``: B or (B) and nothing else.
            ``any`` by default, because all of them leave no doubt which choice is meant.
        boxes: ``parts``: boxes with nothing but a comma, "and" or "or" and a word or name between them are
            parts of one answer, because solutions write roots that way. ``last``: only the last box counts.
        equations: ``value``: ``x = 5`` is 5 and ``a + b = 5`` is 5, because that is how values are told;
            ``x + 2 = 5`` never is. ``whole``: an equation is equal to equations alone.
        bases: ``either``: 413 is ``413_5``, because the question names the base. ``shown``: the base must be
            shown where the gold answer shows it. Two bases that are shown must always be the same.
        logarithms: ``either``: ``\log 2`` may be to base e or ten, because texts use both. ``natural``,
            ``decimal``: one of them alone.
        domain: ``shared``: expressions are equal that agree wherever both have a value, as ``\ln x^2`` and
            ``2 \ln x``, because answers are simplified for the values in question. ``same``: they must
            also have values at the same places.
        timeout_seconds: Processor time for one answer; beyond it the answer counts as wrong, with the reason
            ``timeout``. On a busy machine that may be up to three times as long on the clock.
        max_chars: What is looked at: the tail of a longer answer.
    """

    percent: Literal["either", "fraction", "number"] = "either"
    units: Literal["agree", "ignore"] = "agree"
    order: Literal["tuples", "always", "never"] = "tuples"
    rounding: Literal["shown", "none"] = "shown"
    tolerance: float = 0.0
    choices: Literal["any", "text", "alone"] = "any"
    boxes: Literal["parts", "last"] = "parts"
    equations: Literal["value", "whole"] = "value"
    bases: Literal["either", "shown"] = "either"
    logarithms: Literal["either", "natural", "decimal"] = "either"
    domain: Literal["shared", "same"] = "shared"
    timeout_seconds: float = 5.0
    max_chars: int = 20_000

    def __post_init__(self) -> None:
        """Refuse limits that would grade nothing, or everything as right.

        Raises:
            ValueError: A limit is not positive, or the tolerance is not in [0, 1).
        """
        if not (0 < self.timeout_seconds < math.inf and self.max_chars > 0):
            raise ValueError("timeout_seconds and max_chars must be positive and finite")
        if not 0 <= self.tolerance < 1:
            raise ValueError("tolerance must be at least 0 and below 1")

    @property
    def version(self) -> str:
        """Everything a verdict depends on besides gold and answer, for digests and records."""
        try:
            installed = version("math-verify")
        except PackageNotFoundError:
            installed = "none"
        options = ", ".join(f"{field.name} {getattr(self, field.name)}" for field in fields(self))
        return f"math-verify {installed}, grading {GRADING_VERSION}, {options}"
