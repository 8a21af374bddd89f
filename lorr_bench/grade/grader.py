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

from lorr_bench.grade.compare.comparison import Comparison
from lorr_bench.grade.compare.forms import read_form, read_gold
from lorr_bench.grade.extraction.choices import choice_in_content, gold_choice
from lorr_bench.grade.extraction.finding import find_answer, gold_answer
from lorr_bench.grade.notation.tidy import plain
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.process import Finding, Judge, Question
from lorr_bench.values import Verdict

CACHE_ENTRIES: Final = 200_000  # some 60 MB: texts are kept as digests
SHOWN_CHARS: Final = 200
DEFAULT_POLICY: Final = Policy()
EXACT_CHARS: Final = 300  # longer answers are read in a process that can be killed
_INTEGER: Final = re.compile(r"(?:0|-?[1-9][0-9]{0,14})\Z")

_Key = bytes
_Item = tuple[str, str | None]
"""A gold answer and what was found in an answer."""


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
        found = [_found_in(gold, answer, policy) for gold, answer in items]
        version = policy.version
        keys = [_key(gold, content, version) for gold, content in found]
        with self._lock:
            unknown = {
                key: item for key, item in zip(keys, found, strict=True) if not self._known(key, item, policy)
            }
            timed = self._ask(unknown, policy)
            # The seconds of a question belong to its first verdict; what is remembered took none.
            verdicts = [timed.pop(key, self._cache[key]) for key in keys]
            self._trim()
        return verdicts

    def _known(self, key: _Key, item: _Item, policy: Policy) -> bool:
        """Whether the cache holds the verdict, where it can be had without a worker put there now."""
        if key not in self._cache and (verdict := exact_verdict(*item, policy)):
            self._cache[key] = verdict
        return key in self._cache

    def _ask(self, unknown: dict[_Key, _Item], policy: Policy) -> dict[_Key, Verdict]:
        findings = self._judge.ask([_question(*item, policy) for item in unknown.values()])
        timed = {
            key: _verdict(content, finding)
            for (key, (_, content)), finding in zip(unknown.items(), findings, strict=True)
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


def _found_in(gold: str, answer: str, policy: Policy) -> _Item:
    """The gold answer itself, and what an answer gives."""
    if len(gold) > SHOWN_CHARS or "\\" in gold or "#" in gold:
        gold = gold_answer(gold)
    return gold, find_answer(gold, answer, policy).content


def _key(gold: str, content: str | None, version: str) -> _Key:
    text = f"{len(gold)} {gold}{'' if content is None else '='}{content or ''}{version}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def exact_verdict(gold: str, content: str | None, policy: Policy) -> Verdict | None:
    """The verdict where it needs no worker; None where it does.

    Args:
        gold: The gold answer.
        content: What was found in an answer.
        policy: The options.
    """
    if content is None or not content.strip() or not gold.strip():
        return _found("no_answer", None)
    answer, right = plain(content), plain(gold)
    if answer == right:
        return _found("equal", answer)
    if (letter := gold_choice(gold)) is not None:
        given = choice_in_content(content, policy)
        return _found("equal" if given == letter else "different", given or content)
    if _INTEGER.match(answer) and _INTEGER.match(right) and not policy.tolerance:
        return _found("different", content)
    return _form_verdict(gold, content, policy)


def _found(reason: str, extracted: str | None) -> Verdict:
    return Verdict(reason == "equal", _writable(extracted), reason)


def _form_verdict(gold: str, content: str, policy: Policy) -> Verdict | None:
    if len(gold) > EXACT_CHARS or len(content) > EXACT_CHARS:
        return None
    try:
        equal = Comparison(policy, _needs_algebra).same(read_gold(gold), read_form(content))
    except (_AlgebraNeededError, ArithmeticError, RecursionError, TypeError, ValueError):
        return None  # what no test foresaw is asked where it ends one process, and has a verdict for that
    return _found("equal" if equal else "different", content)


def _needs_algebra(gold: str, answer: str) -> bool:
    raise _AlgebraNeededError(gold, answer)


def _question(gold: str, content: str | None, policy: Policy) -> Question:
    return Question(gold, content or "", policy)


def _verdict(content: str | None, finding: Finding) -> Verdict:
    extracted = None if finding.extracted is None else _writable(content or finding.extracted)
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

    What decides: where the answer holds a balanced ``\boxed{...}`` that the text does not deny, its last box
    (with boxes close before it that are one list with it), or the letter named behind it where a letter is
    asked for and the box holds none; else what follows the last ``####``; else what the text states, comes to
    or ends in. What else comes before or after the last box is not read, "final answer is 12" included.

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
