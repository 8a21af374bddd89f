"""``lorr-bench`` as users type it: in a process of its own, in one that imported before or, where only words and files
count, in this one."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

from warm_process import run_warm

from lorr_bench.cli import main

ROOT = Path(__file__).parents[1]
SMOKE = ROOT / "suites" / "smoke.yaml"
COLUMNS = "160"


def command(*arguments):
    return [sys.executable, "-m", "lorr_bench.cli", *map(str, arguments)]


def lorr_bench(*arguments, cwd=ROOT, **environment):
    """A process of its own."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        check=False,
        text=True,
        cwd=cwd,
        timeout=600,
        env={**os.environ, "COLUMNS": COLUMNS, **environment},
    )


def lorr_bench_warm(*arguments, cwd=ROOT, timeout=600, **environment):
    """The same, in a process that has the large libraries already, as have its workers."""
    variables = {**os.environ, "COLUMNS": COLUMNS, **environment}
    return run_warm("-m", "lorr_bench.cli", *arguments, cwd=cwd, environment=variables, timeout=timeout)


def lorr_bench_here(*arguments, cwd=ROOT, **environment):
    """The same in this process, which has imported what a new one would take seconds for."""
    words = ["lorr-bench", *map(str, arguments)]
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    out, errors = io.StringIO(), io.StringIO()
    try:
        with (
            contextlib.chdir(cwd),
            patch.dict(os.environ, {"COLUMNS": COLUMNS, **environment}),
            patch.object(sys, "argv", words),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            main()
    except SystemExit as ended:
        return subprocess.CompletedProcess(words, ended.code, out.getvalue(), errors.getvalue())
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def logs(output):
    """The ends of the logs of a run."""
    return "".join(path.read_text("utf-8")[-3000:] for path in sorted((output / "logs").glob("*/*.log")))
