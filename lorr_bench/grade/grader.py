"""Grade answers with Math-Verify: a cache in front of one killable worker process."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from lorr_bench.grade.process import Finding, Judge, Question
from lorr_bench.grade.segment import box_content, final_segment, is_integer, is_readable, plain
from lorr_bench.plan.stage import GRADING_VERSION
from lorr_bench.values import Verdict

CACHE_ENTRIES: Final = 200_000
SHOWN_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Policy:
    """How answers are graded.

    Attributes:
        timeout_seconds: Processor time for one answer; beyond it the answer counts as wrong, with the reason
            ``timeout``. On a busy machine that may be up to three times as long on the clock.
        max_chars: What is looked at: the tail of a longer answer.
    """

    timeout_seconds: float = 5.0
    max_chars: int = 20_000

    def __post_init__(self) -> None:
        """Refuse limits that would grade nothing.

        Raises:
            ValueError: A limit is not positive.
        """
        if self.timeout_seconds <= 0 or self.max_chars <= 0:
            raise ValueError("timeout_seconds and max_chars must be positive")

    @property
    def version(self) -> str:
        """Everything a verdict depends on besides gold and answer, for digests and records."""
        try:
            installed = version("math-verify")
        except PackageNotFoundError:
            installed = "none"
        return (
            f"math-verify {installed}, grading {GRADING_VERSION}, "
            f"{self.timeout_seconds:g} s, {self.max_chars} characters"
        )


_Key = tuple[str, str, float]


class Grader:
    """The cache and the worker of one process; ``grade_many`` uses a shared one."""

    def __init__(self) -> None:
        self._cache: dict[_Key, Verdict] = {}
        self._judge = Judge()
        self._lock = threading.Lock()

    @property
    def worker_pid(self) -> int | None:
        """Process id of the running worker, if there is one."""
        return self._judge.worker_pid

    def grade_many(self, items: Sequence[tuple[str, str]], policy: Policy) -> list[Verdict]:
        """See the function ``grade_many``."""
        keys = [
            (gold, final_segment(answer[-policy.max_chars :]), policy.timeout_seconds)
            for gold, answer in items
        ]
        with self._lock:
            timed = self._ask([key for key in dict.fromkeys(keys) if not self._known(key)])
            # The seconds of a question belong to its first verdict; what is remembered took none.
            verdicts = [timed.pop(key, self._cache[key]) for key in keys]
            self._trim()
        return verdicts

    def _known(self, key: _Key) -> bool:
        """Whether the cache holds the verdict, where it can be had without the worker put there now."""
        if key not in self._cache and (verdict := _without_worker(key[0], key[1])):
            self._cache[key] = verdict
        return key in self._cache

    def _ask(self, keys: list[_Key]) -> dict[_Key, Verdict]:
        findings = self._judge.ask([Question(*key) for key in keys])
        timed = {key: _verdict(key[1], finding) for key, finding in zip(keys, findings, strict=True)}
        self._cache.update({key: replace(verdict, seconds=0.0) for key, verdict in timed.items()})
        return timed

    def _trim(self) -> None:
        """Forget the oldest entries."""
        for _ in range(len(self._cache) - CACHE_ENTRIES):
            del self._cache[next(iter(self._cache))]

    def close(self) -> None:
        """End the worker; the cache stays."""
        with self._lock:
            self._judge.close()

    def after_fork(self) -> None:
        """In a forked child: the worker is the parent's, and the lock may be held by a thread not here."""
        self._lock = threading.Lock()
        self._judge.abandon()


def _without_worker(gold: str, segment: str) -> Verdict | None:
    """The verdict where it needs no algebra: same text, two integers, or nothing to read."""
    content = box_content(segment)
    answer, right = plain(segment if content is None else content), plain(gold)
    if answer and answer == right:
        return Verdict(correct=True, extracted=answer[:SHOWN_CHARS], reason="equal")
    if content is not None and is_integer(content) and is_integer(gold.strip()):
        return Verdict(correct=False, extracted=content, reason="different")
    if not is_readable(segment) and not right.strip("()").isalpha():
        return Verdict(correct=False, extracted=None, reason="no_answer")
    return None


def _verdict(segment: str, finding: Finding) -> Verdict:
    extracted = finding.extracted
    if extracted is not None:
        as_written = box_content(segment) or extracted
        # Lone surrogates, which a damaged answer may hold, can't be written to a file later.
        extracted = as_written[:SHOWN_CHARS].encode("utf-8", "replace").decode()
    return Verdict(finding.reason == "equal", extracted, finding.reason, finding.seconds)


_SHARED: Final = Grader()
atexit.register(_SHARED.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_SHARED.after_fork)


def grade_many(items: Sequence[tuple[str, str]], *, policy: Policy = Policy()) -> list[Verdict]:
    r"""Grade answers against gold answers with Math-Verify.

    What decides: where the answer holds a balanced ``\boxed{...}``, its last box (with boxes close before it,
    which Math-Verify reads as a list), else the whole answer. The verdict is Math-Verify's on the whole text,
    with these exceptions, each on purpose:

    - text after the last box is not read, a later "final answer is 12" or percent sign included;
    - text before it is not read either: a box that can't be read is not replaced by a number from the steps,
      and "final answer is 12. I hope it is correct", which Math-Verify puts first, does not outdo a box;
    - an answer or box with the same text as the gold answer is equal, also where Math-Verify reads neither;
    - for a gold answer A to J, "answer: C" without a box is read as a choice.

    Math-Verify runs in a process of its own, started when first needed and kept warm. An answer that takes
    too long ends that process, not this one, and gets the reason ``timeout``; one that ends it otherwise
    (memory, stack) gets ``crash``. Verdicts are remembered by gold answer and deciding part. Any thread may
    call.

    Args:
        items: Pairs of gold answer (number, LaTeX or plain text) and answer (a whole worked solution).
        policy: Limits.

    Returns:
        A verdict for each item, in order; ``reason`` is ``equal``, ``different``, ``no_answer``, ``timeout``
        or ``crash``, and ``seconds`` (of the processor) is 0 for what was remembered or needed no algebra.

    Raises:
        MissingPackageError: Math-Verify is not installed.
        StageError: The grading process does not start.
    """
    return _SHARED.grade_many(items, policy)


def close() -> None:
    """End the grading process; the next call that needs one starts another."""
    _SHARED.close()
