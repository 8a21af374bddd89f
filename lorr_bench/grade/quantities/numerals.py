r"""Numbers that are read exactly, without algebra: ``1,234``, ``\frac{5}{4}``, ``2\frac{1}{2}``, ``6e-5``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from lorr_bench.grade.notation.tidy import plain
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.quantities.measures import measure
from lorr_bench.grade.quantities.scales import contrary, read_tail
from lorr_bench.grade.quantities.spoken import read_spoken

MAX_DIGITS: Final = 60
GOLD_DIGITS: Final = 3  # a decimal gold answer of so many digits stands for what rounds to it
ANSWER_DIGITS: Final = 6
NOISE: Final = Fraction(1, 10**20)  # of values that algebra evaluated

_DIGITS: Final = rf"[0-9]{{1,{MAX_DIGITS}}}"
_DECIMAL: Final = (
    rf"(?P<whole>[0-9]{{1,3}}(?:,[0-9]{{3}}){{1,15}}|{_DIGITS})?(?P<part>\.[0-9]{{0,{MAX_DIGITS}}})?"
)
_TEN: Final = r"10\s?\^\s?(?:\{\s?(?P<power>[+-]?[0-9]{1,3})\s?\}|(?P<digit>[0-9]))"
_PLAIN: Final = re.compile(
    rf"(?P<sign>[+-]?)\s?(?:{_TEN}|{_DECIMAL}"
    rf"(?:[eE](?P<e>[+-]?[0-9]{{1,3}})|\s?(?:\\times|\\cdot|\*|x)\s?{_TEN.replace('?P<', '?P<of_')})?)"
)
_OVER: Final = (
    rf"\\frac\s?(?:\{{\s?(?P<top>-?{_DIGITS})\s?\}}|(?P<top1>[0-9]))"
    rf"\s?(?:\{{\s?(?P<low>{_DIGITS})\s?\}}|(?P<low1>[0-9]))"
)
_SLASH: Final = rf"(?P<over>{_DIGITS})\s?/\s?(?P<under>{_DIGITS})"
_REPEATING: Final = re.compile(
    r"(?P<sign>[+-]?)\s?(?P<whole>[0-9]{0,15})\.(?P<part>[0-9]{0,15})\s?"
    r"(?:\\(?:overline|bar|dot)\s?\{?\s?|\()(?P<again>[0-9]{1,15})\s?(?:\\ldots)?[)}]?"
)
_DOTTED: Final = re.compile(
    r"(?P<sign>[+-]?)\s?(?P<whole>[0-9]{0,15})\.(?P<part>[0-9]{0,15}?)(?P<again>[0-9]{1,12}?)(?P=again)+\s?\\ldots"
)
_TWO_DOTS: Final = re.compile(r"\\dot\s?\{?([0-9])\}?([0-9]{0,12})\\dot\s?\{?([0-9])\}?")
_SPACED: Final = re.compile(r"[+-]? ?[0-9](?: ?[0-9])+")  # blanks mean nothing in LaTeX
MAX_GROUPS: Final = MAX_DIGITS // 3
"""Of three digits at most."""
_FRACTION: Final = re.compile(
    rf"(?P<sign>[+-]?)\s?(?:(?P<mixed>{_DIGITS})\s?{_OVER}|(?P<spaced>{_DIGITS})\s{_SLASH}"
    rf"|{_OVER.replace('?P<', '?P<f_')}|{_SLASH.replace('?P<', '?P<s_')})"
)

_STYLED: Final = (
    r"\\(?:text|mbox|mathrm|textrm|textbf|textit|textnormal|rm|operatorname)\s?\{([^{}]*)\}"
    r"\s?(\^\s?\{?[23]\}?)?"
)
_STYLED_UNIT: Final = re.compile(_STYLED)
_UNIT_TAIL: Final = re.compile(rf"(?:\s?(?:/|\\cdot)?\s?{_STYLED})+\Z")
_DEGREES: Final = re.compile(
    r"\s?(?:\^\s?\{?\s?\\circ\s?\}?|\\degree|\\deg)\s?(?:\\(?:text|mathrm)\s?\{\s?)?(?P<scale>[CF]?)\s?\}?\Z"
)
_TEMPERATURES: Final = {"C": "celsius", "F": "fahrenheit", "": "degree"}
_SYMBOL: Final = re.compile(r"(?<=[0-9])\s?(?P<prefix>[kM]?)\\Omega\Z")
_ANGLE_FUNCTION: Final = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")
_SQUARED: Final = r"(?:\^\s?\{?[23]\}?)?"
_BARE_UNIT: Final = re.compile(
    rf"(?<=[0-9}}\s])(?:(?<=\s)([A-Za-z]{{2}}[A-Za-z ./]*{_SQUARED})|([A-Za-z/]{{2,}}{_SQUARED}))\Z"
)
_NEGATIVE: Final = re.compile(r"\A(?:\\text\s?\{\s?)?(?:minus|negative)\s?\}?\s?(?=[0-9])", re.IGNORECASE)
_ORDINAL: Final = re.compile(r"(?<=[0-9])(?:st|nd|rd|th)\Z")
_LONE_LETTER: Final = re.compile(r"(?<=[0-9}\s])\s?([msglh])\Z")
_PERCENT: Final = re.compile(
    r"\s?(?:\\?%|\b(?:percent|per cent|pct)\.?|\\text\s?\{\s?(?:percent|%|\\%)\s?\})\Z"
)
_MONEY: Final = {r"\$": "dollar", "€": "euro", "£": "gbp"}


@dataclass(frozen=True, slots=True)
class Number:
    """A value, and how it was written.

    Attributes:
        value: Exact, without its percent sign or unit.
        step: Value of the last decimal shown; 0 where none is.
        digits: Significant digits shown, for a decimal; else 0.
        percent: Whether a percent sign follows.
        unit: What follows else, as written.
        exact: False for what algebra evaluated to some thirty digits.
    """

    value: Fraction
    step: Fraction = Fraction(0)
    digits: int = 0
    percent: bool = False
    unit: str | None = None
    exact: bool = True


def read_number(text: str, *, letter_units: bool = False) -> Number | None:
    """The number that ``text`` is, a percent sign or unit included.

    Args:
        text: As ``segment.tidy`` leaves it.
        letter_units: Whether a lone letter behind a number may be a unit (5 m), not a variable.
    """
    core, unit = split_unit(text)
    core, percent = split_percent(core)
    number = _bare_number(core)
    if number is None and (found := _words_after(core, letter_units=letter_units)):
        core, words = found
        number = _bare_number(core)
        unit = f"{words} {unit}" if unit else words
    return _scaled(replace(number, percent=percent, unit=None), unit) if number else None


def _scaled(number: Number, words: str | None) -> Number | None:
    """A number with the words behind it: scaled, with its unit; none if they make it another thing."""
    if not words:
        return number
    tail = read_tail(words)
    if tail is None:
        return None
    exact = _scale(number, tail.factor) if tail.factor != 1 else number
    return replace(exact, unit=tail.unit)


def split_unit(text: str) -> tuple[str, str | None]:
    r"""``text`` without its unit, and the unit, if marked as one: ``\text{ cm}^2``, ``^\circ``, ``\$``."""
    for sign, name in _MONEY.items():
        if text.startswith((sign, f"-{sign}", f"- {sign}")):
            rest = text.replace(sign, "", 1).strip()
            core, unit = split_unit(rest)
            return core, f"{unit} {name}" if unit else name
    if (match := _DEGREES.search(text)) and not _ANGLE_FUNCTION.search(text):
        return text[: match.start()].strip(), _TEMPERATURES[match["scale"]]
    if match := _SYMBOL.search(text):
        return text[: match.start()].strip(), f"{match['prefix']}ohm"
    match = _UNIT_TAIL.search(text)
    if match and match.start() and not _PERCENT.search(text) and text[match.start() - 1] not in "_^":
        return text[: match.start()].strip(), _STYLED_UNIT.sub(_name, match[0]).strip(" ~")
    return text, None


def _name(styled: re.Match[str]) -> str:
    return styled[1].strip(" ~") + (styled[2] or "")


def split_percent(text: str) -> tuple[str, bool]:
    """``text`` without a percent sign at its end, and whether there was one."""
    match = _PERCENT.search(text)
    return (text[: match.start()].strip(), True) if match and match.start() else (text, False)


def _words_after(text: str, *, letter_units: bool) -> tuple[str, str] | None:
    """A number and the plain word behind it; without a space between, only a unit of measure."""
    if match := _ORDINAL.search(text):
        return text[: match.start()], match[0]
    match = _BARE_UNIT.search(text)
    if match and (match[1] or measure(match[2])):
        return text[: match.start()].strip(), match[0]
    if letter_units and (match := _LONE_LETTER.search(text)):
        return text[: match.start()].strip(), match[1]
    return None


def _bare_number(text: str) -> Number | None:
    text = _NEGATIVE.sub("-", text)
    if match := _PLAIN.fullmatch(text):
        return _decimal(match.groupdict())
    if _SPACED.fullmatch(text) and _groups(text) <= MAX_GROUPS:
        return Number(Fraction(int(text.replace(" ", ""))))
    if match := _FRACTION.fullmatch(text):
        return _fraction(match.groupdict())
    if match := _REPEATING.fullmatch(_TWO_DOTS.sub(r"\\overline{\1\2\3}", text)):
        return _repeating(match.groupdict())
    if text.endswith(r"\ldots") and "." in text:
        return _continued(text)
    spoken = read_spoken(plain(text))
    return None if spoken is None else Number(spoken)


def _groups(text: str) -> int:
    """Into how many groups of three digits, at most, the blanks leave the digits."""
    return sum(-(-len(run) // 3) for run in text.lstrip("+-").split(" "))


def _decimal(groups: dict[str, str | None]) -> Number | None:
    negative = groups["sign"] == "-"
    if power := groups["power"] or groups["digit"]:
        return Number(Fraction(10) ** int(power) * (-1 if negative else 1))
    whole, part = (groups["whole"] or "").replace(",", ""), (groups["part"] or "")[1:]
    if not whole + part:
        return None
    exponent = groups["e"] or groups["of_power"] or groups["of_digit"]
    step = Fraction(10) ** (int(exponent or 0) - len(part))
    value = int(whole + part) * step * (-1 if negative else 1)
    if not part and exponent is None:
        return Number(value)
    return Number(value, step, len((whole + part).lstrip("0")))


def _fraction(groups: dict[str, str | None]) -> Number | None:
    top = next(g for n in ("top", "top1", "over", "f_top", "f_top1", "s_over") if (g := groups[n]))
    low = next(g for n in ("low", "low1", "under", "f_low", "f_low1", "s_under") if (g := groups[n]))
    whole = groups["mixed"] or groups["spaced"]
    if int(low) == 0 or (whole and top.startswith("-")):
        return None
    value = int(whole or 0) + Fraction(int(top), int(low))
    return Number(-value if groups["sign"] == "-" else value)


def _repeating(groups: dict[str, str]) -> Number:
    """A decimal with a bar over the digits that go on for ever."""
    whole, part, again = groups["whole"], groups["part"], groups["again"]
    value = Fraction(
        int(whole + part + again) - int(whole + part or 0), 10 ** len(part) * (10 ** len(again) - 1)
    )
    return Number(-value if groups["sign"] == "-" else value)


def _continued(text: str) -> Number | None:
    """A decimal with dots behind: what its last digits repeat, or as many digits as are shown."""
    if (match := _DOTTED.fullmatch(text)) and len(text) < 60:
        return _repeating(match.groupdict())
    match = _PLAIN.fullmatch(text.removesuffix(r"\ldots").strip())
    return _decimal(match.groupdict()) if match else None


def same_number(gold: Number, answer: Number, policy: Policy) -> bool:
    """Whether an answer is the gold number under a policy, be they read or evaluated by algebra."""
    if policy.units == "agree" and (contrary(gold.unit, answer.unit) or _percent_of_measure(gold, answer)):
        return False
    scaled = _same_unit(gold, answer) if policy.units == "agree" else (gold, answer)
    return scaled is not None and any(_near(*pair, policy) for pair in _percentages(*scaled, policy))


def _percent_of_measure(gold: Number, answer: Number) -> bool:
    """Whether one is a percentage and the other a number of some measure: 73 % is not 73 degrees."""
    other = answer if gold.percent else gold
    return gold.percent != answer.percent and measure(other.unit or "") is not None


def same_measure(gold_unit: str | None, answer_unit: str | None) -> bool:
    """Whether two units agree as they stand; what is no unit of measure agrees with all."""
    gold, answer = measure(gold_unit or ""), measure(answer_unit or "")
    return gold is None or answer is None or gold == answer


def _same_unit(gold: Number, answer: Number) -> tuple[Number, Number] | None:
    """Both numbers in the gold answer's unit; None where their units measure different things."""
    mine, other = measure(gold.unit or ""), measure(answer.unit or "")
    if mine is None or other is None or mine == other:
        return gold, answer
    if mine.dimension != other.dimension:
        return None
    return gold, _scale(answer, other.factor / mine.factor)


