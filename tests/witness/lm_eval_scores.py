"""lm-eval scores of a finished run against lm-eval's own evaluation with transformers.

    python tests/witness/lm_eval_scores.py STORE

Reads the files of a store, evaluates each saved model anew, and shares no code with what wrote the scores.
"""

import json
import os
import sys
from pathlib import Path

from greedy import NANO, model_of, stages

TASKS = NANO.parent / "tasks"
METRICS = ("acc,none", "exact_match,none")


def main(store):
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    compared = differing = 0
    for folder, stage in stages(Path(store), "evaluate_general"):
        theirs = evaluated(model_of(Path(store), stage), stage["params"])
        for task, found in json.loads((folder / "scores.json").read_text("utf-8")).items():
            [ours] = [metric["value"] for metric in found["scores"].values()]
            compared += 1
            if abs(ours - theirs[task]) > 1e-9:
                differing += 1
                print(f"{stage['label']}, {task}: {ours} here, {theirs[task]} by lm-eval")
    print(f"{compared} scores, {differing} differ")


def evaluated(model, params):
    """Score of each task, by lm-eval on transformers."""
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    found = lm_eval.simple_evaluate(
        model=HFLM(pretrained=str(model), dtype="float32", device="cpu", batch_size=50),
        tasks=params["tasks"],
        limit=params["limit"],
        task_manager=TaskManager(include_path=str(TASKS), include_defaults=False),
        bootstrap_iters=0,
    )
    return {
        task: next(row[metric] for metric in METRICS if metric in row)
        for task, row in found["results"].items()
        if any(metric in row for metric in METRICS)
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
