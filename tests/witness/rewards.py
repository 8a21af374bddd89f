"""Scores of a finished run against the reward model run by hand with transformers.

    python tests/witness/rewards.py STORE [REWARD_MODEL]

Reads the files of a store and shares no code with what wrote them. A reward model of the Hub is looked for in the
folder that is named.
"""

import json
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path


def rows(path):
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def stages(store, kind):
    """Folder and stage of each result of a kind."""
    for file in sorted(store.glob(f"{kind}/*/record.json")):
        yield file.parent, json.loads(file.read_text("utf-8"))["stage"]


class Judge:
    """A reward model, as its stage says it runs."""

    def __init__(self, folder, settings):
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self.torch, self.settings = torch, settings
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.tokenizer.padding_side = "right"
        self.model = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=getattr(torch, settings["dtype"])
        ).eval()
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model.to(self.device)
        if self.model.config.pad_token_id is None:
            self.model.config.pad_token_id = self.tokenizer.pad_token_id

    def ids(self, question, answer):
        if self.tokenizer.chat_template is None:
            return self.tokenizer(question + answer + (self.tokenizer.eos_token or ""))["input_ids"]
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        today = date.fromisoformat(self.settings["template_date"])
        text = self.tokenizer.apply_chat_template(turns, tokenize=False, strftime_now=today.strftime)
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def scores(self, asked):
        """A score for each question with its answer, in batches of like lengths; None where it is too long."""
        ids = {place: self.ids(*one) for place, one in enumerate(asked)}
        fitting = [place for place, row in ids.items() if len(row) <= self.settings["max_length"]]
        fitting.sort(key=lambda place: len(ids[place]), reverse=True)
        found = dict.fromkeys(ids)
        pad = self.model.config.pad_token_id
        size = self.settings["batch_size"] if pad is not None else 1
        while fitting:
            batch, fitting = fitting[:size], fitting[size:]
            width = len(ids[batch[0]])
            inputs = self.torch.full((len(batch), width), pad or 0)
            mask = self.torch.zeros((len(batch), width), dtype=self.torch.long)
            for line, place in enumerate(batch):
                inputs[line, : len(ids[place])] = self.torch.tensor(ids[place])
                mask[line, : len(ids[place])] = 1
            with self.torch.no_grad():
                logits = self.model(inputs.to(self.device), attention_mask=mask.to(self.device)).logits
            found |= dict(zip(batch, logits.squeeze(-1).float().tolist(), strict=True))
        return [found[place] for place in ids]


@dataclass(frozen=True)
class Checked:
    """Scores of one stage: how many, how many are equal to the last bit, and the largest difference."""

    label: str
    scores: int
    equal: int
    largest: float


def check_scores(store, folder=None):
    """Every score in a store."""
    for place, stage in stages(store, "score"):
        [answers] = [
            path for path in store.glob("sample/*") if stage["inputs"]["answers"].startswith(path.name)
        ]
        questions = {row["id"]: row["problem"] for row in rows(answers / "problems.jsonl")}
        asked = [(questions[row["id"]], row["text"]) for row in rows(answers / "answers.jsonl")]
        judge = Judge(folder or stage["setting"]["model_path"], stage["params"])
        stored = [row["score"] for row in rows(place / "scores.jsonl")]
        pairs = list(zip(stored, judge.scores(asked), strict=True))
        apart = [abs(one - other) for one, other in pairs if one is not None and other is not None]
        equal = sum(one == other for one, other in pairs)
        yield Checked(stage["label"], len(pairs), equal, max(apart, default=0.0))


def main(store, folder=None):
    for found in check_scores(Path(store), folder):
        print(f"{found.equal:5} of {found.scores:5} equal, at most {found.largest:.3g} apart  {found.label}")


if __name__ == "__main__":
    main(*sys.argv[1:])
