"""Words around an answer that say it is not the answer."""

from __future__ import annotations

import re
from typing import Final

from lorr_bench.grade.notation.languages import APPROVALS, CHOICE_WORDS, DENIALS, NEGATIONS

_BE: Final = "is|are|was|were|would be|does|do|did|can|could|should|may|seems|ist|est|es"
_ADVERBS: Final = "also|clearly|therefore|thus|only|obviously|actually|simply|still|however|just|of course"
_MARKS: Final = r"[)*$`\\\]}]*"
_NEGATED: Final = f"(?:{'|'.join(NEGATIONS)})"
_IS: Final = rf"(?:{_BE})(?: (?:{_ADVERBS}))? ?"
_CONTRAST: Final = "(?:but |though |although )?(?:which |that |it |this )?"
DENIED: Final = (
    rf"{_MARKS}[,;]? ?{_CONTRAST}{_IS}(?:(?:{'|'.join(DENIALS)})(?![A-Za-z])"
    rf"|{_NEGATED}(?: (?:the |an? )?(?:{'|'.join(APPROVALS)})(?![A-Za-z])|[.,;!\n]|\Z))"
)
"""What may stand behind an answer: "is incorrect", ", but it is not right"."""
_DENIED: Final = re.compile(DENIED)
_DENIED_CHOICE: Final = re.compile(rf"{DENIED}|{_MARKS} ?{_IS}{_NEGATED}(?![A-Za-z])")
_NOT: Final = r"(?:\b(?:not|never|cannot be)|n't(?: be)?)"
_DENYING: Final = re.compile(rf"{_NOT}(?: the)?[(*$`\\ ]*\Z", re.IGNORECASE)
_PASSED_OVER: Final = re.compile(
    rf"(?:{_NOT}|\b(?:nor|neither|than|unlike|except|eliminates?|rejects?))(?: be)?(?: the)?"
    rf"(?: (?:{'|'.join(CHOICE_WORDS)}))?[(*$` ]*\Z",
    re.IGNORECASE,
)
_LOOKED_AT: Final = 30


def denied_behind(text: str, end: int, *, choice: bool = False) -> bool:
    """Whether what follows ``end`` denies what stands before it.

    Args:
        text: The text.
        end: Where the answer ends.
        choice: Whether it is an option: "(B) does not fit" denies it, "7, which is not even" denies no value.
    """
    return (_DENIED_CHOICE if choice else _DENIED).match(text, end) is not None


def denied_before(text: str, start: int, *, choice: bool = False) -> bool:
    """Whether what stands before ``start`` denies what follows it.

    Args:
        text: The text.
        start: Where the answer begins.
        choice: Whether it is an option, which may be passed over too ("rather than option C").
    """
    before = text[max(0, start - _LOOKED_AT) : start]
    return (_PASSED_OVER if choice else _DENYING).search(before) is not None
