"""What the paper suites name, in tiny: models dressed as the same families, and data in the same columns.

``overrides`` is all that a run on them changes: where models and data lie, sizes, and the GPU's settings.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from family_conversations import TODAY
from family_facts import BY_NAME
from family_folders import HIDDEN, build_tokenizer, teach, write_tokenizer

from lorr_bench.spec.benchmarks import BENCHMARKS
from lorr_bench.spec.benchmarks import PROMPTS as WORDINGS
from lorr_bench.tokens.chat import Chat, chat_prompt

ROOT = Path(__file__).parents[2]
PROMPTS = 9
PAIRS = 6
SOLUTION = "{a}+{b} = {answer}. So \\boxed{{{answer}}}."
MATH_SETS = ("gsm8k", "math500", "minerva_math", "olympiadbench", "aime24", "amc23")
SUBJECTS = (
    "biology", "business", "chemistry", "computer science", "economics", "engineering", "health", "history",
    "law", "math", "other", "philosophy", "physics", "psychology",
)  # fmt: skip
EXAMPLES = 5  # that MMLU-Pro asks for
SHORT = {"until": ["Q"], "max_gen_toks": 16, "do_sample": False}


@dataclass(frozen=True)
class Sum:
    """A problem: the sum of two digits."""

    a: int
    b: int

    @property
    def text(self):
        return f"What is {self.a} + {self.b}?"

    @property
    def answer(self):
        return str(self.a + self.b)

    def solution(self, error=0):
        return SOLUTION.format(a=self.a, b=self.b, answer=self.a + self.b + error)


SUMS = tuple(Sum(1 + place, 2 + place % 4) for place in range(PROMPTS))


def write_rows(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(file)


def math_set(name, folder):
    """An entry of `evaluation.math` that reads a file with the columns of the registered set."""
    registered = BENCHMARKS[name]
    columns = {
        key: registered[key]
        for key in ("problem_column", "answer_column", "answer_pattern")
        if key in registered
    }
    question = columns.get("problem_column", "problem")
    answer = columns.get("answer_column", "answer")
    written = {"gsm8k": "{a} + {b} = <<{a}+{b}={answer}>>{answer}\n#### {answer}"}.get(name, "{answer}")
    texts = [written.format(a=one.a, b=one.b, answer=one.answer) for one in SUMS[:2]]
    rows = [
        {question: one.text, answer: [text] if name == "olympiadbench" else text}
        for one, text in zip(SUMS, texts, strict=False)
    ]
    return {"name": name, "source": write_rows(folder / f"{name}.jsonl", rows), **columns, "sizes": [2]}


def sampled(entry):
    """An entry as the suites have it for the two small sets."""
    few = {"repeats": 2, "temperature": 0.8, "top_p": 0.95}
    return {**entry, **few} if entry["name"] in ("aime24", "amc23") else entry


def ultrafeedback(file):
    """Prompts, and conversations that are not read; one prompt is empty."""
    import datasets

    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    texts = [*(one.text for one in SUMS), ""]
    rows = [
        {"prompt": text, "prompt_id": f"{place:064x}", "chosen": turns, "rejected": turns, "messages": turns}
        for place, text in enumerate(texts)
    ]
    datasets.Dataset.from_list(rows).to_parquet(file)
    return str(file)


def math_train(file):
    """Worked solutions with a box, and one without."""
    rows = [{"problem": one.text, "level": "Level 3", "solution": one.solution()} for one in SUMS]
    return write_rows(file, [*rows, {"problem": "Prove it.", "level": "Level 5", "solution": "Clear."}])


def task_files(folder):
    """lm-eval's own task files of both suites, reading small files of this machine."""
    folder.mkdir()
    own = Path(find_spec("lm_eval").submodule_search_locations[0]) / "tasks"
    questions = {
        "mmlu_pro": [
            {"question": f"{subject}, {number}?", "options": ["yes", "no"], "answer": "A", "answer_index": 0,
             "category": subject, "cot_content": "A: Let's think step by step. The answer is (A)."}
            for subject in SUBJECTS
            for number in range(EXAMPLES)
        ],
        "bbh": [{"input": "True and False is", "target": "False"}],
        "arc": [{"question": "Which?", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "B"}],
        "csqa": [{"question": "Where?", "choices": {"text": list("vwxyz"), "label": list("ABCDE")}, "answerKey": "C"}],
    }  # fmt: skip
    files = {name: write_rows(folder / f"{name}.jsonl", rows) for name, rows in questions.items()}
    for file in sorted((own / "mmlu_pro").glob("mmlu_pro_*.yaml")):
        write_task(folder, file, files["mmlu_pro"], ("test", "validation"), generation_kwargs=SHORT)
    for file in sorted((own / "bbh" / "cot_fewshot").glob("[a-z]*.yaml")):
        write_task(folder, file, files["bbh"], ("test",), generation_kwargs=SHORT)
    for file in (own / "mmlu_pro" / "_mmlu_pro.yaml", own / "bbh" / "cot_fewshot" / "_bbh_cot_fewshot.yaml"):
        shutil.copy(file, folder)
    splits = ("train", "validation", "test")
    write_task(folder, own / "arc" / "arc_challenge.yaml", files["arc"], splits)
    write_task(folder, own / "commonsense_qa" / "default.yaml", files["csqa"], splits)
    return str(folder)


