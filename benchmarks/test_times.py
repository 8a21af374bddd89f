"""Processor seconds of the tests: ``python benchmarks/test_times.py [PYTEST ARGUMENTS]``.

Runs pytest in this process, and prints the files that cost most, then the tests. A test costs what this
process and those that it started and waited for took while it ran, fixtures included; what several tests
share counts for the first, and the imports of ``tests/warm_process.py`` for none. Processor seconds rather
than the clock's, so that other work on the machine shows little. ``tests/report`` measures a room,
``-m 'not slow'`` what ``make test-fast`` runs.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Final

import pytest

LINES: Final = 25
ROOT: Final = Path(__file__).parents[1]


class Stopwatch:
    """A plugin of pytest.

    Attributes:
        seconds: Processor seconds by name of the test.
        collection_seconds: What importing all test files took.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.collection_seconds = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Measure the imports."""
        before = processor_seconds()
        found = yield
        self.collection_seconds = processor_seconds() - before
        return found

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Measure a test."""
        before = processor_seconds()
        done = yield
        self.seconds[item.nodeid] = processor_seconds() - before
        return done


def processor_seconds() -> float:
    """Of this process and of those that it waited for."""
    return sum(os.times()[:4])


def by_file(seconds: Mapping[str, float]) -> Counter[str]:
    """The sum of each test file."""
    files: Counter[str] = Counter()
    for name, spent in seconds.items():
        files[name.partition("::")[0]] += spent  # type: ignore[assignment]  # a Counter adds any number
    return files


def show(title: str, spent: Mapping[str, float]) -> None:
    """Print the costliest."""
    print(f"\n{title}")
    for name, seconds in Counter(spent).most_common(LINES):
        print(f"{seconds:8.1f} s  {name}")


def main() -> None:
    """Run pytest and print; exits as pytest does."""
    os.chdir(ROOT)
    watch = Stopwatch()
    code = pytest.main(sys.argv[1:], plugins=[watch])
    show("Files", by_file(watch.seconds))
    show("Tests", watch.seconds)
    total = sum(watch.seconds.values())
    print(f"\n{total:.1f} s in {len(watch.seconds)} tests, {watch.collection_seconds:.1f} s to collect them")
    sys.exit(code)


if __name__ == "__main__":
    main()
