"""Signs of other scripts and of Unicode, as LaTeX writes them."""

from __future__ import annotations

import unicodedata
from typing import Final

_GREEK: Final = {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "ε": "epsilon",
    "θ": "theta",
    "λ": "lambda",
    "μ": "mu",
    "π": "pi",
    "ρ": "rho",
    "σ": "sigma",
    "τ": "tau",
    "φ": "phi",
    "ω": "omega",
    "Δ": "Delta",
    "Ω": "Omega",
}
_COMMANDS: Final = {
    "×": "times",
    "·": "cdot",
    "⋅": "cdot",
    "÷": "div",
    "∞": "infty",
    "≤": "le",
    "⩽": "le",
    "≥": "ge",
    "⩾": "ge",
    "≠": "ne",
    "≈": "approx",
    "±": "pm",
    "∪": "cup",
    "∩": "cap",
    "∈": "in",
    "∉": "notin",
    "∅": "emptyset",
    "ℝ": "mathbb{R}",
    "∧": "land",
    "∨": "lor",
    "∠": "angle",
    "→": "to",
    "…": "ldots",
    "∑": "sum",
    "∏": "prod",
    "∫": "int",
}
_PLAIN: Final = {
    "−": "-",
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
    "°": r"^\circ",
    "′": "'",
    "’": "'",
    "、": ",",
    "。": ".",
    "〈": r"\langle ",
    "〉": r"\rangle ",
    "½": r"\frac{1}{2}",
    "¼": r"\frac{1}{4}",
    "¾": r"\frac{3}{4}",
    "⅓": r"\frac{1}{3}",
    "⅔": r"\frac{2}{3}",
    "\u00a0": " ",
    "\u200b": "",
    "\u2060": "",
    "\ufeff": "",
}
_THIN_SPACES: Final = dict.fromkeys(("\u2009", "\u202f", "\u2006"), r"\,")
_SIGNS: Final = str.maketrans(
    {sign: rf"\{name} " for sign, name in (_GREEK | _COMMANDS).items()} | _PLAIN | _THIN_SPACES
)
_RAISED: Final = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "0123456789-n", strict=True))
_LOWERED: Final = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_FULL_WIDTH: Final = 0xFEE0
"""How far the full-width signs are from those of ASCII."""


def as_latex(text: str) -> str:
    """``text`` with digits of any script, full-width and mathematical signs in ASCII."""
    if text.isascii():
        return text
    text = _runs(_runs(text, _RAISED, "^"), _LOWERED, "_")
    text = _roots(text).translate(_SIGNS)
    return "".join(char if char.isascii() else _ascii_char(char) for char in text)


def _runs(text: str, table: dict[str, str], sign: str) -> str:
    """Runs of small digits as one power or subscript."""
    pieces: list[str] = []
    run = ""
    for char in text:
        if char in table:
            run += table[char]
            continue
        if run:
            pieces.append(f"{sign}{{{run}}}")
            run = ""
        pieces.append(char)
    return "".join(pieces) + (f"{sign}{{{run}}}" if run else "")


def _roots(text: str) -> str:
    """The root sign with the number, letter or bracket behind it."""
    for sign, command in (("√", r"\sqrt"), ("∛", r"\sqrt[3]")):
        first, *rest = text.split(sign)
        text = first + "".join(command + _rooted(piece) for piece in rest)
    return text


def _rooted(behind: str) -> str:
    digits = len(behind) - len(behind.lstrip("0123456789"))
    return f"{{{behind[:digits]}}}{behind[digits:]}" if digits else f" {behind}"


def _ascii_char(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    return chr(ord(char) - _FULL_WIDTH) if "\uff01" <= char <= "\uff5e" else char
