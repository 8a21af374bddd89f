"""Seconds until `lorr-bench run` says what is wrong: ``python benchmarks/first_error.py``.

The inputs are those of tests/checks/wrong_inputs.py, each a suite that is wrong in one thing, with a start
model, prompts and pairs beside it. Printed are seconds of the clock and of the processor, from the command's
start to its end, whether a stage had begun, and the first line of the error. The exit code is 1 where a stage
had begun or the command did not fail by itself.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "checks"))

from wrong_inputs import WRONG_INPUTS, WrongInput

REFUSED: Final = (2, 3, 4, 5)
"""Exit codes of errors that the user can mend; 1 is a run with stages that failed."""


@dataclass(frozen=True)
class Refusal:
    """What came of a wrong input.

    Attributes:
        name: What was wrong.
        clock_seconds: From the start of the command to its end.
        processor_seconds: Of all its processes.
        begun: Whether a stage had begun.
        refused: Whether the command said that the input is wrong.
        said: First line of the error.
    """

    name: str
    clock_seconds: float
    processor_seconds: float
    begun: bool
    refused: bool
    said: str


def run(wrong: WrongInput, folder: Path, seconds: float) -> Refusal:
    """Run a wrong suite as its writer would.

    Args:
        wrong: The input.
        folder: A new one for suite, model, rows and results.
        seconds: After which the command is ended.
    """
    suite = wrong.write(folder)
    before, started = children_seconds(), time.perf_counter()
    command = [sys.executable, "-m", "lorr_bench.cli", "run", suite.name, "-o", "out"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        text=True,
        cwd=folder,
        timeout=seconds,
        env=environment,
    )
    clock = time.perf_counter() - started
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return Refusal(
        name=wrong.name,
        clock_seconds=clock,
        processor_seconds=children_seconds() - before,
        begun=(folder / "out" / "logs").exists() or (folder / "out" / "store").exists(),
        refused=done.returncode in REFUSED and bool(said),
        said=(said or done.stderr.splitlines()[-1:] or [""])[0].removeprefix("error: "),
    )


def children_seconds() -> float:
    """Processor seconds of the processes that were started and waited for."""
    times = os.times()
    return times.children_user + times.children_system


def main() -> int:
    """Print one line an input."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="inputs whose name contains this")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds a command may take")
    arguments = parser.parse_args()
    bad = False
    print("| input | clock, s | processor, s | a stage had begun | error |\n|:--|--:|--:|:--|:--|")
    for wrong in WRONG_INPUTS:
        if arguments.only not in wrong.name:
            continue
        with tempfile.TemporaryDirectory(prefix="lorr-bench-first-error-") as name:
            found = run(wrong, Path(name) / "user", arguments.timeout)
            said = found.said.replace(f"{name}/user/", "").replace("|", "\\|")
        bad |= found.begun or not found.refused
        seconds = f"{found.clock_seconds:.1f} | {found.processor_seconds:.1f}"
        print(f"| {wrong.name} | {seconds} | {'yes' if found.begun else 'no'} | {said} |", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
