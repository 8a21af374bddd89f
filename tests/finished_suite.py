"""A small suite, and what its stages leave when they are done, without doing them."""

import json

from small_suite import SUITE as SAMPLE

from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.store.record import Outcome

SUITE = {**SAMPLE, "plugins": {"plain": {}, "lorr": {"replays": 2}}}
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
    """Write what a stage of its kind leaves: two problems, a model of 100 bytes, and a score."""
    spend = {"unique_pairs": 16, "optimizer_steps": 2} if stage.kind == "train" else {}
    with store.writing(stage) as draft:
        for name, content in files(stage.kind, score).items():
            path = draft.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text_of(name, content), "utf-8")
        draft.commit(Outcome(metrics=METRICS.get(stage.kind, {}), spend=spend, parts={"work": 1.0}))


PROBLEMS = [{"id": f"p{n}", "problem": "2 + 2", "prompt": "2 + 2 =", "gold": "4"} for n in range(2)]
ANSWER = {"sampling": "greedy", "repeat": 0, "text": "4 .", "tokens": 2, "truncated": False, "key": "k"}
ANSWERS = [{"id": problem["id"], **ANSWER} for problem in PROBLEMS]
VERDICTS = [
    {
        **{name: answer[name] for name in ("id", "sampling", "repeat")},
        "extracted": "4",
        "correct": bool(n),
        "reason": "equal" if n else "different",
    }
    for n, answer in enumerate(ANSWERS)
]
FAMILIES = [{"id": problem["id"], "family": "pears"} for problem in PROBLEMS]
CONDUCT = {"answers": 2, "mean_tokens": 7.5, "truncated_share": 0.0, "no_answer_share": 0.5, "timeouts": 0}
METRICS = {
    "train": {"diagnostics": [{"entropy": 0.9}], "replays": [{"loss": 0.7}]},
    "contamination": {"prompts": 80, "problems": 40, "overlapping": 1},
}


def files(kind, score):
    """By name: rows of JSON lines, JSON, or text."""
    return {
        "fingerprint": {"fingerprint.json": {}},
        "collect": {"pairs.jsonl": [], "answers.jsonl": []},
        "reference": {"reference.parquet": "no parquet"},
        "train": {"model/weights": "w" * 100, "checkpoint/weights": "w" * 100},
        "answer_math": {"problems.jsonl": PROBLEMS, "answers.jsonl": ANSWERS, "generation.json": {}},
        "grade_math": {"verdicts.jsonl": VERDICTS, "scores.json": math_scores(score)},
        "evaluate_general": {"scores.json": {"nano_compare": {"scores": {"acc": number(score)}}}},
        "contamination": {"overlaps.json": ["p0"]},
        "families": {"families.jsonl": FAMILIES},
    }.get(kind, {})


def text_of(name, content):
    if name.endswith(".jsonl"):
        return "".join(json.dumps(row) + "\n" for row in content)
    return content if isinstance(content, str) else json.dumps(content)


def math_scores(score):
    # pass@2 is not tested, so it must not decide
    scores = {"greedy": number(score), "pass@2": number(1 - (score or 0))}
    return {"scores": scores, "conduct": {**CONDUCT, "missing": 0}}


def number(value):
    return {"value": value, "per_problem": [0.0, 1.0], "deviation": None, "reason": ""}
