"""Answers to questions with lettered choices."""

from __future__ import annotations

import re
from typing import Final

from lorr_bench.grade.extraction.statements import stated
from lorr_bench.grade.notation.languages import CHINESE_COPULAS, CHOICE_VERBS, CHOICE_WORDS, COLONS
from lorr_bench.grade.notation.tidy import plain, tidy, without_markdown
from lorr_bench.grade.policy import Policy

_GOLD: Final = re.compile(r"\(?([A-J])\)?\Z")
_BLANKS: Final = re.compile(r"[^\S\n]+")
_NEW_LINES: Final = re.compile(r"\n\s*")
_WORD: Final = "|".join(sorted(CHOICE_WORDS, key=len, reverse=True))
_LABEL: Final = re.compile(
    rf"(?:the )?(?:correct |final )?(?:{_WORD})s?(?: is)? ?:? ?(?=[(A-Ja-j])", re.IGNORECASE
)
_ALONE: Final = re.compile(r"\(?([A-Ja-j])\)?[.:]?\Z")
_WITH_TEXT: Final = re.compile(r"(?:\(([A-Ja-j])\)|([A-Ja-j])[.):]|([A-J]) ?(?:[-=]|\())\s*\S")
_SEVERAL: Final = re.compile(r"\(?[A-J]\)?\s*(?:,|;|&|/|and|or)\s*\(?[A-J](?:\)|[^A-Za-z]|\Z)")
_BEHIND: Final = re.compile(r"\S.*\(([A-J])\)\Z")
# A and I are words too: as a letter one of them stands at the end of a clause or before a verb.
_ENDS: Final = (
    r"(?=[*$`]*\s*(?:[.,:;)\n]|\Z)|[*$`]* (?:is|was|because|since|as|which|and|not|for|with|must|\()\b)"
)
_LETTER: Final = rf"(?:\(([A-J])\)|([A-J]){_ENDS}|([B-HJ])\b)"
_TOLD: Final = re.compile(rf"[*$` ]*{_LETTER}")
_JUDGED: Final = re.compile(
    rf"(?:\b(?i:{_WORD}) )?(?<![A-Za-z])(?:\(([A-J])\)|([A-J]))[*$`]* (?:is|must be|would be)"
    r" (?:the )?(?:only )?(?:correct|right|best|true|answer)"
)
_MODAL: Final = r"(?: is|:| would be| must be| should be)?"
_PICKED: Final = re.compile(
    rf"(?:(?i:\b(?:{_WORD}|choose|chose|select|pick|go with){_MODAL})"
    rf"|(?:{'|'.join(CHOICE_VERBS)})(?:{'|'.join(CHINESE_COPULAS)})?[{COLONS}]?)[*$` ]*{_LETTER}"
)


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
    for pattern in (_ALONE, _WITH_TEXT, _BEHIND):
        if match := pattern.match(bare):
            return _counted(_letter(match), policy)
    return None


def choice_in_text(text: str, policy: Policy) -> str | None:
    """The letter that a text names: as its answer, else as the right choice, else last of all.

    Args:
        text: A text without a box.
        policy: Which ways of naming count.
    """
    text = _NEW_LINES.sub(
        "\n", _BLANKS.sub(" ", plain_lines(text))
    )  # no pattern can go over blanks in many ways
    bare = without_markdown(text.strip())
    if len(bare) < 100 and (letter := choice_in_content(bare, policy)):
        return letter
    statement = stated(text, words=True)
    if statement is not None and _SEVERAL.match(plain(statement)):
        return None
    if statement is not None and (match := _TOLD.match(statement)):
        return _letter(match)
    if statement is not None and (letter := choice_in_content(statement, policy)):
        return letter
    for pattern in (_JUDGED, _PICKED):
        if found := list(pattern.finditer(text)):
            return _letter(found[-1])
    return _last_of_lines(text, policy)


def _last_of_lines(text: str, policy: Policy) -> str | None:
    r"""A last line that is nothing but a letter: "... so we get\n(B)"."""
    return choice_in_content(text.strip().rpartition("\n")[2], policy) if "\n" in text.strip() else None


def plain_lines(text: str) -> str:
    r"""A text without ``\text{}`` and dollars, its lines kept."""
    return "\n".join(plain(line) if "\\" in line or "$" in line else line for line in text.split("\n"))


def _letter(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group)


def _counted(letter: str, policy: Policy) -> str | None:
    return letter.upper() if letter.isupper() or policy.choices == "any" else None
