"""The finished smoke suite against paths that share no code with ours.

Answers: transformers' argmax. lm-eval: its own command in a process of its own. Accuracies: the raw text. The
ledger: arithmetic on the raw files.
"""

import csv
import json
import math
import os
import re
import subprocess
import sys

import pytest
from smoke_run import ROOT, logs, run

pytest.importorskip("vllm", reason="vLLM is not installed: make install")
pytestmark = pytest.mark.slow

NANO = ROOT / "lorr_bench" / "data" / "nano" / "model"
BATCH = 16
BOX = re.compile(r"\\boxed\{(-?\d+)\}")


def rows(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def stages(output, kind):
    """Folder and stage of each result of a kind."""
    for file in sorted(output.glob(f"store/{kind}/*/record.json")):
        yield file.parent, json.loads(file.read_text("utf-8"))["stage"]


def model_of(output, stage):
    """The folder of the model that a stage worked on."""
    trained = stage["inputs"].get("model")
    if trained is None:
        return NANO
    [folder] = [path for path in output.glob("store/train/*") if trained.startswith(path.name)]
    return folder / "model"


def table(output, name):
    with (output / "report" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Greedy:
    """Whether an answer is what a model says with the largest probability at each place."""

    def __init__(self, folder):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch = torch
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def says(self, prompt, row):
        """One forward pass: each token of the answer, and its end, is the argmax after what stands before."""
        before = self.tokenizer(prompt)["input_ids"]
        answer = self.tokenizer(row["text"])["input_ids"]
        if not row["truncated"]:
            answer = [*answer, self.tokenizer.eos_token_id]
        assert len(answer) == row["tokens"]
        with self.torch.no_grad():
            logits = self.model(self.torch.tensor([before + answer])).logits[0]
        best = logits[len(before) - 1 : -1].argmax(-1).tolist()
        return best == answer


def check_greedy_answers(output):
    """Every greedy answer of a run; gives for each model how many there are, and how many are its own."""
    found = {}
    for folder, stage in stages(output, "answer_math"):
        greedy = Greedy(model_of(output, stage))
        prompts = {row["id"]: row["prompt"] for row in rows(folder / "problems.jsonl")}
        answers = [row for row in rows(folder / "answers.jsonl") if row["sampling"] == "greedy"]
        right = [greedy.says(prompts[row["id"]], row) for row in answers]
        found[stage["label"]] = (len(right), sum(right))
    return found


def test_greedy_answers_are_the_argmax_of_transformers(smoke):
    found = check_greedy_answers(smoke[0])
    assert len(found) == 5
    assert set(found.values()) == {(40, 40)}


def test_models_differ_so_that_a_wrong_one_would_show(smoke):
    """Put the start model in the place of the trained ones: their answers are not its own."""
    output, _ = smoke
    start, changed = Greedy(NANO), 0
    for folder, stage in stages(output, "answer_math"):
        if "model" in stage["inputs"]:
            prompts = {row["id"]: row["prompt"] for row in rows(folder / "problems.jsonl")}
            answers = [row for row in rows(folder / "answers.jsonl") if row["sampling"] == "greedy"]
            changed += sum(not start.says(prompts[row["id"]], row) for row in answers)
    assert changed


def test_an_untied_copy_answers_by_its_own_head(tmp_path):
    """The embedded model with its head as a tensor of its own, which training moves apart."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float32)
    head = torch.nn.Parameter(model.get_input_embeddings().weight.detach().clone())
    model.config.tie_word_embeddings = False
    model.lm_head.weight = head
    model.save_pretrained(tmp_path / "untied")
    AutoTokenizer.from_pretrained(NANO).save_pretrained(tmp_path / "untied")
    output = tmp_path / "out"
    changes = (f"model={tmp_path / 'untied'}", "plugins={lorr: {replays: 2}}", "evaluation.general=[]")
    done = run(output, *(part for change in changes for part in ("--set", change)))
    assert done.returncode == 0, done.stderr + logs(output)
    for folder, stage in stages(output, "answer_math"):
        if "model" in stage["inputs"]:
            greedy = Greedy(model_of(output, stage))
            assert not torch.equal(greedy.model.lm_head.weight, greedy.model.get_input_embeddings().weight)
            prompts = {row["id"]: row["prompt"] for row in rows(folder / "problems.jsonl")}
            answers = [row for row in rows(folder / "answers.jsonl") if row["sampling"] == "greedy"]
            assert all(greedy.says(prompts[row["id"]], row) for row in answers)


def test_accuracies_from_the_raw_text(smoke):
    output, _ = smoke
    by_hand = {}
    for folder, stage in stages(output, "answer_math"):
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
    [(folder, _)] = stages(output, "collect")
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
        for folder, stage in stages(output, "evaluate_general")
        if "dpo+lorr, 32" in stage["label"] or "start" in stage["label"]
    }
    trained = next(folder for label, folder in ours.items() if "dpo+lorr" in label)
    [stage] = [stage for folder, stage in stages(output, "evaluate_general") if folder == trained]
    arguments = {
        "--model": "hf",
        "--model_args": f"pretrained={model_of(output, stage)},dtype=float32",
        "--tasks": "nano_compare,nano_true_false,nano_order",
        "--include_path": str(ROOT / "lorr_bench" / "data" / "nano" / "tasks"),
        "--limit": "20",
        "--batch_size": "20",
        "--device": "cpu",
        "--output_path": str(tmp_path),
    }
    command = [sys.executable, "-m", "lm_eval", "run", *(part for pair in arguments.items() for part in pair)]
    done = subprocess.run(
        [*command, "--log_samples"], capture_output=True, text=True, check=False, env={**os.environ}
    )
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
