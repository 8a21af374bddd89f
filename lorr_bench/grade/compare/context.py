"""What a rule of comparison may use besides the two texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lorr_bench.grade.policy import Policy


@dataclass(frozen=True, slots=True)
class Context:
    """The options, and how parts of the two texts are compared.

    Attributes:
        policy: The options.
        same: Whether a part of the gold answer and one of the answer are the same.
    """

    policy: Policy
    same: Callable[[str, str], bool]


Rule = Callable[[str, str, Context], bool | None]
"""Whether a gold answer and an answer, tidied and without parts, are the same; None for "I don't know"."""
