r"""Text of an answer in one writing: what LaTeX, Markdown and plain text write differently and mean alike."""

from __future__ import annotations

import re
from typing import Final

from lorr_bench.grade.notation.languages import CONNECTIVES
from lorr_bench.grade.notation.symbols import as_latex

_TEXT_COMMAND: Final = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|normal)?|math(?:rm|bf|sf|it|tt)|mbox|operatorname|boldsymbol|bm)"
    r"\s*\{([^{}]*)\}"
)
_TIDIED: Final = re.compile(
    r"(?P<gone>\\(?:left|right|displaystyle|textstyle|limits|nolimits|[bB]igg?[lr]?)(?![a-zA-Z])"
    r"|\\!\s*|(?<!\\)\$|`|(?<!\\)\\[()\[\]]|(?<!\\)\\\Z)"
    r"|(?P<thin>(?<=[0-9])\\[,;:]\s?(?=[0-9]{3}(?![0-9])))"
    r"|(?P<space>\\[,;:>]|\\q?quad(?![a-zA-Z])|(?<!\\)\\\s|~|\s+)"
    r"|(?P<frac>\\[dtc]frac)|(?P<binom>\\[dt]binom)|(?P<comma>\{,\})|(?P<colon>\{:\})|(?P<percent>\\%)"
    r"|(?P<le>\\leq(?:slant|q)?(?![a-zA-Z])|<=|\\leqslant(?![a-zA-Z]))"
    r"|(?P<ge>\\geq(?:slant|q)?(?![a-zA-Z])|>=)|(?P<ne>\\neq(?![a-zA-Z])|!=|\\not\s?=)"
    r"|(?P<lt>\\lt(?![a-zA-Z]))|(?P<gt>\\gt(?![a-zA-Z]))"
    r"|(?P<dots>\\(?:dots[bcimo]?|cdots|hdots)(?![a-zA-Z])|\.{3,})"
    r"|(?P<bar>\\[lr]?vert(?![a-zA-Z]))|(?P<power>(?<=[\w)}\]])\s?\*\*\s?(?=[\w({\\-]))|(?P<bold>\*\*)|(?P<under>\\_)"
    r"|(?P<open>\\lbrace(?![a-zA-Z]))|(?P<close>\\rbrace(?![a-zA-Z]))|(?P<square>\\lbrack(?![a-zA-Z]))"
    r"|(?P<square_end>\\rbrack(?![a-zA-Z]))|(?P<prime>\^\s?\\prime(?![a-zA-Z])|\^\s?\{\s?\\prime\s?\})"
    r"|(?P<empty>\\varnothing(?![a-zA-Z]))"
)
_WRITINGS: Final = {
    "gone": "",
    "thin": "",
    "space": " ",
    "frac": r"\frac",
    "binom": r"\binom",
    "comma": ",",
    "colon": ":",
    "percent": "%",
    "le": r"\le ",
    "ge": r"\ge ",
    "ne": r"\ne ",
    "lt": "<",
    "gt": ">",
    "dots": r"\ldots ",
    "bar": "|",
    "power": "^",
    "bold": "",
    "under": "_",
    "open": r"\{",
    "close": r"\}",
    "square": "[",
    "square_end": "]",
    "prime": "'",
    "empty": r"\emptyset",
}
# Letters that a style makes upright or bold: constants and variables, the same as without. A letter that is a
# unit of measure and stands behind a number or variable is left: 5 \mathrm{m} is metres.
_LETTER_STYLE: Final = r"\\(?:text(?:bf|it|rm|normal)?|math(?:rm|bf|it|sf|cal)|operatorname|boldsymbol|bm)\s?"
_STYLED_LETTER: Final = re.compile(
    rf"(?<![0-9}}a-z)])(?<![0-9}}a-z)] ){_LETTER_STYLE}\{{([A-Za-z])\}}"
    rf"|{_LETTER_STYLE}\{{([abceinpqruvwxyzT])\}}"
)
_SWITCHED_LETTER: Final = re.compile(
    r"\{\s?\\(?:rm|bf|it)\s?([A-Za-z])\s?\}|\\(?:rm|bf|it)\s?([A-Za-z])(?![A-Za-z])"
)
_UNIT_VECTORS: Final = re.compile(
    r"\\(?:mathbf|boldsymbol|bm|hat|vec|textbf)\s?\{\s?\\?([ijk])(?:math)?\s?\}|\\(?:hat|vec)(?:\s?\\|\s)([ijk])(?:math)?(?![a-z])"
)
_UNIT_QUOTIENT: Final = re.compile(
    r"\\[dt]?frac\s?\{\s?\\(?:text|mathrm)\s?\{\s?([A-Za-z]+)\s?\}\s?\}"
    r"\s?\{\s?\\(?:text|mathrm)\s?\{\s?([A-Za-z]+)\s?\}(\^[23])?\s?\}"
)
_UNIT_POWER: Final = re.compile(r"(\\(?:mathrm|text|rm)\s?\{[^{}]*)\^\s?\{\s?(-?[1-9])\s?\}")
MAX_UNIT_POWERS: Final = 3
"""In one unit, as m and s in kg m^{2} s^{-2}."""
_CHOSEN: Final = re.compile(
    r"(?:\{\s?\}\s?)?[_^]\s?\{?\s?([0-9a-z])\s?\}?\s?C\s?_\s?\{?\s?([0-9a-z])\s?\}?"
    r"|(?<![0-9A-Za-z.])([0-9]{1,3})\s?C\s?([0-9]{1,3})(?![0-9A-Za-z])"
)
_GERMAN: Final = re.compile(r"(?<=[ }])(?:und|oder)(?=[ {\\])")
_JOINED: Final = re.compile(r"\\text(?:rm|bf|it)?\s?\{\s?(" + "|".join(CONNECTIVES) + r")\s?\}")
_ENVIRONMENT: Final = re.compile(
    r"\s*\\begin\{(equation|displaymath|math|gather|gathered)\*?\}(.*)\\end\{\1\*?\}\s*", re.DOTALL
)
_SPOKEN: Final = re.compile(
    r"(?<=[0-9)}])\s?(?:\\text\s?\{\s?)?(squared|cubed|factorial|times)(?![a-z])(?:\s?\})?", re.IGNORECASE
)
_OPERATIONS: Final = {"squared": "^2", "cubed": "^3", "factorial": "!", "times": r"\times "}
_DAMAGED: Final = re.compile(r"\x08(?=oxed|inom|egin|ar\b|ig)|\x0c(?=rac|box|rame)")
_TABBED: Final = re.compile(r"\t(?=(?:ext(?:bf|it)?\s?\{|imes|heta|frac\s?\{|riangle|frac))")
_BOLD: Final = re.compile(r"(?<![\w)}\]])\*\*|\*\*(?![\w({\\-])|`|__")
"""Two stars between operands are a power."""
_STAR: Final = re.compile(r"(?<![\w)}*])\*([^\s*][^*\n]*)\*(?![\w(*])")


