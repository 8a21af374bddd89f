"""From the embedded model to the report: `lorr-bench run` of the smoke suite as a user types it, on the GPU.

All stages have to be done and the report written. The start model answers all 1,000 problems, so that its
greedy score stands beside the one that was published from a CPU, and its greedy answers have to be the
argmax of transformers in float32 (`tests/witness/greedy.py`). `--quickstart` runs that suite afterwards;
`--toy` leaves the smoke suite as it is.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from script import Options, WrongError, run

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "witness"))

from greedy import Greedy, greedy_answers, model_of, stages  # noqa: E402

PUBLISHED: Final = ROOT / "results" / "published" / "quickstart" / "comparison.csv"
WHOLE: Final = ("--set", "evaluation.math.0.limit=1000")
ALLOWED_POINTS: Final = 0.01
"""Of the score, between a CPU and a GPU: sums in another order turn near ties."""
OWN_SHARE: Final = 0.99
QUICKSTART: Final = "--quickstart" in sys.argv


def measure(options: Options) -> str:
    """The smoke suite, and the quickstart where it was asked for."""
    suites = {"smoke": () if options.toy else WHOLE}
    if QUICKSTART:
        suites["quickstart"] = ()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, more in suites.items():
            output = Path(folder) / name
            _run(name, output, more)
            found.append(f"{name}: {look_at(output, whole=not options.toy)}")
    return "; ".join(found)


def _run(name: str, output: Path, more: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "lorr_bench.cli", "run", name, "-o", str(output), *more]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, check=False, env=environment)
    if done.returncode:
        print(_logs(output), flush=True)
        raise WrongError(f"`lorr-bench run {name}` ended with {done.returncode}, as said above")


def _logs(output: Path) -> str:
    return "\n".join(
        f"== {path.name}\n{path.read_text('utf-8')[-1500:]}" for path in sorted(output.glob("logs/*/*.log"))
    )


def look_at(output: Path, *, whole: bool) -> str:
    """What a finished run came to.

    Args:
        output: Its folder.
        whole: Whether the start model answered all problems, so that the published score is its own.

    Raises:
        WrongError: A stage or the report is missing, or the start model did not answer as it does elsewhere.
    """
    ran = json.loads((output / "run.json").read_text("utf-8"))
    if ran["failed"] or ran["halted"]:
        raise WrongError(f"stages failed: {ran['failed']} {ran['halted']}")
    if not (output / "report" / "report.html").exists():
        raise WrongError("there is no report")
    score, own = start_score(output / "report" / "comparison.csv"), _own_share(output / "store")
    if own < OWN_SHARE:
        raise WrongError(f"{own:.1%} of the start model's greedy answers are the argmax of transformers")
    compared = ""
    if whole:
        published = start_score(PUBLISHED)
        compared = f", published from a CPU {published:.3f}"
        if abs(score - published) > ALLOWED_POINTS:
            raise WrongError(f"the start model's greedy score is {score:.3f}{compared}")
    return (
        f"{ran['ran']} stages in {ran['wall_seconds']:.0f} s ({_seconds(ran)}), {ran['retried']} begun "
        f"again; start model greedy {score:.3f}{compared}, {own:.1%} of its answers the argmax of "
        "transformers"
    )


def _seconds(ran: dict[str, Any]) -> str:
    return ", ".join(f"{kind} {seconds:.1f}" for kind, seconds in ran["stage_seconds"].items())


def start_score(comparison: Path) -> float:
    """The greedy score of the start model on `nano_easy`, between 0 and 1."""
    with comparison.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    [mean] = [
        row["mean"]
        for row in rows
        if (row["arm"], row["benchmark"], row["metric"]) == ("start", "nano_easy", "greedy")
    ]
    return float(mean)


def _own_share(store: Path) -> float:
    """How many of the start model's greedy answers transformers gives too."""
    [(folder, stage)] = [found for found in stages(store, "answer_math") if "model" not in found[1]["inputs"]]
    reference = Greedy(model_of(store, stage))
    answers = [(prompt, row) for prompt, _, row in greedy_answers(folder)]
    return float(reference.own(answers) / len(answers))


if __name__ == "__main__":
    sys.argv = [word for word in sys.argv if word != "--quickstart"]
    run(measure, __doc__)
