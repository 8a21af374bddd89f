"""A small suite, and what its stages leave when they are done, without doing them."""

import json

from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.store.record import Outcome

SUITE = {
    "name": "kept",
    "model": {"path": "nano"},
    "seeds": [0, 1],
    "data": {"collect": {"source": "nano/train", "num_prompts": 50, "num_samples": 4, "max_tokens": 32}},
    "budget": {"unique_pairs": [8, 16]},
    "methods": {"dpo": {"learning_rate": 1e-4, "per_device_train_batch_size": 4}},
    "plugins": {"plain": {}, "lorr": {"replays": 2}},
    "evaluation": {
        "math": [
            {
                "name": "easy",
                "source": "nano/easy",
                "limit": 10,
                "max_tokens": 32,
                "avg_at": 2,
                "cluster_column": "family",
            }
        ],
        "general": [{"name": "general", "tasks": ["nano_compare"], "limit": 5}],
    },
}
DPO = SUITE["methods"]["dpo"]
ROUNDS = {
    **SUITE,
    "methods": {"dpo": DPO, "iterated": {**DPO, "adapter": "dpo", "iterative": {"rounds": 2}}},
    "plugins": {"plain": {}, "renewed": {"type": "lorr", "replays": 2, "rollout_ratio": 0.5}},
    "budget": {"unique_pairs": [8, 16], "equal": "prompts"},
}


def plan_of(values, folder):
    """The plan of a suite, whose file is written to a folder."""
    path = folder / "suite.yaml"
    path.write_text(json.dumps(values), "utf-8")
    return make_plan(load_suite(path))


def finish(store, stage, score=0.5):
    """Write what a stage of its kind leaves."""
    with store.writing(stage) as draft:
        if stage.kind == "train":
            for name in ("model", "checkpoint"):
                (draft.folder / name).mkdir()
                (draft.folder / name / "weights").write_text("w" * 100, "utf-8")
        if stage.kind == "reference":
            (draft.folder / "reference.parquet").write_text("logps", "utf-8")
        if stage.kind == "grade_math":
            (draft.folder / "scores.json").write_text(json.dumps(math_scores(score)), "utf-8")
        if stage.kind == "evaluate_general":
            table = {"nano_compare": {"scores": {"acc": number(score)}}}
            (draft.folder / "scores.json").write_text(json.dumps(table), "utf-8")
        draft.commit(Outcome())


def math_scores(score):
    # pass@2 is not tested, so it must not decide
    return {"scores": {"greedy": number(score), "pass@2": number(1 - (score or 0))}, "conduct": {}}


def number(value):
    return {"value": value, "per_problem": [], "deviation": None, "reason": ""}
