"""Why an answer is marked as it is: what was found, which rule decided, and what other policies say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from lorr_bench.grade.answer_file import option_values
from lorr_bench.grade.compare.comparison import Comparison
from lorr_bench.grade.compare.forms import read_form
from lorr_bench.grade.compare.scalars import BY_MATH_VERIFY
from lorr_bench.grade.extraction.choices import gold_choice
from lorr_bench.grade.extraction.finding import Found, find_answer, gold_answer
from lorr_bench.grade.grader import EXACT_CHARS, grade_many
from lorr_bench.grade.notation.tidy import plain
from lorr_bench.grade.policy import Policy
from lorr_bench.values import Verdict

TOLERANCES: Final = (1e-4, 1e-2)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict, and how it came about.

    Attributes:
        gold: The gold answer itself; of a solution what its boxes hold.
        found: What was found in the answer, and where.
        rule: The rule that decided.
        verdict: The verdict under the policy.
        others: For each option and each other value of it, whether the answer is right then.
    """

    gold: str
    found: Found
    rule: str
    verdict: Verdict
    others: dict[tuple[str, str | float], bool]


def explain(gold: str, answer: str, policy: Policy) -> Explanation:
    """Grade an answer and say why.

    Raises:
        MissingPackageError: Math-Verify is needed and not installed.
        StageError: A grading process does not start.
    """
    inner = gold_answer(gold)
    found = find_answer(inner, answer, policy)
    verdict = grade_many([(gold, answer)], policy=policy)[0]
    return Explanation(inner, found, _rule(inner, found, policy), verdict, _others(gold, answer, policy))


def _rule(gold: str, found: Found, policy: Policy) -> str:
    if found.content is None or not gold.strip():
        return "nothing to compare"
    if plain(gold) == plain(found.content):
        return "same text"
    if gold_choice(gold):
        return "letters of choices"
    if max(len(gold), len(found.content)) > EXACT_CHARS:
        return "compared in a process that can be ended, as it is long"
    comparison = Comparison(policy, lambda *_: False)
    comparison.same(read_form(gold), read_form(found.content))
    return comparison.rule or BY_MATH_VERIFY


def _others(gold: str, answer: str, policy: Policy) -> dict[tuple[str, str | float], bool]:
    values: dict[str, tuple[str | float, ...]] = {**option_values(), "tolerance": (0.0, *TOLERANCES)}
    others = [
        (option, value)
        for option, choices in values.items()
        for value in choices
        if value != getattr(policy, option)
    ]
    return {
        (option, value): grade_many([(gold, answer)], policy=replace(policy, **{option: value}))[0].correct  # type: ignore[arg-type]
        for option, value in others
    }
