"""Which part of an answer decides, and its text without what means nothing."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

BOX: Final = r"\boxed{"
NEIGHBOUR_CHARS: Final = 70  # boxes this near to each other, with a comma or word between, are a list
ADJACENT_CHARS: Final = 10  # and this near, with anything between
_BRACE: Final = re.compile(r"[{}]")
_SEPARATOR: Final = re.compile(r"\b(?:and|or)\b|[,;]")
_HASHES: Final = re.compile(r"####[ \t]*([^\n]*)")
_READABLE: Final = re.compile(r"[\d$\\\[]")
_INTEGER: Final = re.compile(r"(?:0|-?[1-9][0-9]{0,14})\Z")
_TEXT_COMMAND: Final = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}"
)


def final_segment(answer: str) -> str:
    r"""The part of ``answer`` that decides: its last balanced ``\boxed{...}``, or all of it.

    Boxes before the last one stay with it where they are meant as one list, as in
    ``\boxed{1} and \boxed{2}``: less than ``ADJACENT_CHARS`` between, or less than ``NEIGHBOUR_CHARS`` with
    a comma, semicolon, "and" or "or" there.

    Args:
        answer: A worked solution.

    Returns:
        A part of ``answer``, from a ``\boxed{`` to a closing brace; ``answer`` itself if no box is balanced.
    """
    closings = _closings(answer)
    start = end = -1
    for opening in sorted((p for p in closings if answer.endswith(BOX, 0, p + 1)), reverse=True):
        closing = closings[opening]
        if start < 0:
            end = closing + 1
        elif not (closing < start and _belongs(answer[closing + 1 : start])):
            break
        start = opening + 1 - len(BOX)
    return answer[start:end] if start >= 0 else answer


def _belongs(between: str) -> bool:
    """Whether two boxes with ``between`` them are one list."""
    if len(between) < ADJACENT_CHARS:
        return True
    return len(between) < NEIGHBOUR_CHARS and _SEPARATOR.search(between) is not None


def _closings(text: str) -> dict[int, int]:
    """Where each balanced brace opens, and where it closes; one pass, so that any text is quick."""
    unclosed: list[int] = []
    closings = {}
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            unclosed.append(brace.start())
        elif unclosed:
            closings[unclosed.pop()] = brace.start()
    return closings


def final_content(segment: str) -> str | None:
    """What a segment gives as its answer: what its boxes hold, or what follows ``####``.

    Returns:
        None for text in which an answer has yet to be found.
    """
    if segment.startswith(BOX):
        return _boxes_content(segment)
    marked = _HASHES.findall(segment)
    return marked[-1].strip() if marked else None


def _boxes_content(segment: str) -> str | None:
    """The boxes of a segment, joined by commas; if all hold the same, it is one answer said again."""
    closings = _closings(segment)
    contents: list[str] = []
    start = 0
    while start >= 0:
        closing = closings.get(start + len(BOX) - 1)
        if closing is None:
            return None
        contents.append(segment[start + len(BOX) : closing].strip())
        start = segment.find(BOX, closing)
    return contents[0] if len(set(contents)) == 1 else ", ".join(contents)


def plain(text: str) -> str:
    r"""``text`` without the marks that mean nothing: ``$``, ``\text{}``, spaces around, a final full stop."""
    return " ".join(without_styles(text).strip().removesuffix(".").strip("$").split())


def without_styles(text: str) -> str:
    r"""``text`` with what ``\text{}``, ``\mathbf{}`` and the like hold in their place."""
    return _TEXT_COMMAND.sub(r"\1", text) if "\\" in text else text


def is_integer(text: str) -> bool:
    """Whether ``text`` is an integer written in the one usual way, so that equal means identical."""
    return _INTEGER.match(text) is not None


def is_readable(text: str) -> bool:
    """Whether Math-Verify could find anything in ``text``: it needs a digit or a mathematical bracket."""
    return _READABLE.search(text) is not None


_SIGNS: Final = str.maketrans(
    {
        "\u2212": "-",
        "\u2013": "-",
        "\u00d7": r"\times ",
        "\u00b7": r"\cdot ",
        "\u22c5": r"\cdot ",
        "\u00b0": r"^\circ",
        "\u03c0": r"\pi ",
        "\u221e": r"\infty ",
        "\u2264": r"\le ",
        "\u2265": r"\ge ",
        "\u00b1": r"\pm ",
        "\u222a": r"\cup ",
        "\u2208": r"\in ",
        "\u2205": r"\emptyset ",
        "\u221a": r"\sqrt ",
        "\u00a0": " ",
        "\u2009": " ",
        "\u202f": " ",
    }
)
_RAISED: Final = re.compile("[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]+")
_RAISED_DIGITS: Final = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b", "0123456789-"
)
_TIDIED: Final = re.compile(
    r"(?P<gone>\\(?:left|right|displaystyle|limits)(?![a-zA-Z])|\\!\s*|(?<!\\)\$)"
    r"|(?P<space>\\[,;:>]|\\q?quad(?![a-zA-Z])|(?<!\\)\\\s|~|\s+)"
    r"|(?P<frac>\\[dtc]frac)|(?P<comma>\{,\})|(?P<percent>\\%)|(?P<le>\\leq(?:slant)?|\\ge(?:q(?:slant)?)(?![a-zA-Z]))"
)
_TIDY: Final = {"gone": "", "space": " ", "frac": r"\frac", "comma": ",", "percent": "%"}


def tidy(text: str) -> str:
    r"""``text`` in one writing: no ``\left``, thin space, dollar; ``\frac`` for ``\dfrac``; ASCII digits."""
    if not text.isascii():
        text = _ascii(text)
    text = _TIDIED.sub(_tidied, text)
    return " ".join(text.split()).removesuffix(".").strip()


def _tidied(match: re.Match[str]) -> str:
    if match.lastgroup == "le":
        return match[0][:3]
    return _TIDY[match.lastgroup or ""]


def _ascii(text: str) -> str:
    """Digits of any script, full-width signs and common symbols as LaTeX writes them."""
    text = _RAISED.sub(lambda run: f"^{{{run[0].translate(_RAISED_DIGITS)}}}", text.translate(_SIGNS))
    return "".join(char if char.isascii() else _ascii_char(char) for char in text)


def _ascii_char(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    return chr(ord(char) - 0xFEE0) if "\uff01" <= char <= "\uff5e" else char
