"""Throw faulty suites, data files and stores at what reads them: ``python benchmarks/fuzz.py --cases 10000``.

The surfaces are those of tests/fuzz, which share the cases evenly. A surface fails where anything but our own
errors comes out, or one of them that does not say what is wrong, where, and what to do. The smallest case
that hypothesis finds is printed below the table; the exit code is 1 where one failed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fuzz"))

from surfaces import Surface, attempt, surfaces

PHASES = (Phase.generate, Phase.shrink)


@dataclass(frozen=True)
class Outcome:
    """What came of a surface.

    Attributes:
        name: Of the surface.
        cases: How many were read.
        seconds: How long it took.
        failure: Traceback of the smallest failing case; empty where none failed.
    """

    name: str
    cases: int
    seconds: float
    failure: str


def throw(surface: Surface, cases: int, number: int, folder: Path) -> Outcome:
    """Throw so many cases at a surface, drawn by a seed."""
    read = 0

    @seed(number)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=surface.cases)
    def holds(case: Any) -> None:
        nonlocal read
        read += 1
        attempt(surface, case, folder / "case")

    started = time.perf_counter()
    failure = ""
    try:
        holds()
    except Exception:  # noqa: BLE001 - whatever came out is the finding
        failure = traceback.format_exc()
    return Outcome(surface.name, read, time.perf_counter() - started, failure)


def main() -> int:
    """Print one line a surface, then what failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000, help="cases in all, shared evenly")
    parser.add_argument("--seed", type=int, default=0, help="draws the cases")
    parser.add_argument("--only", default="", help="surfaces whose name contains this")
    arguments = parser.parse_args()
    chosen = [surface for surface in surfaces() if arguments.only in surface.name]
    each = -(-arguments.cases // len(chosen))
    outcomes = []
    print("| surface | cases | seconds | failures |\n|:--|--:|--:|--:|")
    for surface in chosen:
        with tempfile.TemporaryDirectory(prefix="lorr-bench-fuzz-") as name:
            outcome = throw(surface, each, arguments.seed, Path(name))
        outcomes.append(outcome)
        failures = int(bool(outcome.failure))
        print(f"| {outcome.name} | {outcome.cases:,} | {outcome.seconds:.1f} | {failures} |", flush=True)
    total = sum(outcome.seconds for outcome in outcomes)
    failed = [outcome for outcome in outcomes if outcome.failure]
    print(f"| all | {sum(outcome.cases for outcome in outcomes):,} | {total:.1f} | {len(failed)} |")
    for outcome in failed:
        print(f"\n{outcome.name}\n{outcome.failure[-3000:]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
