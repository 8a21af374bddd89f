"""From a Parquet file of conversations to a trained model: import, reference and one step of each kind of method."""

import importlib
import shutil

import datasets
import pytest
import yaml
from safetensors.torch import load_file
from transformers import AutoTokenizer

from lorr_bench.data.pairs import read_pairs
from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.store.store import Store

TEMPLATE = (
    "{% for turn in messages %}{{ ' to:' if turn.role == 'user' else ' from:' }}{{ turn.content }}{{ eos_token }}"
    "{% endfor %}{% if add_generation_prompt %} from:{% endif %}"
)
"""Written in words of the embedded tokenizer; ends where the tokenizer's texts end."""


def said(role, text):
    return {"role": role, "content": text}


def preference(pair):
    turns = {"chosen": pair.chosen, "rejected": pair.rejected}
    asked = said("user", pair.prompt)
    return {side: [asked, said("assistant", text)] for side, text in turns.items()}


def unpaired(pair):
    wanted = pair.prompt_index % 2 == 0
    text = pair.chosen if wanted else pair.rejected
    return {"prompt": [said("user", pair.prompt)], "completion": [said("assistant", text)], "label": wanted}


def prompt_completion(pair):
    return {"prompt": [said("user", pair.prompt)], "completion": [said("assistant", pair.chosen)]}


@pytest.fixture
def chat_model(small_model, tmp_path):
    """The small model with a chat template."""
    shutil.copytree(small_model, tmp_path / "model")
    (tmp_path / "model" / "chat_template.jinja").write_text(TEMPLATE, "utf-8")
    return tmp_path / "model"


@pytest.fixture
def run(tmp_path):
    """Run the stages of a suite up to the trained model, in this process."""

    def run(data_type, method):
        values = {
            "name": "conversations",
            "model": {"path": "model"},
            "seeds": [0],
            "data": {"pairs": {"source": "set.parquet", "type": data_type}},
            "budget": {"unique_pairs": [4]},
            "methods": {
                method: {
                    "backend": "native",
                    "max_length": 96,
                    "learning_rate": 0.01,
                    "per_device_train_batch_size": 4,
                    "gradient_accumulation_steps": 1,
                }
            },
            "plugins": {"plain": {}},
            "evaluation": {"math": [{"name": "e", "source": "nano/easy", "limit": 2, "max_tokens": 8}]},
        }
        (tmp_path / "suite.yaml").write_text(yaml.safe_dump(values), "utf-8")
        plan, store, done = make_plan(load_suite(tmp_path / "suite.yaml")), Store(tmp_path / "store"), {}
        wanted = [s for s in plan.stages if s.kind in ("import_pairs", "reference", "train")]
        for stage in wanted:
            inputs = {role: store.folder(done[digest]) for role, digest in stage.inputs.items()}
            with store.writing(stage) as draft:
                scratch = tmp_path / "scratch" / stage.digest
                task = Task(stage, inputs, draft.folder, scratch, EngineRoom(), lambda *_: None)
                module, _, function = stage.entry_point.partition(":")
                draft.commit(getattr(importlib.import_module(module), function)(task))
            done[stage.digest] = stage
        return {stage.kind: (store.folder(stage), store.read(stage).outcome) for stage in wanted}

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "method"), [(preference, "dpo"), (unpaired, "kto"), (prompt_completion, "sft")]
)
def test_conversations_are_trained_on_as_the_template_writes_them(run, chat_model, nano_pairs, row, method):
    made = [row(pair) for pair in nano_pairs[:6]]
    datasets.Dataset.from_list(made).to_parquet(chat_model.parent / "set.parquet")
    results = run(row.__name__, method)

    folder, imported = results["import_pairs"]
    assert (imported.metrics["pairs"], imported.metrics["in_template"]) == (6, True)
    tokenizer = AutoTokenizer.from_pretrained(chat_model)
    assert trained_ids(read_pairs(folder / "pairs.jsonl"), tokenizer) == {
        tuple(tokenizer.apply_chat_template(turns, return_dict=True)["input_ids"])
        for values in made
        for turns in conversations(values)
    }

    folder, outcome = results["train"]
    assert (outcome.spend["optimizer_steps"], outcome.metrics["rows"]) == (1, 4)
    assert bool(outcome.metrics["diagnostics"]) == (method == "dpo")  # they compare two responses
    before = load_file(chat_model / "model.safetensors")
    after = load_file(folder / "model" / "model.safetensors")
    assert any((before[name] != after[name]).any() for name in before)


def trained_ids(pairs, tokenizer):
    """Every response behind its prompt, with its end."""
    texts = [
        pair.prompt + text + tokenizer.eos_token
        for pair in pairs
        for text in (pair.chosen, pair.rejected)
        if text
    ]
    return set(map(tuple, tokenizer(texts)["input_ids"]))


def conversations(values):
    """Every whole conversation of a row."""
    sides = [values[side] for side in ("chosen", "rejected", "completion") if side in values]
    return [values.get("prompt", []) + side for side in sides]
