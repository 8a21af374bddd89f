"""Grade answers: a cache and an exact path in front of Math-Verify in killable processes."""

from __future__ import annotations

import atexit
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from lorr_bench.grade.choices import given_choice, gold_choice
from lorr_bench.grade.comparison import is_words, same
from lorr_bench.grade.forms import read_form, read_gold
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.process import Finding, Judge, Question
from lorr_bench.grade.segment import BOX, final_content, final_segment, is_integer, is_readable, plain
from lorr_bench.values import Verdict

CACHE_ENTRIES: Final = 200_000  # some 60 MB: texts are kept as digests
SHOWN_CHARS: Final = 200
DEFAULT_POLICY: Final = Policy()
EXACT_CHARS: Final = 200  # longer answers are read in a process that can be killed
_FRAME: Final = re.compile(r"\\f(?:rame)?box\{")
_ENDING: Final = re.compile(r"(?:\b(?:is|are|was|were)|:)\s+(?:an?\s+|the\s+)?([^.:\n]+)\.?\s*\Z")

_Key = bytes


class _AlgebraNeededError(Exception):
    """Two parts can't be compared without Math-Verify."""


class Grader:
    """The cache and the workers of one process; ``grade_many`` uses a shared one.

    Args:
        cores: How many workers at most; by default as many as this process may use.
    """

    def __init__(self, cores: int | None = None) -> None:
        self._cache: dict[_Key, Verdict] = {}
        self._judge = Judge(cores)
        self._lock = threading.Lock()

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the running workers."""
        return self._judge.worker_pids

    def grade_many(self, items: Sequence[tuple[str, str]], policy: Policy) -> list[Verdict]:
        """See the function ``grade_many``."""
        segments = [(gold, _segment(answer, policy)) for gold, answer in items]
        version = policy.version
        keys = [_key(gold, segment, version) for gold, segment in segments]
        with self._lock:
            unknown = {
                key: item
                for key, item in zip(keys, segments, strict=True)
                if not self._known(key, item, policy)
            }
            timed = self._ask(unknown, policy)
            # The seconds of a question belong to its first verdict; what is remembered took none.
            verdicts = [timed.pop(key, self._cache[key]) for key in keys]
            self._trim()
        return verdicts

    def _known(self, key: _Key, item: tuple[str, str], policy: Policy) -> bool:
        """Whether the cache holds the verdict, where it can be had without a worker put there now."""
        if key not in self._cache and (verdict := exact_verdict(*item, policy)):
            self._cache[key] = verdict
        return key in self._cache

    def _ask(self, unknown: dict[_Key, tuple[str, str]], policy: Policy) -> dict[_Key, Verdict]:
        findings = self._judge.ask([_question(*item, policy) for item in unknown.values()])
        timed = {
            key: _verdict(segment, finding)
            for (key, (_, segment)), finding in zip(unknown.items(), findings, strict=True)
        }
        self._cache.update({key: replace(verdict, seconds=0.0) for key, verdict in timed.items()})
        return timed

    def _trim(self) -> None:
        """Forget the oldest entries."""
        for _ in range(len(self._cache) - CACHE_ENTRIES):
            del self._cache[next(iter(self._cache))]

    def close(self) -> None:
        """End the workers; the cache stays."""
        with self._lock:
            self._judge.close()

    def after_fork(self) -> None:
        """In a forked child: the workers are the parent's, and the lock may be held by a thread not here."""
        self._lock = threading.Lock()
        self._judge.abandon()


def _segment(answer: str, policy: Policy) -> str:
    tail = answer[-policy.max_chars :]
    return final_segment(_FRAME.sub(lambda _: BOX, tail) if r"\f" in tail else tail)


