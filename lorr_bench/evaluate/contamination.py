"""Contamination: which problems of a benchmark share a run of words with the training prompts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

NGRAM: Final = 13
"""Words in a row: the length with which GPT-3's training data were filtered, and the longest of those that
its overlaps with benchmarks were counted with (Brown et al. 2020, arXiv 2005.14165, appendix C)."""

COMMON: Final = 10
"""Runs of words in more training prompts than this are boilerplate and do not count, as with GPT-3."""

_WORD: Final = re.compile(r"[^\W_]+")
_BATCH: Final = 20_000  # training prompts looked at together: bounds memory
_UNKNOWN: Final = 0  # stands for words that no problem has
_END: Final = 2**64 - 1  # stands after each prompt
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # odd, its bits without pattern: the golden ratio times 2**64


def find_overlap(
    training: Sequence[str], problems: Sequence[tuple[str, str]], ngram: int = NGRAM
) -> tuple[str, ...]:
    """Find the problems that share ``ngram`` words in a row with a training prompt.

    Words are runs of letters and digits, in lower case; punctuation, blanks and LaTeX's signs do not count.
    A problem with fewer words matches where all of it occurs in a row; one without words never does. Runs
    that more than ``COMMON`` different prompts have do not count. Rarer turns of phrase do, such as the last
    sentence of many contest problems: the result is where to look, not a proof. Time is linear in the words.

    Args:
        training: The prompts that are trained on, with or without their template.
        problems: Identifier and text of each problem.
        ngram: Words in a row, at least 1.

    Returns:
        Identifiers of the problems that match, in the order given.

    Raises:
        ValueError: ``ngram`` is below 1.
    """
    if ngram < 1:
        raise ValueError(f"ngram must be at least 1, not {ngram}")
    numbers: dict[str, int] = {}
    windows = [set(_windows(_numbered(text, numbers), ngram)) for _, text in problems]
    shared = _shared(training, set(chain.from_iterable(windows)), numbers)
    return tuple(name for (name, _), own in zip(problems, windows, strict=True) if not own.isdisjoint(shared))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _numbered(text: str, numbers: dict[str, int]) -> NDArray[np.uint64]:
    """The words as numbers from 1; new words get the next ones."""
    return np.array([numbers.setdefault(word, len(numbers) + 1) for word in _words(text)], dtype=np.uint64)


def _windows(words: NDArray[np.uint64], ngram: int) -> Iterator[bytes]:
    """All runs of ``ngram`` words, or the one shorter run that all words are."""
    length = min(len(words), ngram)
    if length:
        for start in range(len(words) - length + 1):
            yield words[start : start + length].tobytes()


def _shared(training: Sequence[str], wanted: set[bytes], numbers: dict[str, int]) -> set[bytes]:
    """Those of the wanted windows that a training prompt has."""
    by_length: dict[int, list[bytes]] = {}
    for window in sorted(wanted):
        by_length.setdefault(len(window) // 8, []).append(window)
    hashes = {
        length: _hashes(np.frombuffer(b"".join(windows), np.uint64), length)[::length]
        for length, windows in by_length.items()
    }
    prompts = list(dict.fromkeys(training))
    found: Counter[bytes] = Counter()
    for start in range(0, len(prompts), _BATCH):
        words = _joined(prompts[start : start + _BATCH], numbers)
        prompt_of = np.cumsum(words == _END)
        for length, targets in hashes.items():
            places = np.flatnonzero(np.isin(_hashes(words, length), targets))
            found.update(
                window for _, window in {(prompt_of[i], words[i : i + length].tobytes()) for i in places}
            )
    # A hash only says where to look: equal windows decide.
    return {window for window in wanted if 0 < found[window] <= COMMON}


def _joined(prompts: Sequence[str], numbers: dict[str, int]) -> NDArray[np.uint64]:
    """The words of all prompts as numbers, a mark after each prompt."""
    words = chain.from_iterable(
        chain((numbers.get(word, _UNKNOWN) for word in _words(prompt)), (_END,)) for prompt in prompts
    )
    return np.fromiter(words, dtype=np.uint64)


def _hashes(words: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """One number for each window, modulo 2**64."""
    count = max(len(words) - length + 1, 0)
    found = np.zeros(count, dtype=np.uint64)
    for offset in range(length):
        found = found * _FACTOR + words[offset : offset + count]
    return found