def _scale(number: Number, factor: Fraction) -> Number:
    return replace(number, value=number.value * factor, step=number.step * factor)


def _percentages(gold: Number, answer: Number, policy: Policy) -> list[tuple[Number, Number]]:
    """The readings of which one must be equal."""
    if gold.percent == answer.percent:
        return [(gold, answer)]
    hundredth = Fraction(1, 100)
    fractions = tuple(_scale(number, hundredth) if number.percent else number for number in (gold, answer))
    readings = {"fraction": [fractions], "number": [(gold, answer)], "either": [fractions, (gold, answer)]}
    return readings[policy.percent]  # type: ignore[return-value]


def _near(gold: Number, answer: Number, policy: Policy) -> bool:
    difference = abs(gold.value - answer.value)
    if not difference:
        return True
    allowed = Fraction(policy.tolerance) * abs(gold.value)
    if not (gold.exact and answer.exact):
        allowed = max(allowed, NOISE * max(abs(gold.value), abs(answer.value)))
    return difference <= allowed or (
        policy.rounding == "shown" and _agrees_as_shown(gold, answer, difference)
    )


def _agrees_as_shown(gold: Number, answer: Number, difference: Fraction) -> bool:
    if gold.digits >= GOLD_DIGITS and 2 * difference <= gold.step:
        return True
    return gold.step == 0 and answer.digits >= ANSWER_DIGITS and difference < answer.step