def _key(gold: str, segment: str, version: str) -> _Key:
    text = f"{len(gold)} {gold}{segment}{version}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def exact_verdict(gold: str, segment: str, policy: Policy) -> Verdict | None:
    """The verdict where it needs no algebra; None where it does.

    Args:
        gold: The gold answer.
        segment: The part of an answer that decides.
        policy: The options.
    """
    content = final_content(segment)
    answer, right = plain(segment if content is None else content), plain(gold)
    if answer and answer == right:
        return _found("equal", answer)
    if content == "":
        return _found("no_answer", None)
    if (letter := gold_choice(gold)) is not None:
        return _choice_verdict(letter, segment, content, policy)
    if content is None:
        return _text_verdict(gold, segment)
    if is_integer(answer) and is_integer(right) and not policy.tolerance:
        return _found("different", content)
    return _form_verdict(gold, content, policy)


def _found(reason: str, extracted: str | None) -> Verdict:
    return Verdict(reason == "equal", _writable(extracted), reason)


def _choice_verdict(letter: str, segment: str, content: str | None, policy: Policy) -> Verdict:
    given = given_choice(segment if content is None else content, policy, final=content is not None)
    if given is None and content is None:
        return _found("no_answer", None)
    return _found("equal" if given == letter else "different", given or content)


def _text_verdict(gold: str, text: str) -> Verdict | None:
    """A text without a box: if the gold answer is words, its last sentence must end in them."""
    if is_words(gold):
        ending = _ENDING.search(text[-EXACT_CHARS:])
        if ending is None:
            return _found("no_answer", None)
        equal = plain(ending[1]).casefold() == plain(gold).casefold()
        return _found("equal" if equal else "different", ending[1])
    return None if is_readable(text) else _found("no_answer", None)


def _form_verdict(gold: str, content: str, policy: Policy) -> Verdict | None:
    if len(gold) > EXACT_CHARS or len(content) > EXACT_CHARS:
        return None
    try:
        equal = same(read_gold(gold), read_form(content), policy, _needs_algebra)
    except _AlgebraNeededError:
        return None
    return _found("equal" if equal else "different", content)


def _needs_algebra(gold: str, answer: str) -> bool:
    raise _AlgebraNeededError(gold, answer)


def _question(gold: str, segment: str, policy: Policy) -> Question:
    content = final_content(segment)
    return Question(gold, segment if content is None else content, policy, final=content is not None)


def _verdict(segment: str, finding: Finding) -> Verdict:
    extracted = finding.extracted
    if extracted is not None:
        extracted = _writable(final_content(segment) or extracted)
    return Verdict(finding.reason == "equal", extracted, finding.reason, finding.seconds)


def _writable(text: str | None) -> str | None:
    """A short text without lone surrogates, which a damaged answer may hold and no file can."""
    return None if text is None else text[:SHOWN_CHARS].encode("utf-8", "replace").decode()


_SHARED: Final = Grader()
atexit.register(_SHARED.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_SHARED.after_fork)


def grade_many(items: Sequence[tuple[str, str]], *, policy: Policy = DEFAULT_POLICY) -> list[Verdict]:
    r"""Grade answers against gold answers.

    What decides: where the answer holds a balanced ``\boxed{...}``, its last box (with boxes close before it
    that are one list with it); else what follows the last ``####``; else the whole answer, in which
    Math-Verify looks for one. What comes before or after the last box is not read, "final answer is 12"
    included.

    Lists, tuples, intervals, sets and matrices are compared part by part. Numbers, choices, words and texts
    that are the same are judged exactly and at once; the rest by Math-Verify, in processes of its own, one
    per core, started when first needed and kept warm. An answer that takes too long ends its process, not
    this one, and gets the reason ``timeout``; one that ends it otherwise (memory, stack) gets ``crash``.
    Verdicts are remembered by gold answer, deciding part and policy. Any thread may call.

    Args:
        items: Pairs of gold answer (number, LaTeX, choice letter or plain text) and answer (a whole worked
            solution).
        policy: What counts as equal, and limits.

    Returns:
        A verdict for each item, in order; ``reason`` is ``equal``, ``different``, ``no_answer``, ``timeout``
        or ``crash``, and ``seconds`` (of the processor) is 0 for what was remembered or needed no algebra.

    Raises:
        MissingPackageError: Math-Verify is not installed.
        StageError: A grading process does not start.
    """
    return _SHARED.grade_many(items, policy)


def close() -> None:
    """End the grading processes; the next call that needs one starts another."""
    _SHARED.close()