def write_task(folder, file, data, splits, **more):
    """A task file that changes only where the questions come from, and how long answers are."""
    name = next(line for line in file.read_text("utf-8").splitlines() if line.startswith("task:"))
    named = f"{name}\ninclude: {file}\ndataset_name: null\n"
    changes = {"dataset_path": "json", "dataset_kwargs": {"data_files": dict.fromkeys(splits, data)}, **more}
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in changes.items()]
    (folder / f"{file.parent.name}_{file.name}").write_text(named + "".join(lines), "utf-8")


def taught_model(family, folder, asked, taught):
    """A model that answers the sums in its own chat template, right and wrong, and stops there.

    Args:
        family: Of the model.
        folder: Where it lies.
        asked: The prompt around a sum.
        taught: Where the taught one goes.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    sequences = []
    for one in SUMS:
        prompt = chat_prompt(tokenizer, asked.replace("{problem}", one.text), Chat(TODAY))
        length = len(tokenizer(prompt)["input_ids"])
        for error in (0, 1):
            ids = tokenizer(prompt + one.solution(error) + family.end)["input_ids"]
            sequences.append((ids, length))
    teach(folder, sequences, taught)
    return str(taught)


def reward_model(folder):
    """A scorer with random weights, dressed as Llama's: it has no padding token either."""
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    family = BY_NAME["llama-3.2-instruct"]
    tokenizer = build_tokenizer(family)
    torch.manual_seed(1)
    sizes = {"hidden_size": HIDDEN, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), num_labels=1, dtype="bfloat16", **sizes)
    LlamaForSequenceClassification(config).to(torch.bfloat16).save_pretrained(folder)
    write_tokenizer(family, tokenizer, folder)
    return str(folder)


def overrides(values):
    """Options of the command line."""
    return [part for key, value in values.items() for part in ("--set", f"{key}={json.dumps(value)}")]


def shared_changes(model, folder):
    """What both suites change: the model, all data of the evaluation, and sizes."""
    sets = folder / "math"
    sets.mkdir()
    tasks = {"include_path": task_files(folder / "tasks"), "trust_remote_code": True, "limit": 1}
    reasoning = ["bbh_cot_fewshot", "arc_challenge", "commonsense_qa"]
    return {
        "model.path": model,
        "model.revision": None,
        "seeds": [0],
        "data.collect.revision": None,
        "data.collect.split": None,
        "data.collect.num_prompts": PROMPTS,
        "data.collect.num_samples": 16,
        "data.collect.max_tokens": 60,
        "budget.unique_pairs": [PAIRS],
        "evaluation.protocol": {"name": "qwen-greedy", "prompt": "chat", "max_tokens": 60},
        "evaluation.math": [sampled(math_set(name, sets)) for name in MATH_SETS],
        "evaluation.general": [
            {"preset": "mmlu_pro", **tasks},
            {"name": "reasoning", "tasks": reasoning, **tasks},
        ],
        "engine.max_model_len": 512,
    }


def main_table_changes(model, folder):
    return {
        **shared_changes(model, folder),
        "data.collect.source": ultrafeedback(folder / "train_prefs.parquet"),
        "data.collect.reward_model.path": reward_model(folder / "judge"),
        "data.collect.reward_model.revision": None,
    }


def iterative_math_changes(model, folder):
    return {
        **shared_changes(model, folder),
        "data.collect.source": math_train(folder / "math_train.jsonl"),
        "data.collect.subset": None,
        "training.num_processes": 1,
    }


@dataclass(frozen=True)
class PaperSuite:
    """A suite of the paper, and what stands in for what it names.

    Attributes:
        name: Of its file.
        family: Of its start model.
        asked: The prompt of its collection.
        changes: What a run on stand-ins changes: called with model and folder.
    """

    name: str
    family: str
    asked: str
    changes: Callable

    def arguments(self, start, folder):
        """What `lorr-bench run` is called with to run it on stand-ins.

        Args:
            start: Folder of its family's model.
            folder: Where the stand-ins go.
        """
        model = taught_model(BY_NAME[self.family], start, self.asked, folder / "model")
        return [str(ROOT / "suites" / "paper" / f"{self.name}.yaml"), *overrides(self.changes(model, folder))]


MAIN_TABLE = PaperSuite("main_table", "llama-3.2-instruct", "{problem}", main_table_changes)
ITERATIVE_MATH = PaperSuite(
    "iterative_math",
    "qwen2.5-base",
    WORDINGS["chat"]["template"],
    iterative_math_changes,
)
