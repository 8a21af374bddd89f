"""The smoke suite, run by the command that users type."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SMOKE = ROOT / "suites" / "smoke.yaml"


def command(output, *arguments, suite=SMOKE):
    return [sys.executable, "-m", "lorr_bench.cli", "run", str(suite), "-o", str(output), *arguments]


def run(output, *arguments, suite=SMOKE, **environment):
    return subprocess.run(
        command(output, *arguments, suite=suite),
        capture_output=True,
        check=False,
        text=True,
        cwd=ROOT,
        timeout=600,
        env={**os.environ, **environment},
    )


def logs(output):
    return "".join(path.read_text("utf-8")[-3000:] for path in sorted((output / "logs").glob("*/*.log")))
