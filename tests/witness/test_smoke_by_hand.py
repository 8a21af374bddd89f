"""The finished smoke suite against paths that share no code with ours.

Answers: transformers' argmax. lm-eval: its own command in a process of its own. Accuracies: the raw text. The
ledger: arithmetic on the raw files.
"""

import csv
import math
import os
from pathlib import Path

import pytest
from command_line import ROOT, SMOKE, logs, lorr_bench_warm
from greedy import BOX, NANO, Greedy, check_greedy_answers, greedy_answers, model_of, rows, stages
from installed import needs_vllm
from warm_process import run_warm

pytestmark = [pytest.mark.slow, needs_vllm]

BATCH = 16


def table(output, name):
    with (output / "report" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_greedy_answers_are_the_argmax_of_transformers(smoke):
    found = list(check_greedy_answers(smoke[0] / "store"))
    assert len(found) == 5
    assert {(checked.answers, checked.its_own) for checked in found} == {(40, 40)}


def test_models_differ_so_that_a_wrong_one_would_show(smoke):
    """Put the start model in the place of the trained ones: their answers are not its own."""
    output, _ = smoke
    start, changed = Greedy(NANO), 0
    for folder, stage in stages(output / "store", "answer_math"):
        if "model" in stage["inputs"]:
            changed += sum(not start.says(prompt, row) for prompt, _, row in greedy_answers(folder))
    assert changed


def untied_on_the_hub(cache):
    """The embedded model with its head as a tensor of its own, in the cache of the Hub's client."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    repository, commit = cache / "models--someone--untied", "0123456789abcdef" * 2 + "01234567"
    snapshot = repository / "snapshots" / commit
    model = AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float32)
    head = torch.nn.Parameter(model.get_input_embeddings().weight.detach().clone())
    model.config.tie_word_embeddings = False
    model.lm_head.weight = head
    model.save_pretrained(snapshot)
    AutoTokenizer.from_pretrained(NANO).save_pretrained(snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit, "utf-8")
    return snapshot


def test_an_untied_model_of_the_hub_and_a_merged_adapter_answer_as_they_were_saved(tmp_path):
    """Training moves the head of the first apart from its embeddings; the second trains a LoRA adapter."""
    start = untied_on_the_hub(Path(os.environ["HF_HOME"]) / "hub")
    output, changes = tmp_path / "out", {
        "model": "someone/untied",
        "budget.unique_pairs": "[16]",
        "methods.merged": "{like: dpo, adapter: dpo, learning_rate: 1.0e-2, lora: {r: 4}}",
        "plugins": "{lorr: {replays: 2}}",
        "evaluation.general": "[]",
        "execution.workers": "1",
    }  # fmt: skip
    arguments = (part for key, value in changes.items() for part in ("--set", f"{key}={value}"))
    done = lorr_bench_warm("run", SMOKE, "-o", output, *arguments)
    assert done.returncode == 0, done.stderr + logs(output)
    apart = []
    for folder, stage in stages(output / "store", "answer_math"):
        model = Greedy(model_of(output / "store", stage, start))
        assert all(model.says(prompt, row) for prompt, _, row in greedy_answers(folder)), stage["label"]
        apart.append(model.has_a_head_of_its_own())
    assert sorted(apart) == [False, False, True]  # the start model, the merged one, and the one trained whole


def test_accuracies_from_the_raw_text(smoke):
    output, _ = smoke
    by_hand = {}
    for folder, stage in stages(output / "store", "answer_math"):
        gold = {row["id"]: row["gold"] for row in rows(folder / "problems.jsonl")}
        right = {}
        for row in rows(folder / "answers.jsonl"):
            boxes = BOX.findall(row["text"])
            right.setdefault((row["sampling"], row["id"]), []).append(boxes[-1:] == [gold[row["id"]]])
        model = stage["label"].removeprefix("nano_easy answers: ")
        of = {way: [right[way, name] for name in gold] for way in ("greedy", "sampled")}
        by_hand[model, "greedy"] = sum(map(sum, of["greedy"])) / 40
        by_hand[model, "avg@2"] = sum(map(sum, of["sampled"])) / 80
        by_hand[model, "pass@2"] = sum(map(any, of["sampled"])) / 40
    reported = {}
    for row in table(output, "scores.csv"):
        if row["kind"] == "math" and row["metric"] != "maj@2":
            point = f"{row['arm']}, {row['unique_pairs']} pairs, seed {row['seed']}"
            model = "start model" if row["arm"] == "start" else point
            reported[model, row["metric"]] = float(row["value"])
    assert len(by_hand) == 15
    assert reported == pytest.approx(by_hand, abs=1e-12)
    assert len(set(by_hand.values())) > 5


def test_the_ledger_from_raw_files(smoke):
    from transformers import AutoTokenizer

    output, _ = smoke
    tokenizer = AutoTokenizer.from_pretrained(NANO)
    [(folder, _)] = stages(output / "store", "collect")
    answers, pairs = rows(folder / "answers.jsonl"), rows(folder / "pairs.jsonl")
    order = list(dict.fromkeys(row["id"] for row in answers))
    ledger = {(row["arm"], float(row["budget_pairs"])): row for row in table(output, "ledger.csv")}
    for (arm, budget), replays in {
        ("dpo+plain", 16): 1, ("dpo+plain", 32): 1, ("dpo+lorr", 16): 2, ("dpo+lorr", 32): 2,
    }.items():  # fmt: skip
        used = pairs[:budget]
        asked = set(order[: order.index(used[-1]["id"]) + 1])
        of_them = [row for row in answers if row["id"] in asked]
        lengths = [
            len(tokenizer(pair["prompt"] + pair[side] + tokenizer.eos_token)["input_ids"])
            for pair in used
            for side in ("chosen", "rejected")
        ]
        expected = {
            "prompts": len(asked),
            "unique_pairs": len({(pair["prompt"], pair["chosen"], pair["rejected"]) for pair in used}),
            "pair_visits": budget * replays,
            "verifier_calls": len(of_them),
            "generated_tokens": sum(row["tokens"] for row in of_them),
            "train_tokens": sum(lengths) * replays,
            "optimizer_steps": math.ceil(budget / BATCH) * replays,
        }
        line = ledger[arm, budget]
        assert {name: float(line[name]) for name in expected} == expected


def test_lm_eval_by_its_own_command(smoke, tmp_path):
    """Log-likelihoods and generated text of each question, which differ between models where scores do not."""
    output, _ = smoke
    ours = {
        stage["label"]: folder
        for folder, stage in stages(output / "store", "evaluate_general")
        if "dpo+lorr, 32" in stage["label"] or "start" in stage["label"]
    }
    trained = next(folder for label, folder in ours.items() if "dpo+lorr" in label)
    [stage] = [stage for folder, stage in stages(output / "store", "evaluate_general") if folder == trained]
    arguments = {
        "--model": "hf",
        "--model_args": f"pretrained={model_of(output / 'store', stage)},dtype=float32",
        "--tasks": "nano_compare,nano_true_false,nano_order",
        "--include_path": str(ROOT / "lorr_bench" / "data" / "nano" / "tasks"),
        "--limit": "20",
        "--batch_size": "20",
        "--device": "cpu",
        "--output_path": str(tmp_path),
    }
    words = ["-m", "lm_eval", "run", *(part for pair in arguments.items() for part in pair), "--log_samples"]
    done = run_warm(*words, environment=os.environ)
    assert done.returncode == 0, done.stderr[-2000:]
    for task in ("nano_compare", "nano_true_false"):
        theirs = log_likelihoods(next(tmp_path.rglob(f"samples_{task}_*.jsonl")))
        assert log_likelihoods(trained / f"samples_{task}.jsonl") == pytest.approx(theirs, abs=1e-3)
        start = next(folder for label, folder in ours.items() if "start" in label)
        assert log_likelihoods(start / f"samples_{task}.jsonl") != pytest.approx(theirs, abs=0.02)
    theirs = texts(next(tmp_path.rglob("samples_nano_order_*.jsonl")))
    assert texts(trained / "samples_nano_order.jsonl") == theirs


def log_likelihoods(path):
    """By question and choice."""
    return {
        (row["doc_id"], place): float(answer[0][0])
        for row in rows(path)
        for place, answer in enumerate(row["resps"])
    }


def texts(path):
    return {row["doc_id"]: row["resps"] for row in rows(path)}
