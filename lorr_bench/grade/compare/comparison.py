"""Whether two answers are the same: their structure, part by part."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lorr_bench.grade.algebra.regions import Named, intersection, read_region, same_region, union
from lorr_bench.grade.algebra.relations import intervals_of, read_relation
from lorr_bench.grade.compare.forms import Form, as_list, read_form
from lorr_bench.grade.compare.scalars import Algebra, same_scalar
from lorr_bench.grade.compare.vectors import same_matrix
from lorr_bench.grade.notation.canonical import canonical
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.quantities.numerals import read_number

MAX_REGION_CHARS: Final = 300
MAX_PARTS: Final = 20
"""Of a set of real numbers, beyond which it is compared part by part."""
_REGIONAL: Final = re.compile(r"[<>]|\\(?:le|ge|ne|cup|cap|setminus|mathbb|R|in)(?![a-zA-Z])")
_LABELLED_POINT: Final = re.compile(r"[A-Z]'?\s?(\([^()]*,.*\))")
_NUMERIC: Final = re.compile(r"[0-9]|\\(?:pi|sqrt|frac)|=")


class Comparison:
    """One comparison of an answer with the gold answer.

    Args:
        policy: The options.
        algebra: Judges two parts that no rule here can read; may raise.

    Attributes:
        rule: What decided, for whoever explains a verdict.
    """

    def __init__(self, policy: Policy, algebra: Algebra) -> None:
        self._policy = policy
        self._algebra = algebra
        self.rule = ""

    def same(self, gold: Form, answer: Form) -> bool:
        """Whether an answer is the gold answer."""
        gold, answer = _unwrapped(gold), _unwrapped(answer)
        if gold.name and answer.name and canonical(gold.name) != canonical(answer.name):
            return self._decided("names of groups", equal=False)
        if gold.kind == answer.kind == "scalar" and canonical(gold.text) == canonical(answer.text):
            return self._decided("same text", equal=True)
        by_region = self._by_region(gold, answer)
        if by_region is not None:
            return self._decided("sets of real numbers", equal=by_region)
        if gold.kind == answer.kind == "scalar":
            equal, rule = same_scalar(gold.text, answer.text, self._policy, self._algebra)
            return self._decided(rule, equal=equal)
        return self._groups(gold, answer)

    def _decided(self, rule: str, *, equal: bool) -> bool:
        self.rule = rule
        return equal

    def _groups(self, gold: Form, answer: Form) -> bool:
        if _contradict(gold, answer):
            return self._decided('"and" against "or"', equal=False)
        if "matrix" in (gold.kind, answer.kind):
            gold, answer = _as_matrix(gold), _as_matrix(answer)
        by_matrix = same_matrix(gold, answer, self._policy)
        if by_matrix is not None:
            return self._decided("matrices", equal=by_matrix)
        if "scalar" in (gold.kind, answer.kind):
            return self._scalar_and_group(gold, answer)
        if conflict := _conflict_of_forms(gold, answer):
            return self._decided(conflict, equal=False)
        if gold.kind == "matrix" or _is_ordered(gold, answer, self._policy):
            return self._in_order(gold, answer)
        return self._in_any_order(gold, answer)

    def _scalar_and_group(self, gold: Form, answer: Form) -> bool:
        """A list of one value in two forms or with commas in it, or two things."""
        group, scalar = (answer, gold) if gold.kind == "scalar" else (gold, answer)
        if group.kind == "list" and "," in scalar.text and read_number(scalar.text):
            return self.same(*((as_list(gold), answer) if scalar is gold else (gold, as_list(answer))))
        if group.kind == "tuple" and (point := _LABELLED_POINT.fullmatch(scalar.text)):
            other = read_form(point[1])
            return self.same(*((other, group) if scalar is gold else (group, other)))
        if _run_of_letters(group, scalar):
            return self._decided("letters of several choices", equal=True)
        if gold is scalar and group.kind == "list" and not group.is_logic:
            return all(self.same(gold, part) for part in group.parts)
        return self._decided("one value against several", equal=False)

    def _in_order(self, gold: Form, answer: Form) -> bool:
        if len(gold.parts) != len(answer.parts):
            return self._decided("numbers of parts", equal=False)
        return all(self.same(*pair) for pair in zip(gold.parts, answer.parts, strict=True))

    def _in_any_order(self, gold: Form, answer: Form) -> bool:
        """Whether each part of one has its like among the other's."""
        if len(gold.parts) != len(answer.parts):
            return self._decided("numbers of parts", equal=False)
        left = list(answer.parts)
        for part in gold.parts:
            match = next((i for i, other in enumerate(left) if self.same(part, other)), None)
            if match is None:
                return self._decided(f"a part that has no like: {part.text[:40]}", equal=False)
            del left[match]
        return True

    def _by_region(self, gold: Form, answer: Form) -> bool | None:
        """Whether both hold the same real numbers, where one at least is written as such a set; else None."""
        if not (_is_regional(gold) or _is_regional(answer)):
            return None
        joint = gold.joint or answer.joint or "or"
        one, other = _region(gold, joint), _region(answer, joint)
        if one is None or other is None:
            return self._by_ends(gold, answer)
        if one.unknown and other.unknown and one.unknown != other.unknown:
            return False
        return same_region(one.region, other.region)

    def _by_ends(self, gold: Form, answer: Form) -> bool | None:
        """An interval against an inequality whose ends have no value: (a, b) against a < x < b."""
        if gold.kind == answer.kind:
            return None
        interval, other = (gold, answer) if gold.kind == "tuple" else (answer, gold)
        relation = read_relation(other.text) if other.kind == "scalar" else None
        if interval.kind != "tuple" or len(interval.parts) != 2 or relation is None:
            return None
        return any(
            interval.brackets == brackets
            and all(self.same(part, Form(end)) for part, end in zip(interval.parts, ends, strict=True))
            for brackets, ends in intervals_of(relation)
        )


