r"""Answers in ``\boxed{...}``."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from lorr_bench.grade.extraction.denials import denied_behind
from lorr_bench.grade.notation.languages import CONNECTIVES, PLACEHOLDERS, SHORT_CONNECTIVES, TURNS
from lorr_bench.grade.notation.tidy import plain

BOX: Final = r"\boxed{"
MAX_BETWEEN: Final = 60
"""Characters between two boxes of one list, a few words and a sign."""
_BRACE: Final = re.compile(r"[{}]")
_OTHER_FRAME: Final = re.compile(r"\\(?:boxed\s+|fbox\s*|framebox\s*)\{")
_UNBRACED: Final = re.compile(r"\\boxed\s*(-?[0-9][0-9.,]*[0-9]|-?[0-9]|\\frac\s?\{[^{}]*\}\{[^{}]*\})")
_MARKS: Final = re.compile(r"\$+|\\[()\[\]]|\\(?:quad|qquad|[,;:!])|\*\*|\\text\s?\{([^{}]*)\}")
_JOINTS: Final = "|".join(sorted(map(re.escape, CONNECTIVES | SHORT_CONNECTIVES), key=len, reverse=True))
_NAME: Final = r"\\?[A-Za-z]+(?:_\{?[A-Za-z0-9]+\}?)?\s?(?:=|\\in|:)"
_WORD: Final = r"[A-Za-z']+"
_PARTED: Final = re.compile(
    rf"\s*(?P<before>(?:{_WORD} ){{0,2}})(?P<joint>,|;|&|(?:, ?|; ?)?(?:{_JOINTS}))\s*"
    rf"(?P<after>(?:{_WORD} )?)(?:{_NAME})?\s*",
)
_NEGATED: Final = re.compile(r"\b(?:not|instead of|rather than)[ $]{1,3}(?:\\\(\s?)?\Z", re.IGNORECASE)
_SAME_AGAIN: Final = re.compile(r"\s*(?:=|\\approx)\s*")


class Box(NamedTuple):
    """A box with what it holds.

    Attributes:
        start: Where it begins in the text.
        end: Behind its closing brace.
        content: Between its braces, without spaces around.
    """

    start: int
    end: int
    content: str


def in_usual_frames(text: str) -> str:
    r"""``text`` with ``\boxed{`` for ``\boxed {``, ``\fbox{`` and ``\boxed 4``."""
    if r"\f" in text or r"\boxed" in text:
        text = _OTHER_FRAME.sub(lambda _: BOX, text)
        text = _UNBRACED.sub(lambda found: f"{BOX}{found[1]}}}", text)
    return text


def filled_boxes(text: str) -> list[Box]:
    """The balanced boxes of a text that hold an answer, first to last; not those spoken of or denied."""
    if BOX not in text:
        return []
    closings = _closings(text)
    found: list[Box] = []
    place = text.find(BOX)
    while place >= 0:
        closing = closings.get(place + len(BOX) - 1)
        if closing is not None:
            found.append(Box(place, closing + 1, text[place + len(BOX) : closing].strip()))
        place = text.find(BOX, place + len(BOX))
    return [box for box in found if not is_placeholder(box.content) and not _is_denied(text, box)]


def _is_denied(text: str, box: Box) -> bool:
    return _NEGATED.search(text[: box.start][-20:]) is not None or denied_behind(text, box.end)


def is_placeholder(content: str) -> bool:
    """Whether a box holds nothing, dots, or the word "answer"."""
    return len(content) < 40 and (content in PLACEHOLDERS or plain(content).casefold() in PLACEHOLDERS)


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


def boxed_answer(text: str, boxes: list[Box], *, parts: bool) -> str:
    """What the last box holds, with the boxes before it that are parts of one list with it.

    Args:
        text: The text of the boxes.
        boxes: Its filled boxes, at least one.
        parts: Whether boxes may be parts of one answer.
    """
    last = boxes[-1]
    contents = [last.content]
    first = last
    for box in reversed(boxes[:-1]):
        between = text[box.end : first.start]
        if not (parts and box.end <= first.start and are_parts(between)):
            break
        contents.insert(0, box.content)
        first = box
    return contents[0] if len(set(contents)) == 1 else ", ".join(contents)


def are_parts(between: str) -> bool:
    r"""Whether two boxes with ``between`` them are parts of one list.

    They are, where nothing stands between them but a comma, "and" or "or", a name (``y =``) and a word or two
    (a unit, a noun). They are steps, where a line ends, or a word tells another thought ("so", "wait", "is").
    """
    if len(between) > MAX_BETWEEN or "\n" in between:
        return False
    bare = _MARKS.sub(lambda mark: f" {mark[1]} " if mark[1] else " ", between)
    bare = " ".join(bare.split())
    if not bare:
        return between != ""
    match = _PARTED.fullmatch(f"{bare} " if bare[-1].isalpha() else bare)
    if match is None or _SAME_AGAIN.fullmatch(bare):
        return False
    words = f"{match['before']} {match['after']}".lower().split()
    return not any(word in TURNS for word in words)
