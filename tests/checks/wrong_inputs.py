"""Suites that are wrong in one thing, as their writers get it wrong; ``benchmarks/first_error.py`` times them.

The start model is a copy of the embedded one in a folder of the user's.
"""

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import yaml

from lorr_bench.plan.identity.origins import NANO_MODEL

ROWS = [{"problem": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(12)]
PAIRS = [{"prompt": f"{n} + 1", "chosen": str(n + 1), "rejected": str(n)} for n in range(5)]
SUITE = {
    "name": "mine",
    "model": "model",
    "seeds": [0],
    "data": {"collect": {"source": "rows.jsonl", "num_prompts": 12, "num_samples": 2, "max_tokens": 32}},
    "budget": {"unique_pairs": [8]},
    "methods": {"dpo": {"learning_rate": 1e-4, "per_device_train_batch_size": 4, "max_length": 96}},
    "plugins": {"plain": {}, "lorr": {}},
    "evaluation": {
        "math": [{"name": "easy", "source": "nano/easy", "limit": 4, "max_tokens": 32}],
        "general": [{"name": "general", "tasks": ["nano_compare"], "limit": 4}],
    },
}


@dataclass(frozen=True)
class WrongInput:
    """Something that is wrong.

    Attributes:
        name: What, in words.
        spoil: Makes it wrong: called with the suite's values and its folder, in which model and rows lie.
        said: What the error says, in part.
    """

    name: str
    spoil: Callable
    said: str

    def write(self, folder):
        """Write suite, model and rows; the suite's file."""
        folder.mkdir(exist_ok=True)
        shutil.copytree(NANO_MODEL, folder / "model")
        write_rows(folder / "rows.jsonl", ROWS)
        write_rows(folder / "pairs.jsonl", PAIRS)
        values = copy.deepcopy(SUITE)
        self.spoil(values, folder)
        file = folder / "suite.yaml"
        file.write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")
        return file


def write_rows(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def put(place, value):
    """Set a value of the suite, by its keys."""

    def spoil(values, _):
        *above, last = place.split(".")
        for key in above:
            values = values[key]
        values[last] = value

    return spoil


def misspelt_method(values, _):
    values["methods"] = {"dop": values["methods"]["dpo"]}


def without_files(*patterns):
    """Delete files of the model."""

    def spoil(_, folder):
        for pattern in patterns:
            for file in (folder / "model").glob(pattern):
                file.unlink()

    return spoil


def pickled_weights(values, folder):
    without_files("*.safetensors")(values, folder)
    (folder / "model" / "pytorch_model.bin").write_bytes(b"pickled")


def edit_model(name, **changes):
    """Change a JSON file of the model; None takes a key away."""

    def spoil(_, folder):
        file = folder / "model" / name
        found = {**json.loads(file.read_text("utf-8")), **changes}
        kept = {key: value for key, value in found.items() if value is not None}
        file.write_text(json.dumps(kept), "utf-8")

    return spoil


def without_template(values, folder):
    without_files("chat_template*")(values, folder)
    edit_model("tokenizer_config.json", chat_template=None)(values, folder)


def chat_of_a_base_model(place):
    def spoil(values, folder):
        without_template(values, folder)
        put(place, True)(values, folder)

    return spoil


def tasks_in_a_template(values, folder):
    without_template(values, folder)
    values["evaluation"]["general"][0]["apply_chat_template"] = True


def ready_made(**settings):
    """Train on ready-made pairs."""

    def spoil(values, _):
        values["data"] = {"pairs": {"source": "pairs.jsonl", **settings}}
        values["budget"] = {"unique_pairs": [4]}

    return spoil


def pairs_too_few(values, folder):
    ready_made()(values, folder)
    values["budget"] = {"unique_pairs": [8]}


def pairs_too_long(values, folder):
    ready_made()(values, folder)
    values["methods"]["dpo"]["max_length"] = 2


def pairs_in_a_template(values, folder):
    without_template(values, folder)
    ready_made(chat_template=True)(values, folder)


def benchmark_column(values, folder):
    write_rows(folder / "test.jsonl", [{"question": "1 + 1?", "answer": "2"}])
    values["evaluation"]["math"] = [{"name": "test", "source": "test.jsonl", "max_tokens": 32}]


def lora(*targets):
    return put("methods.dpo.lora", {"r": 4, "target_modules": list(targets)})


def language_model_as_judge(values, folder):
    put("data.collect.reward_model", {"path": "model"})(values, folder)
    put("data.collect.pair_rule", "best_worst")(values, folder)


WRONG_INPUTS = (
    WrongInput("misspelt method", misspelt_method, "no adapter is called 'dop'"),
    WrongInput("misspelt setting", put("methods.dpo.learning_rte", 1e-4), "learning_rte"),
    WrongInput(
        "misspelt lm-eval task", put("evaluation.general", [{"tasks": ["arc_chalenge"]}]), "'arc_chalenge'"
    ),
    WrongInput("no model folder", put("model", "./modle"), "no model folder at"),
    WrongInput("model without tokenizer", without_files("tokenizer*"), "has no tokenizer (tokenizer.json)"),
    WrongInput("pytorch_model.bin only", pickled_weights, "pickled weights are never loaded"),
    WrongInput(
        "tokenizer without end token",
        edit_model("tokenizer_config.json", eos_token=None),
        "no end-of-sequence token",
    ),
    WrongInput("no data file", put("data.collect.source", "row.jsonl"), "row.jsonl"),
    WrongInput("wrong column", put("data.collect.problem_column", "question"), "question"),
    WrongInput("wrong column of a benchmark", benchmark_column, "problem"),
    WrongInput("empty data", lambda _, folder: write_rows(folder / "rows.jsonl", []), "rows"),
    WrongInput("budget above the prompts", put("budget.unique_pairs", [16]), "too few for 16 pairs"),
    WrongInput("budget above the pairs", pairs_too_few, "the budget is 8 pairs, the set has 5"),
    WrongInput(
        "reset pattern of no tensor",
        put("plugins.lorr.reset", {"tensors": r"attention\.dense"}),
        "matches none of the tensors",
    ),
    WrongInput("max_length below all prompts", put("methods.dpo.max_length", 3), "leave room for a response"),
    WrongInput("max_length below all pairs", pairs_too_long, "the set has 0 usable ones"),
    WrongInput("LoRA on no layer", lora("query_key_value"), "match no layer"),
    WrongInput("LoRA beside the reset", lora("q_proj", "v_proj"), "none of the layers of the adapter"),
    WrongInput(
        "answers in a template there is none of",
        chat_of_a_base_model("data.collect.chat_template"),
        "which data.collect asks for",
    ),
    WrongInput("pairs in a template there is none of", pairs_in_a_template, "which data.pairs asks for"),
    WrongInput(
        "lm-eval in a template there is none of",
        tasks_in_a_template,
        "which evaluation.general (general) asks for",
    ),
    WrongInput("a language model as judge", language_model_as_judge, "is a language model"),
)
