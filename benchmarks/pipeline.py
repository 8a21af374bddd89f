"""The pipeline that people write by hand, and ``lorr-bench run`` on the same arms.

``python benchmarks/pipeline.py``. By hand each arm is a TRL script (``by_hand/train.py``), a vLLM script
(``by_hand/answer.py``) and an lm-eval command, each a process of its own, one after another; the start model
is evaluated, too. Both train the embedded model on the same pairs in the same order with TRL, on a CPU, and
answer the same problems and questions. So their accuracies must be the same; where one is not, the exit code
is 1.

Seconds are the clock's and the processor's, of all processes that a path starts, those that outlive their
parents included. Both paths run in one call, so what else runs is there for both; it shows little in
processor seconds.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nano_pairs import nano_pairs

import lorr_bench
from lorr_bench.lorr.schedule import replay_order
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.report.tables.costs.seconds import seconds_frame

ROOT: Final = Path(__file__).parents[1]
BY_HAND: Final = ROOT / "benchmarks" / "by_hand"
TASKS: Final = ("nano_compare", "nano_true_false", "nano_order")
TASK_FILES: Final = ROOT / "lorr_bench" / "data" / "nano" / "tasks"
SHARED: Final = {"learning_rate": 1e-4, "per_device_train_batch_size": 32, "max_length": 128}
METHODS: Final[Mapping[str, Mapping[str, float]]] = {
    "dpo": {"beta": 0.5},
    "simpo": {"beta": 2.0, "gamma_beta_ratio": 0.5},
    "orpo": {"beta": 0.1},
}
PASSES: Final = {"plain": 1, "replay": 3}
PAIRS: Final = 64
PROBLEMS: Final = 100
QUESTIONS: Final = 50
SUBREAPER: Final = 36
"""PR_SET_CHILD_SUBREAPER: who has lost its parent becomes a child of this process, whose time then counts."""

Scores = dict[tuple[str, str], float]
"""By arm and benchmark."""


@dataclass(frozen=True)
class Cost:
    """What processes took.

    Attributes:
        wall: Seconds of the clock.
        processor: Seconds of the processor.
    """

    wall: float = 0.0
    processor: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Both."""
        return Cost(self.wall + other.wall, self.processor + other.processor)


