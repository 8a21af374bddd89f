"""Whether two texts without parts are the same: as written, as numbers, words, relations, ratios or expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from lorr_bench.grade.algebra.expression import Expression, UndecidedError, UnreadError, number, operation
from lorr_bench.grade.algebra.grammar import read_expression
from lorr_bench.grade.algebra.identity import constant_value, equal
from lorr_bench.grade.algebra.relations import (
    Relation,
    difference,
    function_name,
    holds,
    is_name,
    is_quantity,
    proportional,
    read_relation,
)
from lorr_bench.grade.algebra.values import Matrix, agree, as_fraction, is_real
from lorr_bench.grade.brackets import depths
from lorr_bench.grade.forms import Form
from lorr_bench.grade.notation.words import is_words, meaning
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.quantities.bases import bare_numeral, read_numeral, same_numeral
from lorr_bench.grade.quantities.measures import measure
from lorr_bench.grade.quantities.numerals import (
    Number,
    read_number,
    same_measure,
    same_number,
    split_percent,
    split_unit,
)
from lorr_bench.grade.quantities.radicals import read_radical
from lorr_bench.grade.quantities.scales import contrary, read_tail

Algebra = Callable[[str, str], bool]

_LONE_BRACES: Final = re.compile(r"([_^])\{([A-Za-z0-9])\}")
_SHORT_FRACTION: Final = re.compile(r"\\frac\s?([0-9])\s?([0-9])(?![0-9])")
_SPACE: Final = re.compile(r"(?<![0-9]) | (?![0-9])")
_SEPARATOR: Final = re.compile(r"(?<![:<>=]):(?![:=])|\\text\s?\{\s?to\s?\}|(?<=[0-9a-z] )to(?= [0-9a-z])")
_TIME: Final = re.compile(
    r"([0-9]{1,2})(?::([0-9]{2}))?\s?(?:\\text\s?\{\s?)?([ap])\.?\s?m\.?\s?\}?", re.IGNORECASE
)
_CONGRUENCE: Final = re.compile(
    r"(.+?)\s?\\equiv\s?(.+?)\s?(?:\\pmod|\(\s?\\?(?:bmod|mod)|\\mod|\\bmod)\s?\{?\s?([0-9]+)\s?\}?\s?\)?"
)
_ABOUT: Final = re.compile(
    r"(?:\\approx|\\sim|(?:\\text\s?\{\s?)?(?:approximately|about|approx\.?|roughly)\s?\}?)\s?"
)
_LABEL: Final = re.compile(
    r"(?:\\text(?:bf)?\s?\{\s?)?(?:the )?(?:final )?answer(?: is)?\s?:?\s?\}?\s?:?\s?(?=\S)", re.IGNORECASE
)
_BEYOND: Final = re.compile(r"\\(?:int|lim|iint|partial|nabla)(?![a-zA-Z])|\\frac\s?\{\s?d")
"""What the grammar does not know and Math-Verify does."""


class ScalarComparison:
    """Comparisons of two texts without parts.

    Args:
        policy: The options.
        algebra: Judges what no rule here can read; may raise.

    Attributes:
        rule: Which rule decided last.
    """

    def __init__(self, policy: Policy, algebra: Algebra) -> None:
        self._policy = policy
        self._algebra = algebra
        self.rule = ""

    def same(self, gold: str, answer: str) -> bool:
        """Whether two texts are the same by the first rule that knows both."""
        gold, answer = _unlabelled(gold), _unlabelled(answer)
        rules = (
            ("same text", _same_text),
            ("numerals of a base", self._numerals),
            ("numbers", self._numbers),
            ("roots and pi", self._radicals),
            ("times of day", _times),
            ("words", _words),
            ("congruences", _congruences),
            ("equations and inequalities", self._relations),
            ("ratios", self._ratios),
            ("expressions", self._expressions),
        )
        for name, rule in rules:
            verdict = rule(gold, answer)
            if verdict is not None:
                self.rule = (
                    self.rule if name.startswith("equations") and self.rule.startswith("a value") else name
                )
                return verdict
        self.rule = "Math-Verify"
        return self._algebra(gold, answer)

    def _numerals(self, gold: str, answer: str) -> bool | None:
        mine, other = read_numeral(gold), read_numeral(answer)
        if mine is None and other is None:
            return None
        mine, other = mine or bare_numeral(gold), other or bare_numeral(answer)
        if mine is None or other is None:
            return False
        return same_numeral(mine, other, shown=self._policy.bases == "shown")

    def _numbers(self, gold: str, answer: str) -> bool | None:
        mine = read_number(gold)
        other = read_number(answer, letter_units=mine is not None)
        return same_number(mine, other, self._policy) if mine and other else None

    def _radicals(self, gold: str, answer: str) -> bool | None:
        if self._policy.tolerance:
            return None
        mine, other = read_radical(gold), read_radical(answer)
        return mine == other if mine and other else None

    def _relations(self, gold: str, answer: str) -> bool | None:
        mine, other = read_relation(gold), read_relation(answer)
        if mine is None and other is None:
            return None
        self.rule = ""
        if mine and other:
            return self._both_relations(mine, other)
        verdict = (
            self._value_of(mine, answer, flipped=True) if mine else self._value_of(other, gold, flipped=False)
        )
        return verdict

    def _value_of(self, relation: Relation | None, value: str, *, flipped: bool) -> bool:
        """Whether an equation on one side tells the value on the other."""
        assert relation is not None
        told = told_value(relation) if self._policy.equations == "value" else None
        if told is None:
            self.rule = "a value against an equation that does not tell it"
            return False
        equal = self.same(told, value) if flipped else self.same(value, told)
        self.rule = f"a value that an equation tells: {self.rule}"
        return equal

    def _both_relations(self, gold: Relation, answer: Relation) -> bool:
        if gold.is_equation and answer.is_equation:
            return self._both_equations(gold, answer)
        if gold.signs == answer.signs and all(
            self.same(*pair) for pair in zip(gold.sides, answer.sides, strict=True)
        ):
            return True
        if gold.signs != answer.signs or not gold.is_inequality or len(gold.signs) > 1:
            return False
        return _same_zeros(gold, answer, positive=True) is True

    def _both_equations(self, gold: Relation, answer: Relation) -> bool:
        mine, other = assignment(gold), assignment(answer)
        if mine and other:
            if _same_name(mine[0], other[0]):
                return self.same(mine[1], other[1])
            if not (_letters(mine[1]) or _letters(other[1])):
                return False
        if len(gold.sides) != 2 or len(answer.sides) != 2:
            return all(self.same(*pair) for pair in zip(gold.sides, answer.sides, strict=False)) and len(
                gold.sides
            ) == len(answer.sides)
        if all(self.same(*pair) for pair in zip(gold.sides, answer.sides, strict=True)):
            return True
        verdict = _same_zeros(gold, answer, positive=False)
        if verdict is None:
            return all(self.same(*pair) for pair in zip(gold.sides, answer.sides[::-1], strict=True))
        return verdict

    def _ratios(self, gold: str, answer: str) -> bool | None:
        mine, other = ratio_terms(gold), ratio_terms(answer)
        if mine is None and other is None:
            return None
        terms = [mine or [gold], other or [answer]]
        try:
            values = [[_plain_expression(term) for term in side] for side in terms]
        except UnreadError:
            return _spaceless(gold) == _spaceless(answer)
        if len(values[0]) != len(values[1]):
            pairs = [_quotient(side) for side in values]
            return self._equal(*pairs) if all(pairs) else False
        return all(
            self._equal(operation("*", a, values[1][0]), operation("*", b, values[0][0]))
            for a, b in zip(*values, strict=True)
        )

    def _equal(self, gold: Any, answer: Any) -> bool:
        try:
            return equal(gold, answer, self._policy)
        except (UnreadError, UndecidedError):
            return False

    def _expressions(self, gold: str, answer: str) -> bool | None:
        sides = [_parted(text) for text in (gold, answer)]
        try:
            return _same_expression(*sides, self._policy)
        except UnreadError:
            if _spaceless(gold) == _spaceless(answer):
                return True
            beyond = _BEYOND.search(gold) and _BEYOND.search(answer)
            beyond = beyond or (
                _BEYOND.search(gold + answer) and not re.search(r"[a-zA-Z]{3}", answer.replace("\\", " "))
            )
            return None if beyond else False
        except UndecidedError:
            return None


class _Parted:
    """An expression with its percent sign and unit split off."""

    def __init__(self, text: str) -> None:
        core, self.unit = split_unit(text)
        self.core, self.percent = split_percent(core)
        bare, _, word = self.core.rpartition(" ")
        if self.unit is None and bare and len(word) > 1 and measure(word):
            self.core, self.unit = bare.strip(), word
        self.number = read_number(text)

    def expression(self) -> Expression:
        """What the grammar reads; a number as it was read already."""
        return number(self.number.value) if self.number else read_expression(self.core)

    def value(self, expression: Expression, policy: Policy, *, decimal: bool) -> Number | None:
        """Its real value; None where it has none."""
        if self.number:
            return self.number
        value = constant_value(expression, decimal=decimal)
        if value is None or isinstance(value, Matrix) or not is_real(value):
            return None
        tail = read_tail(self.unit or "")
        exact = as_fraction(value) * (tail.factor if tail else 1)
        return Number(exact, percent=self.percent, unit=self.unit, exact=isinstance(value, Fraction))


_parted = _Parted


def _same_expression(gold: _Parted, answer: _Parted, policy: Policy) -> bool:
    if any(read_tail(part.unit or "") is None for part in (gold, answer)):
        raise UnreadError("words that make a value another thing")
    mine, other = gold.expression(), answer.expression()
    if _has_limit(mine) != _has_limit(other):
        raise UndecidedError("a limit against a value")
    if mine.has("infinity") or other.has("infinity"):
        return equal(mine, other, policy)
    if not (mine.names() or other.names()):
        for decimal in _bases(mine, other, policy):
            pair = [part.value(one, policy, decimal=decimal) for part, one in ((gold, mine), (answer, other))]
            if pair[0] is None or pair[1] is None:
                break
            if same_number(pair[0], pair[1], policy):
                return True
        else:
            return False
    if gold.percent != answer.percent or (policy.units == "agree" and _units_differ(gold.unit, answer.unit)):
        return False
    return equal(mine, other, policy)


def _has_limit(expression: Expression) -> bool:
    return any(part.text.startswith(r"\lim") for part in expression.walk())


def _bases(gold: Expression, answer: Expression, policy: Policy) -> tuple[bool, ...]:
    """Whether ``log`` is decimal, in the readings to be tried."""
    if not (gold.has("log") or answer.has("log")):
        return (False,)
    return {"either": (False, True), "natural": (False,), "decimal": (True,)}[policy.logarithms]


def _units_differ(gold: str | None, answer: str | None) -> bool:
    return not same_measure(gold, answer) or contrary(gold, answer)


def told_value(relation: Relation) -> str | None:
    """The value that an equation tells, as text: its last side, if its first is asked for; else None."""
    if not relation.is_equation or not all(relation.sides):
        return None
    *before, last = relation.sides
    if is_name(last) and len(before) == 1 and not is_quantity(before[0]):
        return None
    if is_name(last) and len(before) == 1 and not is_name(before[0]) and not read_expression_names(before[0]):
        return before[0]
    if not is_quantity(before[0]) or not holds(relation.sides):
        return None
    return last


def read_expression_names(text: str) -> frozenset[str]:
    """The names in an expression; one that stands for all where it can't be read."""
    try:
        return read_expression(text).names()
    except UnreadError:
        return frozenset({"?"})


