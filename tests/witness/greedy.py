"""Greedy answers of a finished run against the argmax of transformers, and their accuracy from the raw text.

    python tests/witness/greedy.py STORE

Reads the files of a store and shares no code with what wrote them.
"""

import json
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

NANO = Path(__file__).parents[2] / "lorr_bench" / "data" / "nano" / "model"
BOX = re.compile(r"\\boxed\{(-?\d+)\}")


def rows(path):
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def stages(store, kind):
    """Folder and stage of each result of a kind."""
    for file in sorted(store.glob(f"{kind}/*/record.json")):
        yield file.parent, json.loads(file.read_text("utf-8"))["stage"]


def model_of(store, stage, start=NANO):
    """The folder of the model that a stage worked on."""
    trained = stage["inputs"].get("model")
    if trained is None:
        return start
    [folder] = [path for path in store.glob("train/*") if trained.startswith(path.name)]
    return folder / "model"


def greedy_answers(folder):
    """Prompt, right answer and row of each greedy answer of a stage."""
    problems = {row["id"]: row for row in rows(folder / "problems.jsonl")}
    for row in rows(folder / "answers.jsonl"):
        if row["sampling"] == "greedy":
            yield problems[row["id"]]["prompt"], problems[row["id"]]["gold"], row


class Greedy:
    """Whether an answer is what a model says with the largest probability at each place."""

    def __init__(self, folder):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch = torch
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def has_a_head_of_its_own(self):
        """Whether the output head differs from the embeddings."""
        return not self.torch.equal(self.model.lm_head.weight, self.model.get_input_embeddings().weight)

    def says(self, prompt, row):
        """Whether each token of the answer, and its end, is the argmax after what stands before."""
        return self.own([(prompt, row)]) == 1

    def own(self, answers):
        """How many answers the model says so; those of one length share a forward pass, so none is padded."""
        by_length = defaultdict(list)
        for prompt, row in answers:
            before, answer = self._tokens(prompt, row)
            by_length[len(before) + len(answer)].append((before, answer))
        return sum(map(self._own_of_one_length, by_length.values()))

    def _own_of_one_length(self, answers):
        with self.torch.no_grad():
            best = self.model(
                self.torch.tensor([before + answer for before, answer in answers])
            ).logits.argmax(-1)
        return sum(
            found[len(before) - 1 : -1].tolist() == answer
            for found, (before, answer) in zip(best, answers, strict=True)
        )

    def _tokens(self, prompt, row):
        before = self.tokenizer(prompt)["input_ids"]
        answer = self.tokenizer(row["text"])["input_ids"]
        if not row["truncated"]:
            end = row.get("end") or self.tokenizer.eos_token  # stores of older versions did not note it
            answer = [*answer, self.tokenizer.convert_tokens_to_ids(end)]
        assert len(answer) == row["tokens"]
        return before, answer


@dataclass(frozen=True)
class Checked:
    """The greedy answers of one model: how many, how many are its own, and how many are right."""

    label: str
    answers: int
    its_own: int
    right: int


def check_greedy_answers(store):
    """Every greedy answer in a store."""
    for folder, stage in stages(store, "answer_math"):
        greedy = Greedy(model_of(store, stage))
        answers = list(greedy_answers(folder))
        its_own = greedy.own((prompt, row) for prompt, _, row in answers)
        right = sum(BOX.findall(row["text"])[-1:] == [gold] for _, gold, row in answers)
        yield Checked(stage["label"], len(answers), its_own, right)


def main(store):
    checked = sorted(check_greedy_answers(Path(store)), key=lambda found: found.label)
    for found in checked:
        share = 100 * found.right / found.answers
        print(f"{found.its_own:5} of {found.answers:5} its own, {share:5.1f} % right  {found.label}")
    print(f"{sum(found.its_own for found in checked)} of {sum(found.answers for found in checked)} its own")


if __name__ == "__main__":
    main(*sys.argv[1:])
