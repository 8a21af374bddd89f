"""Whether two answers are the same: their structure here, their algebra by whoever asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lorr_bench.grade.forms import Form, as_list
from lorr_bench.grade.numerals import read_number, same_number
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.radicals import read_radical
from lorr_bench.grade.segment import plain

Algebra = Callable[[str, str], bool]

_FUNCTION: Final = r"\s?\(\s?[A-Za-z](?:\s?,\s?[A-Za-z])*\s?\)"
_ASSIGNMENT: Final = re.compile(
    rf"((?:\\[A-Za-z]+|[A-Za-z]{{1,2}})'?(?:_\{{?[A-Za-z0-9]+\s?\}}?)?(?:{_FUNCTION})?)\s?=\s?([^=<>]+)"
)
_LAST_EQUAL: Final = re.compile(r"\A[^<>]*[^<>!:\\]=\s?([^=<>]+)\Z")
_WORDS: Final = re.compile(r"(?=.*[A-Za-z]{3})[A-Za-z]+(?:[ '-][A-Za-z]+)*")
_STYLED_WORDS: Final = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s?\{[^{}]*\}")
_LONE_BRACES: Final = re.compile(r"([_^])\{([A-Za-z0-9])\}")
_SHORT_FRACTION: Final = re.compile(r"\\frac\s?([0-9])\s?([0-9])(?![0-9])")
_SPACE: Final = re.compile(r"(?<![0-9]) | (?![0-9])")


def same(gold: Form, answer: Form, policy: Policy, algebra: Algebra) -> bool:
    """Whether an answer is the gold answer under a policy.

    Args:
        gold: The gold answer's structure.
        answer: The answer's.
        policy: The options.
        algebra: Judges two parts that can't be read without; may raise.
    """
    gold, answer = _unwrapped(gold), _unwrapped(answer)
    if gold.kind == answer.kind == "scalar":
        return same_scalar(gold.text, answer.text, policy, algebra)
    if "scalar" in (gold.kind, answer.kind):
        return _scalar_and_group(gold, answer, policy, algebra)
    if "matrix" in (gold.kind, answer.kind):
        return gold.kind == answer.kind and _in_order(gold, answer, policy, algebra)
    if gold.brackets != answer.brackets and (_is_interval(gold) or _is_interval(answer)):
        return False
    if _is_ordered(gold, answer, policy):
        return _in_order(gold, answer, policy, algebra)
    return _in_any_order(gold, answer, policy, algebra)


def _unwrapped(form: Form) -> Form:
    """A list or set of one is that one."""
    return form.parts[0] if form.kind in ("list", "set") and len(form.parts) == 1 else form


def _scalar_and_group(gold: Form, answer: Form, policy: Policy, algebra: Algebra) -> bool:
    """A list of one value in two forms or with commas in it, a tuple against an inequality, or two things."""
    group, scalar = (answer, gold) if gold.kind == "scalar" else (gold, answer)
    if group.kind == "list" and "," in scalar.text and read_number(scalar.text):
        pair = (as_list(gold), answer) if scalar is gold else (gold, as_list(answer))
        return same(*pair, policy, algebra)
    if gold is scalar and group.kind == "list":
        return all(same(gold, part, policy, algebra) for part in group.parts)
    if group.kind in ("list", "matrix") or read_number(scalar.text) or not group.parts:
        return False
    return algebra(gold.text, answer.text)


def _is_ordered(gold: Form, answer: Form, policy: Policy) -> bool:
    if "set" in (gold.kind, answer.kind) and "tuple" not in (gold.kind, answer.kind):
        return False
    if _is_interval(gold) or policy.order != "tuples":
        return _is_interval(gold) or policy.order == "always"
    named = gold.kind == "list" and all(_ASSIGNMENT.fullmatch(part.text) for part in gold.parts)
    return gold.kind == "tuple" or (named and answer.kind == "tuple")


def _is_interval(form: Form) -> bool:
    """Whether it can be no pair or list: one end at least belongs to it."""
    return form.kind == "tuple" and form.brackets != "()" and len(form.parts) == 2


def _in_order(gold: Form, answer: Form, policy: Policy, algebra: Algebra) -> bool:
    if len(gold.parts) != len(answer.parts):
        return False
    return all(same(*pair, policy, algebra) for pair in zip(gold.parts, answer.parts, strict=True))


def _in_any_order(gold: Form, answer: Form, policy: Policy, algebra: Algebra) -> bool:
    """Whether each part of one has its like among the other's."""
    if len(gold.parts) != len(answer.parts):
        return False
    left = list(answer.parts)
    for part in gold.parts:
        match = next((i for i, other in enumerate(left) if same(part, other, policy, algebra)), None)
        if match is None:
            return False
        del left[match]
    return True


def same_scalar(gold: str, answer: str, policy: Policy, algebra: Algebra) -> bool:
    """Whether two texts without parts are the same: as written, as numbers, as words, or by algebra."""
    if canonical(gold) == canonical(answer):
        return True
    number = read_number(gold)
    other = read_number(answer, letter_units=number is not None)
    if number and other:
        return same_number(number, other, policy)
    radicals = read_radical(gold), read_radical(answer)
    if radicals[0] and radicals[1] and not policy.tolerance:
        return radicals[0] == radicals[1]
    if is_words(gold) or is_words(answer):
        return plain(gold).casefold() == plain(answer).casefold()
    assigned = _assigned(gold, answer)
    return same_scalar(*assigned, policy, algebra) if assigned else algebra(gold, answer)


def _assigned(gold: str, answer: str) -> tuple[str, str] | None:
    """The two values, where both sides are like ``x = 4`` with one name, or one is an equation.

    Of ``S = 2 + 2 = 4`` the last part counts where the gold answer is no equation, as in Math-Verify.
    """
    mine, other = _ASSIGNMENT.fullmatch(gold), _ASSIGNMENT.fullmatch(answer)
    if mine and other:
        return (mine[2], other[2]) if canonical(mine[1]) == canonical(other[1]) else None
    if mine and not _has_relation(answer):
        return mine[2], answer
    last = _LAST_EQUAL.search(answer)
    return (gold, last[1]) if last and not _has_relation(gold) else None


def _has_relation(text: str) -> bool:
    return re.search(r"[=<>]|\\(?:le|ge|ne|in|lt|gt)(?![a-zA-Z])", text) is not None


def is_words(text: str) -> bool:
    r"""Whether ``text`` is words, not a product of variables: marked by ``\text``, spaced, or long."""
    if not _WORDS.fullmatch(bare := plain(text)):
        return False
    return _STYLED_WORDS.search(text) is not None or " " in bare or len(bare) > 3


def canonical(text: str) -> str:
    r"""``text`` as tidied, further without spaces and braces that change nothing."""
    if "\\" in text or "{" in text:
        text = _LONE_BRACES.sub(r"\1\2", _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text))
    return _SPACE.sub("", text)
