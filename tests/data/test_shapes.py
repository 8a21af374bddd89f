"""The shapes in which preference data comes: each a small file, what is read of it, and what is refused.

Every expected pair is written by hand. ``docs/data.md`` has the same table.
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import datasets
import pytest
from transformers import PreTrainedTokenizerFast

from lorr_bench.data.chat_writer import ChatWriter
from lorr_bench.data.pairs import PairFile, load_pair_file
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.spec.sources import PairFileSpec

TEMPLATE = (
    "{% if tools %}<tools>{{ tools | map(attribute='name') | join(',') }}</tools>{% endif %}"
    "{% for turn in messages %}<{{ turn.role }}>{{ turn.content }}"
    "{% for call in turn.tool_calls or [] %}[{{ call.name }} {{ call.arguments }}]{% endfor %}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
"""Turns as ``<role>text<end>``, tools before them, calls behind the text."""


def template_writer(template: str | None = TEMPLATE) -> ChatWriter:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(NANO_MODEL)
    tokenizer.chat_template = template
    return ChatWriter(tokenizer, date(2025, 1, 1))


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


SYSTEM = {"role": "system", "content": "Be short."}
Q, C, R = "2 + 3?", "5", "6"
PLAIN = {"prompt": Q, "chosen": C, "rejected": R}
TURNS = {"prompt": [user(Q)], "chosen": [assistant(C)], "rejected": [assistant(R)]}
WHOLE = {"chosen": [user(Q), assistant(C)], "rejected": [user(Q), assistant(R)]}
ASKED = "<user>2 + 3?<end>\n<assistant>"
AFTER_SYSTEM = f"<system>Be short.<end>\n{ASKED}"
FIRST_TURN = "<user>Hi<end>\n<assistant>Hello<end>\n"
HH = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: 2 + 3?\n\nAssistant:"
HH_ROW = {"chosen": f"{HH} 5", "rejected": f"{HH} 6"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"name": "add", "arguments": {"a": 2}}]}
TOOL = {"role": "tool", "content": "5"}
ADD = {"name": "add", "parameters": {"type": "object"}}


def write_lines(path: Path, rows: list[Any]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def write_array(path: Path, rows: list[Any]) -> None:
    path.write_text(json.dumps(rows, indent=1), "utf-8")


def write_table(path: Path, rows: list[Any]) -> None:
    packed = path.suffix == ".gz"
    with gzip.open(path, "wt", newline="") if packed else path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), delimiter="\t" if ".tsv" in path.name else ",")
        table.writeheader()
        table.writerows(rows)


def write_parquet(path: Path, rows: list[Any]) -> None:
    datasets.Dataset.from_list(rows).to_parquet(path)


def write_folder(path: Path, rows: list[Any]) -> None:
    datasets.Dataset.from_list(rows).save_to_disk(path)


def write_splits(path: Path, rows: list[Any]) -> None:
    of_split = {"train": datasets.Dataset.from_list([PLAIN]), "test": datasets.Dataset.from_list(rows)}
    datasets.DatasetDict(of_split).save_to_disk(path)


WRITERS = {
    "set.jsonl": write_lines,
    "set.jsonl.gz": write_lines,
    "set.json": write_array,
    "set.csv": write_table,
    "set.csv.gz": write_table,
    "set.tsv": write_table,
    "set.parquet": write_parquet,
    "saved": write_folder,
    "splits": write_splits,
}


@dataclass(frozen=True)
class Shape:
    """A file, what its suite says of it, and the pairs: prompt, chosen, rejected."""

    name: str
    file: str
    rows: list[dict[str, Any]]
    pairs: list[tuple[str, str, str]]
    said: dict[str, Any] = field(default_factory=dict)


SHAPES = [
    Shape("JSON lines of strings", "set.jsonl", [PLAIN], [(Q, C, R)]),
    Shape("gzipped JSON lines", "set.jsonl.gz", [PLAIN], [(Q, C, R)]),
    Shape("a JSON array", "set.json", [{**PLAIN, "chosen": "2025-01-01"}], [(Q, "2025-01-01", R)]),
    Shape(
        "CSV, every cell as it stands",
        "set.csv",
        [{**PLAIN, "chosen": "007", "rejected": "NA"}],
        [(Q, "007", "NA")],
    ),
    Shape(
        "gzipped CSV with line breaks",
        "set.csv.gz",
        [{**PLAIN, "chosen": 'a "b",\r\nc'}],
        [(Q, 'a "b",\r\nc', R)],
    ),
    Shape("TSV", "set.tsv", [PLAIN], [(Q, C, R)]),
    Shape("Parquet of strings", "set.parquet", [PLAIN], [(Q, C, R)]),
    Shape("a folder of save_to_disk", "saved", [PLAIN], [(Q, C, R)]),
    Shape(
        "a saved folder with splits", "splits", [{**PLAIN, "prompt": "x"}], [("x", C, R)], {"split": "test"}
    ),
    Shape("the first rows", "set.parquet", [PLAIN, {**PLAIN, "prompt": "x"}], [(Q, C, R)], {"limit": 1}),
    Shape(
        "columns by their names",
        "set.csv",
        [{"q": Q, "good": C, "bad": R}],
        [(Q, C, R)],
        {"prompt_column": "q", "chosen_column": "good", "rejected_column": "bad"},
    ),
    Shape("strings in the template", "set.jsonl", [PLAIN], [(ASKED, C, R)], {"chat_template": True}),
    Shape(
        "strings that begin with the prompt",
        "set.jsonl",
        [{"chosen": "The sky is blue.", "rejected": "The sky is green."}],
        [("The sky is", " blue.", " green.")],
        {"prompt_column": None},
    ),
    Shape("conversations", "set.parquet", [TURNS], [(ASKED, C, R)]),
    Shape("conversations that hold the prompt", "set.jsonl", [WHOLE], [(ASKED, C, R)]),
    Shape(
        "UltraFeedback-binarized: a string beside conversations",
        "set.parquet",
        [{"prompt": Q, **WHOLE, "messages": WHOLE["chosen"], "score_chosen": 8.0, "score_rejected": 3.5}],
        [(ASKED, C, R)],
        {"columns": "ultrafeedback_binarized"},
    ),
    Shape("a string before answers of one turn", "set.jsonl", [{**TURNS, "prompt": Q}], [(ASKED, C, R)]),
    Shape(
        "system turn and several turns",
        "set.parquet",
        [
            {
                "prompt": [SYSTEM, user("Hi"), assistant("Hello"), user(Q)],
                "chosen": [assistant(C)],
                "rejected": [assistant(R)],
            }
        ],
        [(f"<system>Be short.<end>\n{FIRST_TURN}{ASKED}", C, R)],
    ),
    Shape(
        "tools, calls and their results",
        "set.parquet",
        [
            {
                "prompt": [user(Q), CALL, TOOL],
                "chosen": [assistant(C)],
                "rejected": [assistant(R)],
                "tools": [ADD],
            }
        ],
        [
            (
                "<tools>add</tools><user>2 + 3?<end>\n<assistant>[add {'a': 2}]<end>\n<tool>5<end>\n<assistant>",
                C,
                R,
            )
        ],
    ),
    Shape("HH-RLHF's strings", "set.jsonl.gz", [HH_ROW], [(HH, " 5", " 6")]),
    Shape(
        "HH-RLHF's strings in the template",
        "set.jsonl",
        [HH_ROW],
        [(f"{FIRST_TURN}{ASKED}", C, R)],
        {"columns": "hh_rlhf", "chat_template": True},
    ),
    Shape(
        "Orca DPO pairs",
        "set.parquet",
        [
            {"system": "Be short.", "question": Q, "chosen": C, "rejected": R},
            {"system": "", "question": "x", "chosen": C, "rejected": R},
        ],
        [(AFTER_SYSTEM, C, R), ("<user>x<end>\n<assistant>", C, R)],
        {"columns": "orca_dpo"},
    ),
    Shape(
        "Orca DPO pairs of Argilla",
        "set.parquet",
        [{"system": "Be short.", "input": Q, "chosen": C, "rejected": R}],
        [(AFTER_SYSTEM, C, R)],
        {"columns": "distilabel_orca"},
    ),
    Shape(
        "a column with system turns",
        "set.jsonl",
        [{"system": "Be short.", **PLAIN}],
        [(AFTER_SYSTEM, C, R)],
        {"columns": "truthy_dpo"},
    ),
    Shape(
        "ShareGPT's turns",
        "set.jsonl",
        [
            {
                "conversations": [{"from": "human", "value": Q}],
                "chosen": {"from": "gpt", "value": C},
                "rejected": {"from": "gpt", "value": R},
            }
        ],
        [(ASKED, C, R)],
        {"columns": "sharegpt"},
    ),
    Shape(
        "unpaired strings",
        "set.csv",
        [{"prompt": Q, "completion": C, "label": True}, {"prompt": Q, "completion": R, "label": False}],
        [(Q, C, ""), (Q, "", R)],
        {"type": "unpaired"},
    ),
    Shape(
        "unpaired conversations",
        "set.parquet",
        [{"prompt": [user(Q)], "completion": [assistant(R)], "label": False}],
        [(ASKED, "", R)],
        {"columns": "kto_mix"},
    ),
    Shape(
        "prompt and completion",
        "set.jsonl",
        [{"prompt": Q, "completion": C}],
        [(Q, C, "")],
        {"type": "prompt_completion"},
    ),
    Shape(
        "conversations for imitation",
        "set.parquet",
        [{"messages": [user("Hi"), assistant("Hello"), user(Q), assistant(C)]}],
        [(f"{FIRST_TURN}{ASKED}", C, "")],
        {"columns": "messages"},
    ),
]


def read(folder: Path, file: str, rows: list[Any], **said: Any) -> PairFile:
    WRITERS[file](folder / file, rows)
    return load_pair_file(PairFileSpec(source=file, **said), folder, template_writer)


def texts(loaded: PairFile) -> list[tuple[str, str, str]]:
    return [(pair.prompt, pair.chosen, pair.rejected) for pair in loaded.pairs]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_shape_is_read(shape: Shape, tmp_path: Path) -> None:
    assert texts(read(tmp_path, shape.file, shape.rows, **shape.said)) == shape.pairs
