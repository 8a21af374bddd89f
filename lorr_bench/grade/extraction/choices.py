"""Answers to questions with lettered choices."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lorr_bench.grade.extraction.denials import denied_before, denied_behind
from lorr_bench.grade.extraction.statements import statements
from lorr_bench.grade.notation.languages import CHINESE_COPULAS, CHOICE_VERBS, CHOICE_WORDS, COLONS
from lorr_bench.grade.notation.tidy import plain, tidy, without_markdown
from lorr_bench.grade.policy import Policy

SHORT_TEXT: Final = 100
"""Characters of a text that may be read as one answer."""
_GOLD: Final = re.compile(r"\(?([A-J])\)?\Z")
_WORD: Final = "|".join(sorted(CHOICE_WORDS, key=len, reverse=True))
_LABEL: Final = re.compile(
    rf"(?:the )?(?:correct |final )?(?:{_WORD})s?(?: is)? ?:? ?(?=[(A-Ja-j])", re.IGNORECASE
)
_ALONE: Final = re.compile(r"\(?([A-Ja-j])\)?[.:]?\Z")
# "A - 12 apples" and "A (12)" name a choice, "A - B", "A = 12" and "A(t)" are mathematics.
_WITH_TEXT: Final = re.compile(
    r"(?:\(([A-Ja-j])\)|([A-Ja-j])[.):]|([A-J])(?: \(| ?-(?!>| ?[A-Z](?![a-z]))))\s*\S"
)
_BEHIND: Final = re.compile(r"\S.*\(([A-J])\)\Z")
_SENTENCES: Final = re.compile(r"\n|[a-z0-9)][.!?]\s+[A-Z(]")
_LISTED: Final = re.compile(rf"(?:\A|\n)[-*$` ]*(?:(?i:{_WORD}) )?(?:\([A-Ja-j]\)|[A-Ja-j][.):])")
_JOINT: Final = r"\)?[*$`]*(?:\s*[,;&/]\s*(?:and |or )?|\s+(?:and|or)\s+)[*$`]*\(?"
# "A, I think" names one.
_SEVERAL: Final = re.compile(rf"(?<![A-Za-z])\(?[A-J]{_JOINT}(?!I [a-z])[A-J](?![A-Za-z'])")
_JOINED: Final = re.compile(rf"(?<![A-Za-z])[A-J]{_JOINT}\Z")
# A and I are words too: as a letter one of them stands at the end of a clause or before a verb.
_ENDS: Final = (
    r"(?=[*$`]*\s*(?:[.,:;)\n]|\Z)|[*$`]* (?:is|was|because|since|as|which|and|not|for|with|must|\()\b)"
)
_LETTER: Final = rf"(?:\(([A-J])\)|([A-J]){_ENDS}|([B-HJ])\b)"
_TOLD: Final = re.compile(rf"[*$` ]*{_LETTER}")
_NOUN: Final = rf"\b(?i:{_WORD})"
_NAMED: Final = rf"(?:{_NOUN} )?(?<![A-Za-z])(?:\(([A-J])\)|([A-J]))[*$`]* (?:is|must be|would be)"
_SPOKEN_OF: Final = re.compile(_NAMED)
_JUDGED_ONE: Final = re.compile(rf"{_NAMED} the (?:only )?(?:correct|right|best|true|answer)")
_JUDGED: Final = re.compile(rf"{_NAMED} (?:correct|right|best|true)\b")
_MODAL: Final = r"(?: is|:| would be| must be| should be)"
_CHOSEN: Final = re.compile(
    rf"(?:{_NOUN}{_MODAL}|(?i:\b(?:choose|chose|select|pick|go with)(?: (?:{_WORD}))?{_MODAL}?)"
    rf"|\b(?:is|be|to|by|with|thus|so|hence|therefore),? (?:the )?{_NOUN}"
    rf"|(?:{'|'.join(CHOICE_VERBS)})(?:{'|'.join(CHINESE_COPULAS)})?[{COLONS}]?)[*$` ]*{_LETTER}"
)
_MENTIONED: Final = re.compile(rf"{_NOUN}[*$` ]*{_LETTER}")


def gold_choice(gold: str) -> str | None:
    """The letter, A to J, where the gold answer is one."""
    match = _GOLD.match(plain(tidy(gold))) if len(gold) < 40 else None
    return match[1] if match else None


def choice_in_content(content: str, policy: Policy) -> str | None:
    """The letter that an answer by itself names, as a capital; None where it names none.

    Args:
        content: What a box or tag holds.
        policy: Which ways of naming count.
    """
    bare = without_markdown(plain(tidy(content)))
    if _SEVERAL.match(bare):
        return None
    if match := _ALONE.match(bare):
        return _counted(match[1], policy)
    if policy.choices == "alone":
        return None
    bare = _LABEL.sub("", bare, count=1) if _LABEL.match(bare) else bare
    match = _naming(bare)
    if match is None or _is_one_of_several(bare, match) or _is_denied(bare, match):
        return None
    return _counted(_letter(match), policy)


def names_choices(content: str) -> bool:
    """Whether an answer by itself names one choice or several."""
    bare = without_markdown(plain(tidy(content)))
    return bool(_SEVERAL.match(bare) or _naming(bare))


def _naming(bare: str) -> re.Match[str] | None:
    return _ALONE.match(bare) or _WITH_TEXT.match(bare) or _BEHIND.match(bare)


def choice_in_text(text: str, policy: Policy) -> str | None:
    """The letter that a text names: as its answer, else as the right choice, else by itself on the last line.

    What is denied ("(E) is incorrect") does not count, and of several ("(A) or (F)") none does.

    Args:
        text: A text without a box.
        policy: Which ways of naming count.
    """
    text = single_blanks(plain_lines(text))
    bare = without_markdown(text.strip())
    is_one_answer = len(bare) < SHORT_TEXT and not _SENTENCES.search(bare) and not _SPOKEN_OF.search(bare)
    if is_one_answer and (letter := choice_in_content(bare, policy)):
        return letter
    for statement in statements(text, words=True):
        match = _TOLD.match(statement)
        if (_SEVERAL.match if match else _SEVERAL.search)(plain(statement)):
            return None
        if match and denied_behind(statement, match.end()):
            continue
        if letter := _letter(match) if match else choice_in_content(statement, policy):
            return letter
        break
    return _judged_or_chosen(text) or _on_last_line(text, policy)


def _judged_or_chosen(text: str) -> str | None:
    """The letter of the option that is called right or is picked; else of the only one that is mentioned."""
    if found := _last(text, _JUDGED_ONE.finditer(text)):
        return found
    if found := _only(text, _JUDGED.finditer(text)):
        return found
    return _last(text, _CHOSEN.finditer(text)) or _only(text, _MENTIONED.finditer(text))


def _last(text: str, matches: Iterable[re.Match[str]]) -> str | None:
    """The letter of the last one that is not denied; None where it is one of several."""
    standing = [match for match in matches if not _is_denied(text, match)]
    return _letter(standing[-1]) if standing and not _is_one_of_several(text, standing[-1]) else None


def _only(text: str, matches: Iterable[re.Match[str]]) -> str | None:
    """The letter that all have which are not denied; None where there are several."""
    letters = {_letter(match) for match in matches if not _is_denied(text, match)}
    return letters.pop() if len(letters) == 1 else None


def _is_one_of_several(text: str, match: re.Match[str]) -> bool:
    """Whether a choice is joined to another, as in "(A) or (F)"."""
    start = match.start(match.lastindex or 0)
    return bool(_SEVERAL.match(text, start) or _JOINED.search(text[max(0, start - 30) : start]))


def _is_denied(text: str, match: re.Match[str]) -> bool:
    """Whether the words around a choice say that it is not the answer."""
    start, end = match.span(match.lastindex or 0)
    return denied_behind(text, end, choice=True) or denied_before(text, start, choice=True)


def _on_last_line(text: str, policy: Policy) -> str | None:
    r"""The letter of a last line that names one, as in "... so we get\n(B)", and is not one of a list."""
    before, found, line = text.strip().rpartition("\n")
    is_item = _LISTED.match(line) and not _ALONE.match(without_markdown(line))
    if not found or (is_item and (_LISTED.search(before) or line.lstrip("(*$` ")[:1].islower())):
        return None
    return choice_in_content(line, policy)


def single_blanks(text: str) -> str:
    """A text with no empty line and one blank where several stood: no pattern has many ways over it."""
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def plain_lines(text: str) -> str:
    r"""A text without ``\text{}`` and dollars, its lines kept."""
    return "\n".join(plain(line) if "\\" in line or "$" in line else line for line in text.split("\n"))


def _letter(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group)


def _counted(letter: str, policy: Policy) -> str | None:
    return letter.upper() if letter.isupper() or policy.choices == "any" else None