def main() -> None:
    """Run both paths, compare their scores, print what they cost."""
    asked = _arguments()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(asked.output or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        suite, ours = run_suite(folder)
        hand, theirs = run_by_hand(folder)
        total = sum(hand.values(), Cost())
        print(f"\n{len(METHODS) * len(PASSES)} arms of {PAIRS} pairs, and the start model")
        print("\n".join(table(suite, hand, total, folder)))
        wrong = list(differences(ours, theirs))
        print(f"\n{len(theirs)} accuracies, {len(wrong)} differ", *wrong, sep="\n")
    sys.exit(bool(wrong))


def run_suite(folder: Path) -> tuple[Cost, Scores]:
    """The suite, and the accuracies in its report."""
    pairs = folder / "pairs.jsonl"
    pairs.write_text("".join(_line(_texts(pair)) for pair in nano_pairs(PAIRS, seed=0)), "utf-8")
    (folder / "suite.yaml").write_text(json.dumps(suite_of(pairs), indent=1), "utf-8")
    command = ["lorr_bench", "run", str(folder / "suite.yaml"), "-o", str(folder / "suite")]
    cost = run("suite", ["-m", *command], folder)
    with (folder / "suite" / "report" / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return cost, {(row["arm"], row["benchmark"]): float(row["value"]) for row in rows}


def suite_of(pairs: Path) -> dict[str, Any]:
    """What the suite says."""
    return {
        "name": "pipeline",
        "model": "nano",
        "seeds": [0],
        "data": {"pairs": {"source": str(pairs)}},
        "budget": {"unique_pairs": [PAIRS], "equal": "data"},
        "methods": {name: {**SHARED, **settings} for name, settings in METHODS.items()},
        "plugins": {
            "plain": {},
            "replay": {"type": "lorr", "replays": PASSES["replay"], "reset": "off", "sft": "off"},
        },
        "evaluation": {
            "math": [{"name": "math", "source": "nano/easy", "limit": PROBLEMS, "max_tokens": 56}],
            "general": [{"tasks": list(TASKS), "limit": QUESTIONS}],
        },
        "engine": {"max_model_len": 128},
    }


def run_by_hand(folder: Path) -> tuple[dict[str, Cost], Scores]:
    """The three programs for each arm, on what the suite trained on and asked."""
    rows = [json.loads(line) for line in _stored(folder, "import_pairs", "pairs.jsonl").splitlines()]
    problems = folder / "problems.jsonl"
    problems.write_text(_stored(folder, "answer_math", "problems.jsonl"), "utf-8")
    costs: dict[str, Cost] = {}
    scores: Scores = {}
    for arm, model in _arms(folder):
        if arm != "start":
            method, _, plugin = arm.partition("+")
            orders = (replay_order(PAIRS, 0, replay + 1) for replay in range(PASSES[plugin]))
            pairs = model.with_suffix(".jsonl")
            pairs.write_text("".join(_line(rows[place]) for order in orders for place in order), "utf-8")
            train = [str(BY_HAND / "train.py"), method, str(pairs), str(model), str(NANO_MODEL)]
            _add(costs, "training with TRL", run(f"train {arm}", train, folder))
        found = folder / f"{arm}.json"
        answer = [str(BY_HAND / "answer.py"), str(model), str(problems), str(found)]
        _add(costs, "math with vLLM", run(f"answer {arm}", answer, folder))
        scores[arm, "math"] = json.loads(found.read_text("utf-8"))["accuracy"]
        general = folder / f"{arm}_general"
        _add(costs, "lm-eval", run(f"lm-eval {arm}", lm_eval(model, general), folder))
        [results] = general.rglob("results_*.json")
        for task, values in json.loads(results.read_text("utf-8"))["results"].items():
            scores[arm, task] = next(v for k, v in values.items() if k in ("acc,none", "exact_match,none"))
    return costs, scores


def lm_eval(model: Path, output: Path) -> list[str]:
    """lm-eval's own command, on transformers: for so small a model cheaper than to start vLLM again."""
    options = {
        "--model": "hf",
        "--model_args": f"pretrained={model},dtype=float32",
        "--tasks": ",".join(TASKS),
        "--include_path": str(TASK_FILES),
        "--limit": str(QUESTIONS),
        "--batch_size": "50",
        "--device": "cpu",
        "--output_path": str(output),
    }
    return ["-m", "lm_eval", "run", *(word for pair in options.items() for word in pair)]


def run(name: str, arguments: Sequence[str], folder: Path) -> Cost:
    """What a Python program takes, until the last of its processes is gone; what it prints lies beside.

    Raises:
        SystemExit: It failed.
    """
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1"}
    environment |= {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    log = folder / f"{name.replace(' ', '_')}.log"
    before, began = os.times(), time.perf_counter()
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, stdout=file, stderr=file, check=False
        )
    wall = time.perf_counter() - began
    with suppress(ChildProcessError):  # those that it left
        while os.waitpid(-1, 0):
            pass
    if done.returncode:
        sys.exit(f"{name} failed; see {log}:\n{log.read_text('utf-8')[-2000:]}")
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"{name}: {wall:.1f} s, processor {spent:.1f} s", flush=True)
    return Cost(wall, spent)


def table(suite: Cost, hand: Mapping[str, Cost], total: Cost, folder: Path) -> Iterator[str]:
    """The comparison, and where the suite's own seconds went."""
    yield "\n| path | clock, s | processor, s |\n|---|--:|--:|"
    for name, cost in hand.items():
        yield f"| by hand: {name} | {cost.wall:.0f} | {cost.processor:.0f} |"
    yield f"| by hand | {total.wall:.0f} | {total.processor:.0f} |"
    yield f"| lorr-bench run | {suite.wall:.0f} | {suite.processor:.0f} |"
    ratios = total.wall / suite.wall, total.processor / suite.processor
    yield f"| by hand / lorr-bench | {ratios[0]:.1f}× | {ratios[1]:.1f}× |"
    yield "\n| stages of lorr-bench | number | seconds | share |\n|---|--:|--:|--:|"
    results = lorr_bench.load_results(folder / "suite.yaml", output=folder / "suite")
    for row in seconds_frame(results).to_dict("records"):
        name = f"… {row['part']}" if row["part"] else row["kind"]
        yield f"| {name} | {row['stages'] or ''} | {row['seconds']:.1f} | {row['share']:.0%} |"


def differences(ours: Scores, theirs: Scores) -> Iterator[str]:
    """Where the two paths do not agree."""
    for key, value in theirs.items():
        if abs(ours[key] - value) > 1e-9:
            yield f"{' '.join(key)}: {ours[key]} by lorr-bench, {value} by hand"


def _arms(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and folder of each model."""
    yield "start", NANO_MODEL
    for method in METHODS:
        for plugin in PASSES:
            yield f"{method}+{plugin}", folder / f"{method}_{plugin}"


def _stored(folder: Path, kind: str, name: str) -> str:
    """The text of a file that a stage of a kind stored; alike in all of them."""
    return min((folder / "suite" / "store").glob(f"{kind}/*/{name}")).read_text("utf-8")


def _texts(pair: Any) -> dict[str, str]:
    return {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected}


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps({key: row[key] for key in ("prompt", "chosen", "rejected")}) + "\n"


def _add(costs: dict[str, Cost], name: str, cost: Cost) -> None:
    costs[name] = costs.get(name, Cost()) + cost


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", help="folder that keeps everything; by default nothing is kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
