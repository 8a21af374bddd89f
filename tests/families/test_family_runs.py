"""One whole run of each family, by the command that users type: collect, train, answer, be evaluated.

The start model was taught to answer and to stop. It is asked in its own template, answers are drawn and scored by
a reward model, and three methods are trained on the pairs.
"""

import json
import os
from pathlib import Path

import pytest
from command_line import logs, lorr_bench_warm
from family_conversations import ANSWERS, QUESTIONS, response_of
from installed import needs_vllm
from transformers import GenerationConfig

pytestmark = [pytest.mark.slow, needs_vllm]

ROOT = Path(__file__).parents[2]
ALWAYS = ("mistral",)
"""Has no token for padding, and files in its maker's form. A run takes about half a minute of processor."""
ALL = os.environ.get("LORR_BENCH_ALL_FAMILIES") == "1"


@pytest.fixture(scope="session")
def judge(tmp_path_factory):
    """A reward model with random weights: any two answers have different scores."""
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    from lorr_bench.data.nano import tokenizer

    folder = tmp_path_factory.mktemp("judge")
    tok = tokenizer.build()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tok),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        pad_token_id=tok.pad_token_id,
        num_labels=1,
    )
    LlamaForSequenceClassification(config).save_pretrained(folder)
    tok.save_pretrained(folder)
    return folder


def suite_of(family, folder, judge):
    """A suite as somebody with this model would write it."""
    shared = {
        "source": "problems.jsonl",
        "chat_template": family.template is not None,
        "template": "{problem}" if family.template else "Question: {problem}\nAnswer:",
        "max_tokens": 60,
    }
    drawn = {"num_prompts": 3, "num_samples": 16, "temperature": 1.3, "pair_rule": "best_worst"}
    settings = {"per_device_train_batch_size": 4, "max_length": 256, "learning_rate": 1e-5}
    return {
        "name": "family",
        "model": {"path": str(folder), "chat_template_kwargs": family.template_arguments},
        "seeds": [0],
        "data": {"collect": {**shared, **drawn, "reward_model": {"path": str(judge)}}},
        "budget": {"unique_pairs": [2]},
        "methods": {
            "dpo": settings,
            "simpo": settings,
            "native_kto": {"adapter": "native.kto", **settings},
        },
        "plugins": {"plain": {}},
        "evaluation": {
            "math": [{"name": "asked", **shared, "sizes": []}],
            "contamination": "off",
        },
        "engine": {"max_model_len": 256},
    }


@pytest.fixture
def finished(family, taught_folder, judge, tmp_path):
    """The output folder of a run of the family."""
    if family.name not in ALWAYS and not ALL:
        pytest.skip("LORR_BENCH_ALL_FAMILIES=1 runs every family")
    rows = [
        {"id": f"q{place}", "problem": question, "answer": answers[0].rpartition(" ")[2]}
        for place, (question, answers) in enumerate(zip(QUESTIONS, ANSWERS, strict=True))
    ]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    suite = tmp_path / "suite.yaml"
    suite.write_text(json.dumps(suite_of(family, taught_folder(family), judge)), "utf-8")  # JSON is YAML
    output = tmp_path / "out"
    done = lorr_bench_warm("run", suite, "-o", output)
    assert done.returncode == 0, done.stderr + logs(output)
    return output


def stages(output, kind):
    """Folder and record of each stage of a kind."""
    for file in sorted(output.glob("store/*/*/record.json")):
        record = json.loads(file.read_text("utf-8"))
        if record["stage"]["kind"] == kind:
            yield file.parent, record


def rows(file):
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_a_family_runs_from_start_to_end(family, finished, tokenizer):
    [(collection, _)] = stages(finished, "pair_scored")
    pairs = rows(collection / "pairs.jsonl")
    assert len(pairs) >= 2
    assert {pair["chosen_truncated"] or pair["rejected_truncated"] for pair in pairs} == {False}
    ends = {pair[side] for pair in pairs for side in ("chosen_end", "rejected_end")}
    assert family.end in ends
    assert ends <= {family.eos, family.end, *family.stops}

    trained = [folder / "model" for folder, _ in stages(finished, "train")]
    assert len(trained) == 3
    for folder in trained:
        saved = GenerationConfig.from_pretrained(folder).eos_token_id
        assert tokenizer.convert_tokens_to_ids(family.end) in (saved if isinstance(saved, list) else [saved])

    answered = [
        [(row["text"], row["truncated"]) for row in rows(folder / "answers.jsonl")]
        for folder, _ in stages(finished, "answer_math")
    ]
    right = [(response_of(family, answers[0]), False) for answers in ANSWERS]
    assert len(answered) == 4
    assert right in answered  # the start model's
    assert [text for row in answered for text, truncated in row if truncated] == []
