"""Seconds and peak memory of a report over very many arms, from a store on disk to all its files.

The results are made up, and written as a run writes them, before the clock starts: half of the arms are
plain, the others the same methods with LoRR, and every arm answers every problem with every seed. The clock
runs over what `lorr-bench report` does: read the store, make tables, figures, page, Markdown, LaTeX and CSV.

    python benchmarks/report.py                       # 2,000 arms x 2 seeds x 250 problems
    python benchmarks/report.py --arms 100 --profile  # where the seconds go
"""

from __future__ import annotations

import argparse
import cProfile
import json
import multiprocessing
import pstats
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.plan import Plan, make_plan
from lorr_bench.plan.stage import Stage
from lorr_bench.run.suite_run import report_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.store.disk import file_digest
from lorr_bench.store.generations import ANSWERS_FILE, PROBLEMS_FILE, SCORES_FILE, VERDICTS_FILE
from lorr_bench.store.record import RECORD_FILE, Outcome, Record
from lorr_bench.store.store import Store

PAIRS = 8192
REPLAYS = {"plain": 1, "lorr": 3}
DIAGNOSTICS = ("train_accuracy", "held_out_accuracy", "logp_chosen", "logp_rejected", "kl_to_start")
GIGABYTE = 1024**2
"""In the unit of ``ru_maxrss`` on Linux."""