def same(gold: Form, answer: Form, policy: Policy, algebra: Algebra) -> bool:
    """Whether an answer is the gold answer under a policy.

    Args:
        gold: The gold answer's structure.
        answer: The answer's.
        policy: The options.
        algebra: Judges two parts that can't be read without; may raise.
    """
    return Comparison(policy, algebra).same(gold, answer)


def _unwrapped(form: Form) -> Form:
    """A list or set of one value is that value; a set of a set is not."""
    if form.kind in ("list", "set") and len(form.parts) == 1 and form.parts[0].kind == "scalar":
        return form.parts[0]
    return form


def _conflict_of_forms(gold: Form, answer: Form) -> str:
    """Why two groups can't be the same, whatever their parts are; empty where they may be."""
    if (gold.kind == "matrix") != (answer.kind == "matrix"):
        return "a matrix against another group"
    if ("remainder" in (gold.brackets, answer.brackets)) and gold.brackets != answer.brackets:
        return "a quotient with a remainder against another group"
    if gold.brackets != answer.brackets and (_is_interval(gold) or _is_interval(answer)):
        return "brackets of an interval"
    return ""


def _as_matrix(form: Form) -> Form:
    """A tuple of tuples, ``[[1, 2], [3, 4]]``, as the matrix of those rows."""
    if form.kind == "tuple" and form.parts and all(part.kind == "tuple" for part in form.parts):
        return Form(form.text, "matrix", tuple(Form("", "matrix", row.parts) for row in form.parts))
    return form


def _contradict(gold: Form, answer: Form) -> bool:
    """Whether one is joined by "and", the other by "or", and that makes another statement.

    Solutions are listed with either word; inequalities, sets and words are not.
    """
    mine, other = (_joint(form) for form in (gold, answer))
    if not (mine and other and mine != other):
        return False
    if gold.is_logic or answer.is_logic or _names_several(gold):
        return True
    return any(map(_is_statement, (*gold.parts, *answer.parts)))


def _names_several(form: Form) -> bool:
    """Whether the parts are equations of different unknowns."""
    relations = [read_relation(part.text) for part in form.parts]
    return all(relations) and len({canonical(relation.sides[0]) for relation in relations if relation}) > 1


def _joint(form: Form) -> str:
    """The word between the parts; a comma between inequalities of different unknowns is "and"."""
    if form.joint or form.kind != "list":
        return form.joint
    relations = [read_relation(part.text) for part in form.parts]
    if not all(relation and relation.is_inequality for relation in relations):
        return ""
    letters = {"".join(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", "", part.text))) for part in form.parts}
    return "and" if len(letters) == len(form.parts) else ""


def _is_statement(form: Form) -> bool:
    """Whether a part is words, a letter, an inequality or a set, not a value."""
    if form.kind in ("tuple", "matrix"):
        return _is_interval(form)
    if form.kind in ("set", "list"):
        return True
    return _REGIONAL.search(form.text) is not None or not _NUMERIC.search(form.text)


def _run_of_letters(group: Form, scalar: Form) -> bool:
    """Whether ``AC`` names the choices of the list ``A, C``."""
    letters = [part.text.strip("()") for part in group.parts]
    if not (group.kind == "list" and all(re.fullmatch("[A-J]", letter) for letter in letters)):
        return False
    return sorted(letters) == sorted(scalar.text.replace(" ", "")) and scalar.text.isupper()


def _is_ordered(gold: Form, answer: Form, policy: Policy) -> bool:
    if "set" in (gold.kind, answer.kind) and "tuple" not in (gold.kind, answer.kind):
        return False
    if _is_interval(gold) or policy.order != "tuples" or gold.brackets == "remainder":
        return _is_interval(gold) or policy.order == "always" or gold.brackets == "remainder"
    named = gold.kind == "list" and all(_is_equation(part) for part in gold.parts)
    return gold.kind == "tuple" or (named and answer.kind == "tuple")


def _is_equation(form: Form) -> bool:
    relation = read_relation(form.text)
    return relation is not None and relation.is_equation


def _is_interval(form: Form) -> bool:
    """Whether it can be no pair or list: one end at least belongs to it."""
    return form.kind == "tuple" and form.brackets not in ("()", "remainder") and len(form.parts) == 2


def _is_regional(form: Form) -> bool:
    """Whether it is written as a set of real numbers: an inequality, a union, all real numbers."""
    if form.kind == "scalar":
        return _REGIONAL.search(form.text) is not None
    return form.kind == "list" and any(map(_is_regional, form.parts))


def _region(form: Form, joint: str) -> Named | None:
    """The set of real numbers that an answer is.

    Args:
        form: The answer.
        joint: What a comma between inequalities means here.
    """
    if form.kind != "list":
        return read_region(form.text) if len(form.text) < MAX_REGION_CHARS else None
    parts = [_region(part, joint) for part in form.parts]
    unknowns = {part.unknown for part in parts if part}
    if not all(parts) or len(unknowns) > 1 or len(parts) > MAX_PARTS:
        return None
    combine: Callable[..., tuple[object, ...]] = union if (form.joint or joint) == "or" else intersection
    return Named(combine(*(part.region for part in parts if part)), *unknowns)  # type: ignore[arg-type]