def undamaged(text: str) -> str:
    r"""``text`` with the backslashes that a JSON reader took for escapes: ``\b`` of ``\boxed``, ``\f``."""
    if "\x08" in text or "\x0c" in text:
        text = _DAMAGED.sub(lambda sign: r"\b" if sign[0] == "\x08" else r"\f", text)
    return _TABBED.sub(r"\\t", text) if "\t" in text else text


def tidy(text: str) -> str:
    r"""``text`` in one writing: no ``\left``, thin space, dollar; ``\frac`` for ``\dfrac``; ASCII digits."""
    if not text.isascii():
        text = _translated(as_latex(text))
    if "\\" in text:
        text = _without_styled_letters(text)
    if "und" in text or "oder" in text:
        text = _GERMAN.sub(lambda word: CONNECTIVES[word[0]], text)
    if "C" in text:
        text = _CHOSEN.sub(lambda found: rf"\binom{{{found[1] or found[3]}}}{{{found[2] or found[4]}}}", text)
    text = _SPOKEN.sub(lambda word: _OPERATIONS[word[1].lower()], _TIDIED.sub(_rewritten, text))
    return " ".join(text.split()).rstrip(". ")


def _rewritten(match: re.Match[str]) -> str:
    return _WRITINGS[match.lastgroup or ""]


def _translated(text: str) -> str:
    """Words for "and" and "or" of other languages in English."""
    for word, meaning in CONNECTIVES.items():
        if not word.isascii():
            text = text.replace(word, f" {meaning} ")
    return text


def _without_styled_letters(text: str) -> str:
    for _ in range(MAX_UNIT_POWERS if "^" in text else 0):
        text = _UNIT_POWER.sub(r"\1^\2", text)
    text = _UNIT_QUOTIENT.sub(lambda unit: rf"\text{{{unit[1]}/{unit[2]}{unit[3] or ''}}}", text)
    if _ENVIRONMENT.fullmatch(text):
        text = _ENVIRONMENT.sub(r"\2", text)
    if len(vectors := _UNIT_VECTORS.findall(text)) > 1 and len(set(vectors)) > 1:
        text = _UNIT_VECTORS.sub(lambda unit: rf"\unitvector{{{unit[1] or unit[2]}}}", text)
    text = _JOINED.sub(lambda word: f" {CONNECTIVES[word[1]]} ", text)
    text = _STYLED_LETTER.sub(lambda styled: _letter(styled[1] or styled[2]), text)
    return _SWITCHED_LETTER.sub(lambda styled: _letter(styled[1] or styled[2]), text)


def _letter(letter: str) -> str:
    return f" {letter}" if letter.isalpha() else letter


def without_markdown(text: str) -> str:
    """``text`` without the stars and backticks of Markdown."""
    return _STAR.sub(r"\1", _BOLD.sub("", text)).strip()


def plain(text: str) -> str:
    r"""``text`` without the marks that mean nothing: ``$``, ``\text{}``, spaces around, a final full stop."""
    return " ".join(without_styles(text).strip().removesuffix(".").strip("$").split())


def without_styles(text: str) -> str:
    r"""``text`` with what ``\text{}``, ``\mathbf{}`` and the like hold in their place."""
    return _TEXT_COMMAND.sub(r"\1", text) if "\\" in text else text