def main() -> None:
    """Makes the store, writes the report, prints seconds, memory and sizes."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own, so that its memory does not count.
        process = multiprocessing.get_context("spawn").Process(target=_fill, args=(folder, arguments))
        process.start()
        process.join()
        started = time.perf_counter()
        plan = make_plan(load_suite(Path(folder) / "suite.yaml"))
        seconds = time.perf_counter() - started
        print(f"plan: {len(plan.arms):,} arms, {len(plan.stages):,} stages, {seconds:.1f} s")
        models = sum(evaluation.point.seed >= 0 for evaluation in plan.evaluations)
        print(f"graded samples: {models * arguments.problems:,}")
        seconds = _timed(
            plan, Store(Path(folder) / "store"), arguments.output or Path(folder), arguments.profile
        )
        print(f"report: {seconds:.1f} s, peak memory {_peak_gigabytes():.2f} GB")
        written = (arguments.output or Path(folder)) / "report"
        files = sorted(written.iterdir(), key=lambda path: -path.stat().st_size)
        for path in files[:8]:
            print(f"  {path.name:24} {path.stat().st_size / 1e6:8.2f} MB")


def _fill(folder: str, arguments: argparse.Namespace) -> None:
    """Write the suite, and the result of each of its stages."""
    root = Path(folder)
    (root / "pairs.jsonl").write_text('{"prompt": "p", "chosen": "c", "rejected": "r"}\n', "utf-8")
    (root / "suite.yaml").write_text(yaml.safe_dump(_suite(arguments)), "utf-8")
    plan = make_plan(load_suite(root / "suite.yaml"))
    rng = np.random.default_rng(0)
    difficulty = rng.standard_normal(arguments.problems)
    store = Store(root / "store")
    for stage in plan.stages:
        _write(store, stage, difficulty, rng)


def _suite(arguments: argparse.Namespace) -> dict[str, Any]:
    methods = {f"method_{number}": {"adapter": "dpo"} for number in range(arguments.arms // 2)}
    easy = {"name": "made_up", "source": "nano/easy", "limit": arguments.problems, "max_tokens": 56}
    return {
        "name": "very_many_arms",
        "model": "nano",
        "seeds": list(range(arguments.seeds)),
        "data": {"pairs": {"source": "pairs.jsonl"}},
        "budget": {"unique_pairs": [PAIRS]},
        "methods": methods,
        # one made-up setting apart, or equal methods would share their stages
        "overrides": {
            f"{name}+{plugin}": {"beta": 0.1 + 0.001 * number}
            for number, name in enumerate(methods)
            for plugin in REPLAYS
        },
        "plugins": {"plain": None, "lorr": None},
        "evaluation": {"math": [easy], "keep_answers": 8},
    }


def _write(store: Store, stage: Stage, difficulty: np.ndarray, rng: np.random.Generator) -> None:
    folder = store.folder(stage)
    folder.mkdir(parents=True)
    files, outcome = _result(stage, difficulty, rng)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    checksums = {name: file_digest(folder / name) for name in files}
    record = Record(stage.digest, stage.to_dict(), outcome, checksums, 0.0, 60.0, {"lorr-bench": "made up"})
    (folder / RECORD_FILE).write_text(record.to_text(), "utf-8")


def _result(stage: Stage, difficulty: np.ndarray, rng: np.random.Generator) -> tuple[dict[str, str], Outcome]:
    """Files and outcome of a stage, as its kind writes them."""
    if isinstance(stage, Train):
        return {}, _training(stage.parameters.replays, rng)
    if stage.kind == "answer_math":
        return _answers(len(difficulty)), Outcome()
    if stage.kind == "grade_math":
        return _grades(difficulty, rng), Outcome()
    if stage.kind == "contamination":
        counted = {"prompts": 1, "problems": len(difficulty), "overlapping": 0}
        return {"overlaps.json": "[]"}, Outcome(metrics=counted)
    if stage.kind == "families":  # of one problem each
        rows = ({"id": str(number), "family": str(number)} for number in range(len(difficulty)))
        return {"families.jsonl": _lines(rows)}, Outcome()
    return {}, Outcome()


def _training(replays: int, rng: np.random.Generator) -> Outcome:
    spend = {
        "prompts": 10_000,
        "unique_pairs": PAIRS,
        "pair_visits": PAIRS * replays,
        "verifier_calls": 80_000,
        "generated_tokens": 40_000_000,
        "train_tokens": 6_000_000 * replays,
        "optimizer_steps": 128 * replays,
        "flops": 2.5e17 * replays,
        "wall_seconds": 1800 * replays + rng.random(),
        "peak_memory_bytes": 2**36,
    }
    measured = [dict(zip(DIAGNOSTICS, rng.random(len(DIAGNOSTICS)).tolist(), strict=True))] * replays
    return Outcome(metrics={"diagnostics": measured}, spend=spend, parts={"train": 60.0})


def _answers(problems: int) -> dict[str, str]:
    asked = {"problem": "How many pears are left?", "prompt": "How many pears are left? " * 8, "gold": "12"}
    answer = {
        "sampling": "greedy",
        "repeat": 0,
        "text": "Step by step. " * 30,
        "tokens": 240,
        "truncated": False,
    }
    return {
        PROBLEMS_FILE: _lines({"id": str(number), **asked} for number in range(problems)),
        ANSWERS_FILE: _lines({"id": str(number), **answer, "key": "0" * 64} for number in range(problems)),
    }


def _grades(difficulty: np.ndarray, rng: np.random.Generator) -> dict[str, str]:
    skill = 0.4 + 0.2 * rng.standard_normal()
    right = rng.random(len(difficulty)) < 1 / (1 + np.exp(difficulty - skill))
    score = {
        "value": float(right.mean()),
        "per_problem": right.astype(float).tolist(),
        "deviation": None,
        "reason": "",
    }
    conduct = {
        "answers": len(right),
        "mean_tokens": 240.0,
        "truncated_share": 0.0,
        "no_answer_share": 0.0,
        "timeouts": 0,
        "missing": 0,
    }
    verdicts = (
        {
            "id": str(number),
            "extracted": "12",
            "correct": bool(verdict),
            "reason": "equal" if verdict else "different",
        }
        for number, verdict in enumerate(right)
    )
    return {
        SCORES_FILE: json.dumps({"scores": {"greedy": score}, "conduct": conduct}),
        VERDICTS_FILE: _lines(verdicts),
    }


def _lines(rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _timed(plan: Plan, store: Store, output: Path, profile: bool) -> float:
    """Seconds of the report."""
    profiler = cProfile.Profile() if profile else None
    started = time.perf_counter()
    if profiler is None:
        report_plan(plan, store, output, {})
    else:
        profiler.runcall(report_plan, plan, store, output, {})
    seconds = time.perf_counter() - started
    if profiler is not None:
        pstats.Stats(profiler).sort_stats("cumulative").print_stats("lorr_bench", 40)
    return seconds


def _peak_gigabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIGABYTE


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--arms", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--problems", type=int, default=250)
    parser.add_argument("--output", type=Path, help="keep the report in this folder")
    parser.add_argument("--profile", action="store_true", help="print where the seconds go")
    return parser.parse_args()


if __name__ == "__main__":
    main()
