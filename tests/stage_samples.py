"""Stages of each kind, for tests that need one but no plan: JSON values that a plan could have written."""

import copy
from dataclasses import dataclass

from lorr_bench.plan.kinds.registry import stage_from_dict
from lorr_bench.run.executor import Order

MODEL = {"model": "sha256 of the model", "dtype": "float32", "trust_remote_code": False}
PLACE = {"model_path": "the start", "revision": None}
ENGINE = {"engine": "vllm 0.1", "max_model_len": 128}
OPTIONS = {
    "kv_cache_gib": 1,
    "gpu_memory_utilization": 0.45,
    "enforce_eager": True,
    "tensor_parallel_size": 1,
}
ROWS = {
    "source": "sha256 of the problems",
    "revision": None,
    "subset": None,
    "split": None,
    "problem_column": "problem",
    "answer_column": "answer",
    "answer_pattern": None,
    "incomplete": "refuse",
}
PROMPTS = {**ROWS, "template": "{problem}", "chat_template": False}
GRADING = {
    "percent": "either",
    "units": "agree",
    "order": "tuples",
    "rounding": "shown",
    "tolerance": 0.0,
    "choices": "any",
    "timeout_seconds": 5.0,
    "max_chars": 20_000,
}
PACKAGES = {"torch": "2.0"}
COLLECT = {
    **MODEL,
    **ENGINE,
    **PROMPTS,
    "num_prompts": 50,
    "num_samples": 4,
    "temperature": 1.0,
    "top_p": 1.0,
    "max_tokens": 32,
    "truncated": "leave_out",
    "grading": GRADING,
    "reward_model": None,
    "pair_rule": "one_each",
    "grader": "math-verify 1.0, grading 2",
    "seed": 0,
}
SAMPLE = {**MODEL, **ENGINE, **PROMPTS}
SAMPLE |= {
    name: COLLECT[name]
    for name in ("num_prompts", "num_samples", "temperature", "top_p", "max_tokens", "seed")
}
PAIRED = {name: COLLECT[name] for name in ("max_tokens", "truncated", "pair_rule", "seed")}
REFRESHED = {"rollout_ratio": 0.5, "unique_pairs": 10, "max_length": None, "replay": 2}
HYPERPARAMETERS = {"per_device_train_batch_size": 4}
PARAMETERS = {
    "fingerprint": {**MODEL, "packages": PACKAGES},
    "collect": COLLECT,
    "refresh": {**COLLECT, **REFRESHED},
    "sample": SAMPLE,
    "part": {"whole": "digest of the whole", "number": 0, "parts": 2},
    "score": {
        **MODEL,
        "model": "sha256 of the reward model",
        "template_date": "2025-01-01",
        "batch_size": 8,
        "max_length": 64,
        "packages": PACKAGES,
    },
    "pair_scored": {**PAIRED, "pair_rule": "best_worst", "num_prompts": 50},
    "refresh_scored": {**MODEL, **PAIRED, "pair_rule": "best_worst", **REFRESHED},
    "import_pairs": {
        "source": "sha256 of the pairs",
        "revision": None,
        "split": "train",
        "prompt_column": "prompt",
        "chosen_column": "chosen",
        "rejected_column": "rejected",
        "seed": 0,
    },
    "reference": {
        **MODEL,
        "backend": "trl",
        "packages": PACKAGES,
        "rows": "pairs",
        "settings": {"form": "pairs", "max_length": 1024},
        "unique_pairs": 10,
    },
    "train": {
        **MODEL,
        "adapter": ["trl.dpo", 3],
        "packages": PACKAGES,
        "hyperparameters": HYPERPARAMETERS,
        "sft_weights": [0.0],
        "reset": None,
        "round": [1, 1],
        "stop_after": 1,
        "processes": [1, None],
        "unique_pairs": 10,
        "seed": 0,
    },
    "answer_math": {
        **MODEL,
        **ENGINE,
        **PROMPTS,
        "limit": 10,
        "max_tokens": 32,
        "greedy": True,
        "repeats": 0,
        "stop": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": 0,
    },
    "grade_math": {"grader": "math-verify 1.0, grading 2", "policy": GRADING, "pass_at": []},
    "evaluate_general": {
        **MODEL,
        **ENGINE,
        "tasks": ["nano_compare"],
        "num_fewshot": None,
        "metric": None,
        "limit": 5,
        "lm_eval": "0.4",
        "task_files": None,
        "nano_tasks": "sha256 of the tasks",
        "data_files": None,
        "data_sets": {},
        "seed": 0,
    },
    "contamination": {"ngram": 13, "seed": 0, "prompts": {**PROMPTS, "num_prompts": 50}},
    "families": {"cluster_column": "family", **ROWS, "limit": 10, "embedded": None},
}
ASKS = {**PLACE, **OPTIONS, "source": "problems.jsonl"}
SETTING = {
    "fingerprint": PLACE,
    "collect": ASKS,
    "refresh": ASKS,
    "sample": ASKS,
    "score": {"model_path": "the reward model", "revision": None},
    "pair_scored": {},
    "refresh_scored": PLACE,
    "import_pairs": {"source": "pairs.jsonl", "unique_pairs": 0},
    "reference": {**PLACE, "adapter": "trl.dpo", "hyperparameters": HYPERPARAMETERS},
    "train": {**PLACE, "places": {}, "save_steps": 0, "diagnostics": False},
    "answer_math": {**ASKS, "sizes": []},
    "grade_math": {},
    "evaluate_general": {
        **PLACE,
        **OPTIONS,
        "source": None,
        "include_path": None,
        "trust_task_files": False,
        "task_start": None,
    },
    "contamination": {"source": "problems.jsonl"},
    "families": {"source": "problems.jsonl"},
}
SETTING["part"] = {
    "stage": {
        "kind": "collect",
        "label": "collect",
        "params": COLLECT,
        "inputs": {},
        "setting": ASKS,
        "counted_as": {},
    }
}
KINDS = tuple(PARAMETERS)


def sample(kind, label="a stage", *, inputs=None, setting=None, **changes):
    """A stage of a kind.

    Args:
        kind: Its name.
        label: Of the stage.
        inputs: Digests by role.
        setting: Values of its setting that differ.
        changes: Parameters that differ, as JSON has them.
    """
    values = {
        "kind": kind,
        "label": label,
        "params": {**PARAMETERS[kind], **changes},
        "inputs": inputs or {},
        "setting": {**SETTING[kind], **(setting or {})},
        "counted_as": {},
    }
    return stage_from_dict(copy.deepcopy(values))


def families_of_tasks(column):
    """A stage that finds the families of lm-eval's tasks, which has a column alone."""
    values = {**sample("families", "families of x").to_dict(), "params": {"cluster_column": column}}
    return stage_from_dict({**values, "setting": {}})


def numbered(kind, number, label="a stage", **inputs):
    """A stage of a kind, another for each number."""
    own = {
        "fingerprint": {"packages": {"torch": str(number)}},
        "reference": {"unique_pairs": number + 1},
        "grade_math": {"grader": f"math-verify {number}"},
        "families": {"cluster_column": f"family {number}"},
        "score": {"batch_size": number + 1},
        "part": {"number": number},
    }
    return sample(kind, label, inputs=inputs, **own.get(kind, {"seed": number}))


@dataclass(frozen=True)
class ToldOrder(Order):
    """An order that says the digest, for a process that pretends to work and knows no stages."""

    def to_dict(self):
        return {**super().to_dict(), "digest": self.stage.digest}
