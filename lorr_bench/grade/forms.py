"""The structure of an answer: lists, tuples, sets, intervals and matrices, judged part by part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from lorr_bench.grade.segment import tidy

MAX_DEPTH: Final = 6
_BRACKET: Final = re.compile(r"\\[{}]|[()\[\]{}]|\\[lr]angle(?![a-zA-Z])|\\begin|\\end")
_OPENING: Final = frozenset({"(", "[", "{", r"\{", r"\langle", r"\begin"})
_SPLIT: Final = re.compile(
    r"[,;]|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])|\\text\s?\{\s?,?\s?(?:and|or)\s?\}"
    r"|\\(?:l?or|l?and|vee|wedge)(?![a-zA-Z])"
)
_THOUSANDS: Final = re.compile(r"(?<![0-9,.])[1-9][0-9]{0,2}(?:,[0-9]{3})+(?!,?[0-9])")
_NAMED: Final = re.compile(
    r"\A(?:[A-Za-z]\s?\\in(?![a-zA-Z])|\(\s?[A-Za-z](?:\s?,\s?[A-Za-z])+\s?\)\s?=(?=\s?\())\s?"
)
_WRAPPED: Final = re.compile(
    r"\\(?:text(?:bf|it|rm)?|math(?:bf|rm)|mbox|boldsymbol|bf)\s?"
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
    """

    text: str
    kind: Literal["scalar", "list", "tuple", "set", "matrix"] = "scalar"
    parts: tuple[Form, ...] = ()
    brackets: str = ""


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
    text = _NAMED.sub("", text.strip())
    while wrapped := _WRAPPED.fullmatch(text):
        text = (wrapped[1] or wrapped[2] or "").strip()
    form = _environment(text)
    if form or depth == MAX_DEPTH:
        return form or Form(text)
    parts = _split(text, thousands=thousands)
    if len(parts) > 1:
        return Form(text, "list", _flat(parts, depth, thousands=thousands))
    return _bracketed(text, depth) or _scalar(text, thousands=thousands)


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


def _split(text: str, *, thousands: bool) -> list[str]:
    """``text`` at the commas and words between its parts, those inside brackets left alone."""
    if not _SPLIT.search(text):
        return [text]
    depths = _depths(text)
    kept = (
        {at for number in _THOUSANDS.finditer(text) for at in range(*number.span())} if thousands else set()
    )
    parts, start = [], 0
    for match in _SPLIT.finditer(text):
        if not depths[match.start()] and match.start() not in kept:
            parts.append(text[start : match.start()])
            start = match.end()
    return [part for part in (*parts, text[start:]) if part.strip()]


def _depths(text: str) -> list[int]:
    """For each character, how many brackets are open."""
    depths, depth, start = [0] * len(text), 0, 0
    for bracket in _BRACKET.finditer(text):
        depths[start : bracket.start()] = [depth] * (bracket.start() - start)
        start = bracket.start()
        depth = max(0, depth + (1 if bracket[0] in _OPENING else -1))
    depths[start:] = [depth] * (len(text) - start)
    return depths


def _bracketed(text: str, depth: int) -> Form | None:
    r"""A tuple, an interval or a set, where brackets hold all of ``text`` and commas part what is inside."""
    opening = next((o for o in ("(", "[", r"\{", r"\langle") if text.startswith(o)), "")
    closing = next((c for c in (")", "]", r"\}", r"\rangle") if text.endswith(c)), "")
    if not (opening and closing and all(_depths(text)[len(opening) : -len(closing)])):
        return None
    inner = _split(text[len(opening) : -len(closing)], thousands=False)
    if opening == r"\{":
        elements = {part.text: part for part in _flat(inner, depth, thousands=False)}
        return Form(text, "set", tuple(elements.values()))
    parts = tuple(_read(part, depth + 1, thousands=False) for part in inner)
    return (
        Form(text, "tuple", parts, "()" if opening == r"\langle" else opening + closing)
        if parts[1:]
        else None
    )


def _flat(parts: list[str], depth: int, *, thousands: bool) -> tuple[Form, ...]:
    r"""The parts, ``\pm`` as two."""
    forms = [_read(part, depth + 1, thousands=thousands) for part in parts]
    return tuple(piece for form in forms for piece in (form.parts if form.kind == "list" else (form,)))


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
    depths = _depths(text)
    return _THOUSANDS.sub(lambda n: n[0] if depths[n.start()] else n[0].replace(",", ""), text)
