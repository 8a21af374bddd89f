"""Answers in running text: "the answer is 5", a bare line, the last value that is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lorr_bench.grade.algebra.functions import FUNCTIONS, GREEK
from lorr_bench.grade.extraction.denials import DENIED, denied_before
from lorr_bench.grade.notation.languages import (
    ANSWER_WORDS,
    COLONS,
    CONNECTIVES,
    COPULAS,
    FINAL_VERBS,
    SENTENCE_ENDS,
    SHORT_WORDS,
)
from lorr_bench.grade.notation.tidy import without_markdown
from lorr_bench.grade.quantities.measures import measure
from lorr_bench.grade.quantities.scales import read_tail

MAX_STATEMENT: Final = 300
MAX_BARE: Final = 200
LAST_CHARS: Final = 2000
"""Of a text without a statement: where its last value is looked for."""


def _alternatives(words: tuple[str, ...]) -> str:
    """Words as a pattern; those of letters end where a word does."""
    longest_first = sorted(words, key=len, reverse=True)
    return "|".join(re.escape(word) + (r"\b" if word.isascii() else "") for word in longest_first)


_ANSWER: Final = rf"(?:(?<![a-z])|(?<=[^\x00-\x7f]))(?:{_alternatives(ANSWER_WORDS)})"
_COPULA: Final = rf"(?:{_alternatives(COPULAS)})"
_ABOUT_WHAT: Final = rf"(?:(?:to|of|for|in) [^.:\n=$]{{1,50}}? (?={_COPULA}|:))?"
_STATED: Final = re.compile(
    rf"{_ANSWER}[*_` ]{{0,4}}{_ABOUT_WHAT}"
    rf"(?:[*_` ]{{0,4}}[{COLONS}=]|\s{{0,2}}{_COPULA}[ ]?[{COLONS}]?|[ *_#]{{0,6}}\n)[*_`: \n]{{0,6}}",
    re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(rf"[.!?](?=\s|\*|\Z)|[{SENTENCE_ENDS}]|\n\n")
_ASIDE: Final = re.compile(
    r"[,;]? (?:because|since|so|which|where|as|for|when|hence|thus|therefore|if|but|and so|making|giving)"
    r"\b|, (?=[a-z]{2,} )(?!and |or )| \((?=[a-z])(?![a-j]\))",
    re.IGNORECASE,
)
_FILLER: Final = re.compile(
    r"(?:therefore|thus|hence|simply|just|exactly|equal to|given by|approximately|about|then|indeed|:)"
    r"[:, ]+",
    re.IGNORECASE,
)
_MATH: Final = re.compile(
    r"\$\$(?P<display>[^$]{1,600})\$\$|(?<!\\)\$(?P<dollar>(?!\s)[^$\n]{0,400}?[^$\s\\])\$(?![0-9])"
    r"|\\\((?P<round>.{1,400}?)\\\)|\\\[(?P<square>.{1,600}?)\\\]",
    re.DOTALL,
)
_NUMBER: Final = re.compile(
    r"(?<![\w.])(?P<sign>[-\u2212\u2013]\s?)?(?:\\?\$|€|£|US\$)?\s?(?P<minus>-)?"
    r"(?P<number>[0-9]{1,3}(?:(?:,|\{,\}|\\,)[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?P<exponent>[eE][+-]?[0-9]{1,3}(?![a-zA-Z0-9]))?(?P<over> ?/ ?[0-9]+)?(?P<percent> ?\\?%)?"
    r"(?P<word> [A-Za-z]+|[a-zA-Z]{1,3}(?![a-zA-Z0-9]))?"
)
_COORDINATE: Final = r"[-0-9a-z./\\ ]{1,20}"
_POINT: Final = re.compile(
    rf"(?<![A-Za-z])[(\[](?=[^()]{{0,60}}[0-9]){_COORDINATE}(?:,{_COORDINATE}){{1,3}}[)\]]"
)
_PLAIN_WORD: Final = re.compile(r"(?<![\\A-Za-z{_^])[A-Za-z]{2,}(?![A-Za-z{(_^])")
_KNOWN: Final = frozenset(FUNCTIONS) | GREEK | frozenset(CONNECTIVES) | {"pi", "inf", "infinity", "dx", "dt"}
_DERIVATION: Final = re.compile(
    r"\s*\\begin\{(aligned|gathered|split|align\*?|gather\*?|eqnarray\*?)\}(.*)\\end\{\1\}\s*", re.DOTALL
)
_ENDING: Final = re.compile(
    r"(?:\b(?:is|are|was|were)|:)\s{1,3}(?:an? |the )?[*_`$]{0,3}([^.:\n]{1,100}?)[*_`$]{0,3}\.?"
    r"[*_`\s]{0,5}\Z"
)
_DENIED_ANSWER: Final = re.compile(rf"[*$`\\(\[ ]*([^\n]{{1,80}}?){DENIED}")
_NOT_BUT: Final = re.compile(r"\Anot\b[^.\n]{1,80}?\bbut(?: rather| instead)?\b[ :]*", re.IGNORECASE)
_JOINING: Final = re.compile(r"\s*(?:,|and|or|, ?and|, ?or)\s*")


def stated(text: str, *, words: bool) -> str | None:
    """What follows the last "the answer is" or "Answer:", in any language of the table.

    Args:
        text: A text without a box.
        words: Whether the gold answer is words, so that words are taken as they are.
    """
    return next(statements(text, words=words), None)


def statements(text: str, *, words: bool) -> Iterator[str]:
    """What follows each "the answer is" or "Answer:", the last first; the arguments are those of `stated`."""
    found = [match.end() for match in _STATED.finditer(text)]
    for end in reversed(found):
        if (answer := _statement(text[end : end + MAX_STATEMENT].strip(), words=words)) is not None:
            yield answer


def _statement(rest: str, *, words: bool) -> str | None:
    """The answer at the beginning of ``rest``."""
    if filler := _FILLER.match(rest):
        rest = rest[filler.end() :]
    if not words:
        if _is_denied(rest):
            return None
        rest = _NOT_BUT.sub("", rest, count=1)
    if math := _leading_math(rest):
        return math
    sentence = _SENTENCE_END.split(rest, maxsplit=1)[0].partition("\n")[0]
    sentence = _ASIDE.split(sentence, maxsplit=1)[0]
    sentence = without_markdown(sentence).strip(" :*_`")
    for end in FINAL_VERBS:
        sentence = sentence.removesuffix(end).strip()
    if not sentence:
        return None
    if words or is_bare(sentence):
        return sentence
    return last_value(sentence) or sentence


def denies_an_answer(text: str) -> bool:
    """Whether a text says of something that it is not the answer."""
    return any(
        _is_denied(text[match.end() : match.end() + MAX_STATEMENT]) for match in _STATED.finditer(text)
    )


def _is_denied(rest: str) -> bool:
    """Whether what follows "the answer is" is "5 is wrong" or "not 5"."""
    if _NOT_BUT.match(rest):
        return False
    denied = _DENIED_ANSWER.match(rest)
    return rest[:4].lower() == "not " or (denied is not None and is_bare(denied[1]))


def _leading_math(rest: str) -> str | None:
    """The formula at the beginning, and those that are one list with it."""
    match = _MATH.match(rest)
    if match is None:
        return None
    contents = [_formula(match)]
    while joint := _JOINING.match(rest, match.end()):
        following = _MATH.match(rest, joint.end())
        if following is None:
            break
        contents.append(_formula(following))
        match = following
    return ", ".join(contents)


def _formula(match: re.Match[str]) -> str:
    """What dollars or brackets hold; of an aligned derivation the last line."""
    content = next(group for group in match.groups() if group is not None).strip().strip(".")
    derivation = _DERIVATION.fullmatch(content)
    if derivation is None:
        return content
    lines = [line.replace("&", " ").strip(" =.") for line in derivation[2].split(r"\\")]
    return next((line for line in reversed(lines) if line), content)


def result_of_derivation(text: str) -> str:
    """The last line of a derivation, whose lines go on with an equals sign; else the text as it is."""
    derivation = _DERIVATION.fullmatch(text) if r"\begin" in text else None
    if derivation is None:
        return text
    lines = [line.replace("&", " ").strip() for line in derivation[2].split(r"\\") if line.strip()]
    goes_on = len(lines) > 1 and all(line.startswith("=") for line in lines[1:])
    return lines[-1].strip(" =.") if goes_on else text


def is_bare(text: str) -> bool:
    """Whether a text is nothing but an answer: short, one line, without words but those of mathematics."""
    if not text or len(text) > MAX_BARE or "\n" in text:
        return False
    words = (word.lower() for word in _PLAIN_WORD.findall(text))
    return all(
        (len(word) < 3 and word not in SHORT_WORDS) or word in _KNOWN or measure(word) for word in words
    )


def bare_line(text: str) -> str | None:
    """The text, or its last line, where that is nothing but an answer."""
    lines = [line for line in text[-LAST_CHARS:].strip().split("\n") if line.strip()]
    if not lines:
        return None
    line = without_markdown(lines[-1].strip().lstrip("#").strip())
    if math := _MATH.fullmatch(line.removesuffix(".")):
        return _formula(math)
    if is_bare(line) and (len(lines) == 1 or "\\" in line) and re.search(r"[0-9\\]|\b[a-z]\b", line):
        return line.strip("$") if line.count("$") == 1 and line.endswith("$") else line
    return None


def last_value(text: str) -> str | None:
    """The last formula or number of a text."""
    text = text[-LAST_CHARS:]
    formulas = list(_MATH.finditer(text))
    numbers = list(_NUMBER.finditer(text))
    at_formula = formulas[-1].end() if formulas else -1
    at_number = numbers[-1].start() if numbers else -1
    if unmarked := _unmarked_latex(text, at_formula):
        return unmarked
    points = list(_POINT.finditer(text))
    if points and points[-1].end() > max(at_formula, at_number):
        return points[-1][0]
    last = formulas[-1] if at_formula > at_number else numbers[-1] if numbers else None
    if last is None or denied_before(text, last.start()):
        return None
    return _joined_formulas(text, formulas) if at_formula > at_number else _number(last)


def _joined_formulas(text: str, formulas: list[re.Match[str]]) -> str:
    """The last formula, with those before it that only "and" or a comma parts from it."""
    contents = [_formula(formulas[-1])]
    for left, right in zip(formulas[-2::-1], formulas[:0:-1], strict=False):
        if not _JOINING.fullmatch(text[left.end() : right.start()]):
            break
        contents.insert(0, _formula(left))
    return ", ".join(contents)


def _unmarked_latex(text: str, behind: int) -> str | None:
    r"""LaTeX without dollars in the last sentence: "so it is \\frac{1}{2}."."""
    sentence = text[max(behind, 0) :].strip().rstrip(".")
    sentence = re.split(r"[.!?]\s|\n", sentence)[-1]
    chunk = _PLAIN_WORD.split(sentence)[-1].strip(" *_`,")
    has_command = re.search(r"\\(?:[dt]?frac|sqrt|pi|infty|cdot|times|binom|left)(?![a-z])", chunk)
    return chunk if has_command and "$" not in chunk else None


def _number(match: re.Match[str]) -> str:
    """A number as it stands in a text, with its percent sign and a unit or scale behind it."""
    sign = "-" if match["sign"] or match["minus"] else ""
    text = sign + match["number"] + (match["exponent"] or "") + (match["over"] or "")
    if match["percent"]:
        return f"{text}%"
    word = (match["word"] or "").strip()
    tail = read_tail(word) if word else None
    return f"{text} {word}" if word and (measure(word) or (tail and tail.factor != 1)) else text


def last_words(text: str) -> str | None:
    """What the last sentence ends in, behind "is" or a colon, where words are asked for."""
    match = _ENDING.search(text[-MAX_BARE:])
    return without_markdown(match[1]) if match else None
