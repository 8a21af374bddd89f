"""What a text gives as its answer, and what a gold answer written as a solution gives."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from lorr_bench.grade.extraction.boxes import boxed_answer, filled_boxes, in_usual_frames, is_placeholder
from lorr_bench.grade.extraction.choices import choice_in_text, gold_choice, names_choices
from lorr_bench.grade.extraction.headings import behind_heading, marked_answer
from lorr_bench.grade.extraction.passages import passage
from lorr_bench.grade.extraction.statements import (
    MAX_BARE,
    bare_line,
    denies_an_answer,
    last_value,
    last_words,
    result_of_derivation,
    stated,
)
from lorr_bench.grade.notation.tidy import plain, without_markdown
from lorr_bench.grade.notation.words import is_words
from lorr_bench.grade.policy import Policy

MAX_GOLD_CHARS: Final = 20_000
SHORT_WORDS: Final = 60
"""Characters of a text that is words alone."""
_VERB: Final = re.compile(
    r"\b(?:is|are|was|were|has|have|had|gets?|takes?|costs?|we|so|there)\b", re.IGNORECASE
)
_EMPTY_BOX: Final = re.compile(r"\\boxed\s?\{[^{}]*\}|\\boxed(?![a-zA-Z{])")


class Found(NamedTuple):
    """An answer in a text.

    Attributes:
        content: The answer as written; None where none was found.
        rule: Where it was found.
    """

    content: str | None
    rule: str


@lru_cache(maxsize=1024)
def gold_answer(gold: str) -> str:
    """The gold answer itself, where it is written as a solution with boxes; else as it is."""
    text = in_usual_frames(gold[-MAX_GOLD_CHARS:])
    if boxes := filled_boxes(text):
        return boxed_answer(text, boxes, parts=True)
    if "####" in text and (marked := marked_answer(text)) is not None:
        return marked
    return result_of_derivation(gold)


def is_boxed(answer: str) -> bool:
    """Whether an answer is given in a box that holds something."""
    return bool(filled_boxes(in_usual_frames(answer)))


def find_answer(gold: str, answer: str, policy: Policy) -> Found:
    r"""The answer that a text gives.

    In this order: the last filled ``\boxed{}``, with the boxes that are parts of one list with it, unless a
    letter is asked for, the box holds a value, and the text behind it names a choice; the line behind
    ``####``; "the answer is ..."; a text or last line that is nothing but an answer; the last value.

    Args:
        gold: The gold answer, which says whether a letter, words or mathematics are looked for.
        answer: All that was written.
        policy: The options.
    """
    part = passage(answer, policy.max_chars)
    text = in_usual_frames(part.text)
    if boxes := filled_boxes(text):
        content = boxed_answer(text, boxes, parts=policy.boxes == "parts")
        behind = text[boxes[-1].end :]
        if gold_choice(gold) and not names_choices(content) and (letter := choice_in_text(behind, policy)):
            return Found(letter, "choice named behind a box")
        return Found(result_of_derivation(content), "box")
    if "####" in text:
        if (marked := marked_answer(text)) is not None:
            return Found(marked or None, "line behind ####")
        text = behind_heading(text)
    spoken_of = r"\boxed" in text
    if spoken_of:
        text = _EMPTY_BOX.sub("", text)
    if part.is_tagged and not gold_choice(gold) and (alone := _alone(text)):
        return Found(alone, "the tag for the answer")
    return _in_text(gold, text, policy, statements_only=spoken_of)


def _alone(text: str) -> str | None:
    """What a tag holds, where that is an answer and no sentence."""
    bare = without_markdown(text.strip()).removesuffix(".")
    is_sentence = "\n" in bare or len(bare) > MAX_BARE or stated(text, words=False) or _VERB.search(bare)
    return None if is_sentence else bare


def _in_text(gold: str, text: str, policy: Policy, *, statements_only: bool) -> Found:
    """The answer of a text without a box or mark, by what the gold answer is."""
    if len(text) < MAX_BARE and (bare := plain(text)) and bare.casefold() == plain(gold).casefold():
        return Found(bare, "the whole text")
    if gold_choice(gold):
        return Found(choice_in_text(text, policy), "choice named in the text")
    if is_words(gold):
        return _words_in_text(text)
    return _value_in_text(text, statements_only=statements_only)


def _value_in_text(text: str, *, statements_only: bool) -> Found:
    """The value that a text states, is, or comes to last."""
    statement = stated(text, words=False)
    if statement is not None and not is_placeholder(statement):
        return Found(statement, "statement of the answer")
    if statements_only:
        return Found(None, "a box that is spoken of")
    if statement is None and denies_an_answer(text):
        return Found(None, "an answer that is denied")
    line = bare_line(text)
    return (
        Found(last_value(text), "last value")
        if line is None
        else Found(line, "a line that is only an answer")
    )


def _words_in_text(text: str) -> Found:
    """The words that a text states, or is, or ends in."""
    if (statement := stated(text, words=True)) is not None and not is_placeholder(statement):
        return Found(statement, "statement of the answer")
    bare = without_markdown(text.strip())
    if len(bare) < SHORT_WORDS and plain(bare) and " is " not in bare:
        return Found(bare, "the whole text")
    return Found(last_words(text), "end of the last sentence")
