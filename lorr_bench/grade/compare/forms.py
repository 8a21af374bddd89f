"""The structure of an answer: lists, tuples, sets, intervals and matrices, judged part by part."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from lorr_bench.grade.notation.brackets import depths, parts_between
from lorr_bench.grade.notation.tidy import tidy
from lorr_bench.grade.notation.words import is_words, symbol
from lorr_bench.grade.quantities.compound import as_one_measure
from lorr_bench.grade.quantities.scales import without_counter

MAX_DEPTH: Final = 6
_SPLIT: Final = re.compile(
    r"(?P<comma>[,;])|(?P<logic_or>\\(?:lor|vee)(?![a-zA-Z]))|(?P<logic_and>\\(?:land|wedge)(?![a-zA-Z]))"
    r"|(?P<or>(?<![A-Za-z\\])or(?![A-Za-z])|\\text\s?\{\s?,?\s?or\s?\})"
    r"|(?P<and>(?<![A-Za-z\\])and(?![A-Za-z])|\\text\s?\{\s?,?\s?and\s?\})"
)
_THOUSANDS: Final = re.compile(r"(?<![0-9,.])[1-9][0-9]{0,2}(?:,[0-9]{3})+(?!,?[0-9])")
_POINT: Final = re.compile(
    r"\(\s?[A-Za-z](?:\s?,\s?[A-Za-z])+\s?\)\s?(?:=|\\in(?![a-zA-Z]))(?=\s?(?:\(|\\\{))\s?"
)
_NAMED: Final = re.compile(
    r"(\\?[A-Za-z]+(?:_(?:\{[^{}]*\}|[A-Za-z0-9]))?(?:\([A-Za-z]\))?)\s?(?:=|\\in(?![a-zA-Z]))\s?(?=[(\[\\])"
)
_REMAINDER: Final = re.compile(
    r"([^,;=]{1,40}?)\s?(?:\\text\s?\{\s?(?:with )?(?:a )?(?:remainder|rem\.?|[Rr])(?: of)?\s?\}"
    r"|(?:with )?(?:a )?(?:remainder|rem\.?)(?: of)?)\s?([^,;=]{1,40})|([0-9]{1,20}) ?[Rr] ?([0-9]{1,20})"
)
_COLUMN: Final = re.compile(r"(\([^()]*,[^()]*\))\s?\^\s?\{?\s?(?:T|\\top|\\mathsf T)\s?\}?")
_UNIT_VECTOR: Final = re.compile(r"\\unitvector\{([ijk])\}")
_BUILDER: Final = re.compile(r"(?<![:=]):(?![:=])|\||\\mid(?![a-zA-Z])")
_WRAPPED: Final = re.compile(
    r"\\(?:text(?:bf|it|rm|normal)?|math(?:bf|rm)|mbox|boldsymbol|bf)\s?"
    r"\{([^{}]*(?:[0-9,;]|\band\b|\bor\b)[^{}]*)\}|\(([^(),]*)\)"
)
_EMPTY: Final = re.compile(r"\\(?:emptyset|varnothing)|\\\{\s?\\\}")
_MATRIX: Final = re.compile(
    r"[(\[]?\s?\\begin\{(?:[pb]?matrix|smallmatrix|array)\}(?:\s?\{[clr|\s]*\})?(.*?)"
    r"\\end\{(?:[pb]?matrix|smallmatrix|array)\}\s?[)\]]?"
)
_SYSTEM: Final = re.compile(
    r"(?:\\\{\s?)?\\begin\{(cases|aligned|array)\}(?:\s?\{[clr\s]*\})?(.*)\\end\{\1\}"
)
_NEW_LINE: Final = re.compile(r"\\\\|\\cr(?![a-zA-Z])")
_ALIGNED: Final = re.compile(r"\s?&?\s?=\s?&?\s?")
_SIGNS: Final = re.compile(r"\\(?:pm|mp)(?![a-zA-Z])")


@dataclass(frozen=True, slots=True)
class Form:
    """An answer, or a part of one.

    Attributes:
        text: The whole, tidied.
        kind: ``scalar`` for what has no parts.
        parts: What a list, tuple, set, interval or matrix (its rows) holds.
        brackets: Those around a tuple or interval.
        joint: ``and`` or ``or``, where such a word or sign is between the parts of a list.
        is_logic: Whether the joint is a sign of logic, which is never only a comma in words.
        name: What stands before an equals sign, as ``D`` of ``D = (0, 1)``.
    """

    text: str
    kind: Literal["scalar", "list", "tuple", "set", "matrix"] = "scalar"
    parts: tuple[Form, ...] = ()
    brackets: str = ""
    joint: str = ""
    is_logic: bool = False
    name: str = ""


def read_form(text: str) -> Form:
    """The structure of an answer as written."""
    return _read(tidy(text), 0)


@lru_cache(maxsize=1024)
def read_gold(text: str) -> Form:
    """The structure of a gold answer, which many answers are compared with."""
    return read_form(text)


def as_list(form: Form) -> Form:
    """A number with commas, ``100,200``, as the list that it may be instead."""
    parts = tuple(Form(part.strip()) for part in form.text.split(","))
    return Form(form.text, "list", parts)


def _read(text: str, depth: int, *, thousands: bool = True) -> Form:
    """The structure of a part, ``depth`` brackets or lists down.

    Args:
        text: Tidied.
        depth: Where structure ends.
        thousands: Whether a comma before three digits belongs to a number: not inside brackets.
    """
    text = _POINT.sub("", text.strip())
    while wrapped := _WRAPPED.fullmatch(text):
        text = (wrapped[1] or wrapped[2] or "").strip()
    text = _with_usual_brackets(without_counter(text))
    text = as_one_measure(text) or text
    if column := _COLUMN.fullmatch(text):
        return _read(column[1], depth, thousands=thousands)
    if not text.isascii() or is_words(text):
        return (
            Form(symbol(text) or text)
            if " or " not in text and " and " not in text
            else _listed(text, depth, thousands)
        )
    form = _environment(text)
    if form or depth == MAX_DEPTH:
        return form or Form(text)
    return _listed(text, depth, thousands)


def _listed(text: str, depth: int, thousands: bool) -> Form:
    """A list, if anything stands between parts; else what is a whole."""
    parts, joint = _split(text, thousands=thousands)
    if len(parts) > 1:
        held = _flat(parts, depth, thousands=thousands, joint=joint)
        return Form(
            text, "list", held, joint=joint.removeprefix("logic_"), is_logic=joint.startswith("logic_")
        )
    return _bracketed(text, depth) or _group_of_its_own(text, depth) or _scalar(text, thousands=thousands)


def _with_usual_brackets(text: str) -> str:
    """The interval ``]1, 2[`` as ``(1, 2)``."""
    if len(text) > 4 and text[0] in "][" and text[-1] in "][" and (text[0] == "]" or text[-1] == "["):
        inner = text[1:-1]
        if not any(bracket in inner for bracket in "[]"):
            return f"{'(' if text[0] == ']' else '['}{inner}{')' if text[-1] == '[' else ']'}"
    return text


def _group_of_its_own(text: str, depth: int) -> Form | None:
    """A named group, a quotient with its remainder, or a vector of unit vectors."""
    if named := _NAMED.match(text):
        group = _read(text[named.end() :], depth + 1, thousands=False)
        if group.kind != "scalar" and not group.name:
            return replace(group, name=named[1])
    if remainder := _REMAINDER.fullmatch(text):
        quotient, left = (group.strip() for group in remainder.groups() if group)
        return Form(text, "tuple", (Form(quotient), Form(left)), "remainder")
    if _UNIT_VECTOR.search(text):
        units = "ijk" if r"\unitvector{k}" in text else "ij"
        return Form(text, "tuple", tuple(Form(_component(text, along)) for along in units), "()")
    return None


def _component(text: str, along: str) -> str:
    """The component of a vector: its text with that unit vector as one, the others as zero."""
    return _UNIT_VECTOR.sub(lambda unit: f"{{{int(unit[1] == along)}}}", text)


def _environment(text: str) -> Form | None:
    """The empty set, a system of equations or a matrix."""
    if _EMPTY.fullmatch(text):
        return Form(text, "set")
    if (match := _SYSTEM.fullmatch(text)) and (lines := _equations(match[2])):
        return Form(text, "list", lines)
    match = _MATRIX.fullmatch(text)
    return _matrix(text, match[1]) if match and r"\begin" not in match[1] else None


def _equations(body: str) -> tuple[Form, ...]:
    """The lines of a system of equations; none where a line is anything else, as in a function by cases."""
    lines = [_ALIGNED.sub(" = ", line).strip(" ,") for line in _NEW_LINE.split(body) if line.strip()]
    is_system = all(" = " in line for line in lines) and not any(
        sign in body for sign in (r"\text", r"\begin")
    )
    return tuple(Form(line) for line in lines) if is_system and "&" not in "".join(lines) else ()


def _matrix(text: str, body: str) -> Form:
    """A matrix of rows; one row or one column is a tuple."""
    rows = [row.split("&") for row in _NEW_LINE.split(body) if row.strip()]
    cells = [tuple(Form(cell.strip()) for cell in row) for row in rows]
    if len(cells) == 1 or all(len(row) == 1 for row in cells):
        return Form(text, "tuple", tuple(cell for row in cells for cell in row), "()")
    return Form(text, "matrix", tuple(Form("", "matrix", row) for row in cells))


def _split(text: str, *, thousands: bool) -> tuple[list[str], str]:
    """``text`` at the commas and words between its parts, those inside brackets left alone; and the word.

    Where both "and" and "or" stand, the text is parted at each "or": "and" binds closer.
    """
    found = _separators(text, thousands=thousands)
    kinds = {match.lastgroup or "" for match in found} - {"comma"}
    if any(kind.endswith("or") for kind in kinds) and any(kind.endswith("and") for kind in kinds):
        found = [match for match in found if (match.lastgroup or "").endswith("or")]
        kinds = {match.lastgroup or "" for match in found}
    return [part for part in parts_between(text, found) if part], min(kinds, default="")


def _separators(text: str, *, thousands: bool) -> list[re.Match[str]]:
    if not _SPLIT.search(text):
        return []
    level = depths(text)
    kept = (
        {at for number in _THOUSANDS.finditer(text) for at in range(*number.span())} if thousands else set()
    )
    return [
        match for match in _SPLIT.finditer(text) if not level[match.start()] and match.start() not in kept
    ]


def _bracketed(text: str, depth: int) -> Form | None:
    r"""A tuple, an interval or a set, where brackets hold all of ``text`` and commas part what is inside."""
    opening = next((o for o in ("(", "[", r"\{", r"\langle") if text.startswith(o)), "")
    closing = next((c for c in (")", "]", r"\}", r"\rangle") if text.endswith(c)), "")
    if not (opening and closing and all(depths(text)[len(opening) : -len(closing)])):
        return None
    inner, joint = _split(text[len(opening) : -len(closing)], thousands=False)
    if opening == r"\{":
        if _BUILDER.search(text):
            return Form(text)
        elements = {part.text: part for part in _flat(inner, depth, thousands=False, joint="")}
        return Form(text, "set", tuple(elements.values()))
    parts = tuple(_read(part, depth + 1, thousands=False) for part in inner)
    return (
        Form(text, "tuple", parts, "()" if opening == r"\langle" else opening + closing)
        if parts[1:] and not joint
        else None
    )


def _flat(parts: list[str], depth: int, *, thousands: bool, joint: str) -> tuple[Form, ...]:
    r"""The parts, ``\pm`` as two; a list joined by another word stays one part."""
    forms = [_read(part, depth + 1, thousands=thousands) for part in parts]
    return tuple(
        piece
        for form in forms
        for piece in (form.parts if form.kind == "list" and form.joint in ("", joint) else (form,))
    )


def _scalar(text: str, *, thousands: bool) -> Form:
    r"""A part without parts: ``1,000\pi`` without its comma, ``1 \pm \sqrt{2}`` as the list of two values."""
    if thousands and "," in text and not _THOUSANDS.fullmatch(text):
        text = _without_separators(text)
    signs = _SIGNS.findall(text)
    if signs != [r"\pm"]:
        return Form(text)
    return Form(text, "list", tuple(Form(text.replace(r"\pm", sign).strip()) for sign in "+-"))


def _without_separators(text: str) -> str:
    """The numbers outside of all brackets without their commas."""
    level = depths(text)
    return _THOUSANDS.sub(lambda n: n[0] if level[n.start()] else n[0].replace(",", ""), text)