def assignment(relation: Relation) -> tuple[str, str] | None:
    """A name and the last of what it equals; None where neither end is a name."""
    first, *_, last = relation.sides
    if is_name(first):
        return first, last
    return (last, first) if is_name(last) and len(relation.sides) == 2 else None


def _same_name(gold: str, answer: str) -> bool:
    """Whether two names are one; ``y`` and ``f(x)`` are, as both name a function's value."""
    if canonical(gold) == canonical(answer):
        return True
    functions = [function_name(side) for side in (gold, answer)]
    if functions[0] and functions[1]:
        return False
    plain = answer if functions[0] else gold
    return plain == "y" and any(functions)


def _letters(text: str) -> bool:
    return bool(read_expression_names(text))


def _same_zeros(gold: Relation, answer: Relation, *, positive: bool) -> bool | None:
    try:
        return proportional(difference(gold), difference(answer), positive=positive)
    except (UnreadError, UndecidedError):
        return None


def ratio_terms(text: str) -> list[str] | None:
    """The terms of a ratio; None for what is none."""
    level = depths(text) if _SEPARATOR.search(text) else []
    signs = [match for match in _SEPARATOR.finditer(text) if level and not level[match.start()]]
    if not signs:
        return None
    starts = [0, *(sign.end() for sign in signs)]
    ends = [*(sign.start() for sign in signs), len(text)]
    return [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def _plain_expression(text: str) -> Expression:
    return read_expression(split_unit(text)[0])


def _quotient(side: list[Expression]) -> Expression | None:
    """A ratio of two, or a number, as one value."""
    if len(side) == 1:
        return side[0]
    return operation("/", *side) if len(side) == 2 else None


def _same_text(gold: str, answer: str) -> bool | None:
    return True if canonical(gold) == canonical(answer) else None


def _words(gold: str, answer: str) -> bool | None:
    if is_words(gold) or is_words(answer) or not (gold + answer).isascii():
        return meaning(gold) == meaning(answer) or _spaceless(gold) == _spaceless(answer)
    return None


def _times(gold: str, answer: str) -> bool | None:
    mine, other = _TIME.fullmatch(gold), _TIME.fullmatch(answer)
    if not (mine and other):
        return None
    return all(
        (mine[part] or "00").lower().lstrip("0") == (other[part] or "00").lower().lstrip("0")
        for part in (1, 2, 3)
    )


def _congruences(gold: str, answer: str) -> bool | None:
    mine, other = _CONGRUENCE.fullmatch(gold), _CONGRUENCE.fullmatch(answer)
    if not (mine and other):
        return None
    if mine[3] != other[3] or canonical(mine[1]) != canonical(other[1]) or not int(mine[3]):
        return False
    try:
        apart = constant_value(operation("-", read_expression(mine[2]), read_expression(other[2])))
    except (UnreadError, UndecidedError):
        return canonical(mine[2]) == canonical(other[2])
    return isinstance(apart, Fraction) and not apart % int(mine[3])


def same_matrix(gold: Form, answer: Form, policy: Policy) -> bool | None:
    """Whether two matrices or vectors are equal, where one is a calculation; None where none is."""
    if not any(form.kind == "scalar" and r"\begin" in form.text for form in (gold, answer)):
        return None
    try:
        values = [_matrix_value(form) for form in (gold, answer)]
    except (UnreadError, UndecidedError):
        return None
    if None in values:
        return None
    return _agree_as_vectors(values[0], values[1]) or _equal_matrices(gold, answer, policy)


def _equal_matrices(gold: Form, answer: Form, policy: Policy) -> bool:
    try:
        return equal(*(_matrix_expression(form) for form in (gold, answer)), policy)
    except (UnreadError, UndecidedError):
        return False


def _matrix_expression(form: Form) -> Expression:
    if form.kind == "tuple":
        return operation("matrix", *(operation("row", read_expression(part.text)) for part in form.parts))
    if form.kind == "matrix":
        rows = (operation("row", *(read_expression(cell.text) for cell in row.parts)) for row in form.parts)
        return operation("matrix", *rows)
    if form.kind != "scalar":
        raise UnreadError(form.text)
    return read_expression(form.text)


def _matrix_value(form: Form) -> Any:
    return constant_value(_matrix_expression(form)) or "symbolic"


def _agree_as_vectors(gold: Any, answer: Any) -> bool:
    """Whether two matrices agree, a row with a column too."""
    if not (isinstance(gold, Matrix) and isinstance(answer, Matrix)):
        return False
    if 1 in gold.shape and 1 in answer.shape:
        gold, answer = (Matrix((tuple(cell for row in one.rows for cell in row),)) for one in (gold, answer))
    return agree(gold, answer)


def _unlabelled(text: str) -> str:
    """A text without "Answer:" or "about" before it."""
    text = text.removeprefix("=").strip()
    for pattern in (_LABEL, _ABOUT):
        if (match := pattern.match(text)) and match.end() < len(text):
            text = text[match.end() :].strip()
    return text


def canonical(text: str) -> str:
    r"""``text`` as tidied, further without spaces and braces that change nothing."""
    if "\\" in text or "{" in text:
        text = _LONE_BRACES.sub(r"\1\2", _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text))
    return _SPACE.sub("", text)


def _spaceless(text: str) -> str:
    """``text`` for what nobody reads: spaces, and how "such that" is written, don't count."""
    return re.sub(
        r"\s|\\mid(?![a-zA-Z])|[:|]", lambda found: "" if found[0].isspace() else ":", canonical(text)
    )
