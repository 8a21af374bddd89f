"""The store of a small suite that is done, with results made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

SCORE = {"value": 0.5, "per_problem": [0.0, 1.0], "deviation": None, "reason": ""}
CONDUCT = {"answers": 2, "mean_tokens": 7.5, "truncated_share": 0.0, "no_answer_share": 0.5, "timeouts": 0}
PROBLEMS = [{"id": f"p{n}", "problem": "2 + 2", "prompt": "2 + 2 =", "gold": "4"} for n in range(2)]
ANSWERS = [
    {
        "id": f"p{n}",
        "sampling": "greedy",
        "repeat": 0,
        "text": "4 .",
        "tokens": 2,
        "truncated": False,
        "key": "k",
    }
    for n in range(2)
]
VERDICTS = [{"extracted": "4", "correct": bool(n), "reason": "equal" if n else "different"} for n in range(2)]
FILES: dict[str, dict[str, Any]] = {
    "fingerprint": {"fingerprint.json": {}},
    "collect": {"pairs.jsonl": [], "answers.jsonl": []},
    "reference": {"reference.parquet": "no parquet"},
    "train": {"model/model.safetensors": "no weights"},
    "answer_math": {"problems.jsonl": PROBLEMS, "answers.jsonl": ANSWERS, "generation.json": {}},
    "grade_math": {"verdicts.jsonl": VERDICTS, "scores.json": {"scores": {"greedy": SCORE}, "conduct": {**CONDUCT, "missing": 0}}},
    "evaluate_general": {"scores.json": {"nano_order": {"scores": {"exact_match": SCORE}}}},
    "contamination": {"overlaps.json": ["p0"]},
    "families": {"families.jsonl": [{"id": f"p{n}", "family": "pears"} for n in range(2)]},
}  # fmt: skip
METRICS: dict[str, dict[str, Any]] = {
    "train": {"diagnostics": [{"entropy": 0.9}], "replays": [{"loss": 0.7}]},
    "contamination": {"prompts": 80, "problems": 40, "overlapping": 1},
}


def finish(plan: Plan, root: Path) -> Store:
    """Fill a store with a result for every stage of a plan."""
    store = Store(root)
    for stage in plan.stages:
        _finish(store, stage)
    return store


def _finish(store: Store, stage: Stage) -> None:
    with store.writing(stage) as draft:
        for name, content in FILES[stage.kind].items():
            path = draft.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(_text(name, content), "utf-8")
        spend = {"unique_pairs": 16, "optimizer_steps": 2} if stage.kind == "train" else {}
        draft.commit(Outcome(metrics=METRICS.get(stage.kind, {}), spend=spend, parts={"work": 1.0}))


def _text(name: str, content: Any) -> str:
    if name.endswith(".jsonl"):
        return "".join(json.dumps(row) + "\n" for row in content)
    return content if isinstance(content, str) else json.dumps(content)
