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
from lorr_bench.errors import DataError, ModelError
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.spec.sources import PairFileSpec
from lorr_bench.tokens.chat import Chat

TEMPLATE = (
    "{% if tools %}<tools>{{ tools | map(attribute='name') | join(',') }}</tools>{% endif %}"
    "{% for turn in messages %}<{{ turn.role }}>{{ turn.content }}"
    "{% for call in turn.tool_calls or [] %}[{{ call.name }} {{ call.arguments }}]{% endfor %}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
"""Turns as ``<role>text<end>``, tools before them, calls behind the text."""


def template_writer(template: str | None = TEMPLATE, system_prompt: str | None = None) -> ChatWriter:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(NANO_MODEL)
    tokenizer.chat_template = template
    return ChatWriter(tokenizer, Chat(date(2025, 1, 1), system_prompt))


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


ONE_SIDED = {"prompt": Q, "completion": C}
WRITTEN = json.dumps(TURNS["chosen"])
IMAGE = {"role": "user", "content": [{"type": "image"}]}


@dataclass(frozen=True)
class Refused:
    """A file, what its suite says of it, and the whole sentence; ``FILE`` stands for its path."""

    name: str
    file: str
    rows: list[Any]
    sentence: str
    said: dict[str, Any] = field(default_factory=dict)


REFUSED = [
    Refused(
        "columns of a set in wide use without its name",
        "set.parquet",
        [{"system": "", "question": Q, "chosen": C, "rejected": R}],
        "FILE row 0: no column 'prompt'; there are 'system', 'question', 'chosen', 'rejected'\n"
        "  these are the columns of Intel/orca_dpo_pairs: write `columns: orca_dpo`",
    ),
    Refused(
        "one conversation where two responses are asked for",
        "set.jsonl",
        [{"messages": WHOLE["chosen"]}],
        "FILE:1: no column 'chosen'; there are 'messages'\n"
        "  these are the columns of HuggingFaceH4/ultrachat_200k, trl-lib/Capybara: write "
        "`columns: messages`",
    ),
    Refused(
        "labels where two responses are asked for",
        "set.csv",
        [{**ONE_SIDED, "label": "True"}],
        "FILE:2: no column 'chosen'; there are 'prompt', 'completion', 'label'\n"
        "  these are the columns of trl-lib/kto-mix-14k: write `columns: kto_mix`",
    ),
    Refused(
        "strings without a prompt",
        "set.jsonl",
        [{"chosen": C, "rejected": R}],
        "FILE:1: no column 'prompt'; there are 'chosen', 'rejected'\n"
        "  set `prompt_column`, or write `prompt_column: null` where the responses begin with the prompt",
    ),
    Refused(
        "one response without a prompt",
        "set.jsonl",
        [{"completion": C}],
        "FILE:1: the response holds no prompt\n"
        "  name the column with the prompt in `prompt_column`; a list of turns may begin with it",
        {"type": "prompt_completion", "prompt_column": None},
    ),
    Refused(
        "a conversation beside a string",
        "set.jsonl",
        [{**TURNS, "rejected": R}],
        "FILE:1: 'chosen' and 'rejected' hold a conversation and a string\n"
        "  write both as lists of turns, or both as strings",
    ),
    Refused(
        "conversations behind strings",
        "set.json",
        [PLAIN, TURNS],
        "FILE row 1: this row is a conversation, but FILE row 0 is strings\n"
        "  give a set of one kind, or set `chat_template: true`, which makes turns of strings",
    ),
    Refused(
        "a conversation in a cell",
        "set.csv",
        [{"prompt": Q, "chosen": WRITTEN, "rejected": WRITTEN}],
        "FILE:2: column 'chosen' holds a conversation that is written as one string\n"
        "  save the set as Parquet or JSON lines, where it can be a list of turns",
    ),
    Refused(
        "an unknown role",
        "set.jsonl",
        [{**TURNS, "chosen": [{"role": "bot", "content": C}]}],
        "FILE:1: turn 1 in column 'chosen' has the role 'bot'\n"
        "  roles are system, developer, user, assistant, tool",
    ),
    Refused(
        "a list of something else",
        "set.jsonl",
        [{**TURNS, "chosen": [C]}],
        "FILE:1: turn 1 in column 'chosen' is no turn of a conversation\n"
        "  each must be an object with `role` and `content`",
    ),
    Refused(
        "images",
        "set.jsonl",
        [{**TURNS, "prompt": [IMAGE]}],
        "FILE:1: turn 1 in column 'prompt' holds parts instead of one text\n  only text is trained on",
    ),
    Refused(
        "tools that are no JSON",
        "set.jsonl",
        [{**TURNS, "tools": "add"}],
        "FILE:1: column 'tools' is not JSON: Expecting value: line 1 column 1 (char 0)\n"
        "  give a list of function schemas",
    ),
    Refused(
        "a rating for a label",
        "set.jsonl",
        [{**ONE_SIDED, "label": 4}],
        "FILE:1: column 'label' holds 4, which is no label\n  a label is true or false, or 1 or 0",
        {"type": "unpaired"},
    ),
    Refused(
        "no labels",
        "set.jsonl",
        [{**ONE_SIDED, "labels": True}],
        "FILE:1: no column 'label'; there are 'prompt', 'completion', 'labels'\n"
        "  did you mean 'labels'? Set `label_column`",
        {"type": "unpaired"},
    ),
    Refused(
        "no split of that name",
        "splits",
        [PLAIN],
        "FILE: no split 'train_prefs'; there are 'train', 'test'\n  name one of them in `split`",
        {"split": "train_prefs"},
    ),
    Refused(
        "no usable row",
        "set.jsonl",
        [{**PLAIN, "chosen": None}, {**PLAIN, "rejected": " "}, {**PLAIN, "rejected": " 5"}],
        "set.jsonl: no usable pair among 3 rows: a text is null: 1; a text is empty: 1; both responses are the "
        "same: 1\n  a pair needs a prompt and two different responses, none of them empty",
    ),
    Refused(
        "a number in an array",
        "set.json",
        [PLAIN, 5],
        "FILE row 1: a JSON int, not an object\n  each member of the array must be an object",
    ),
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.name)
def test_a_shape_is_refused_with_its_place_and_remedy(refused: Refused, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, refused.file, refused.rows, **refused.said)
    assert str(caught.value) == refused.sentence.replace("FILE", str(tmp_path / refused.file))


def test_the_documentation_has_every_shape_and_every_sentence() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")
    for shape in SHAPES:
        assert f"| {shape.name} | `{shape.file}` |" in page
    for refused in REFUSED:
        place, _, sentence = refused.sentence.partition(": ")
        what, fix = sentence.replace("FILE row 0", f"{refused.file} row 0").split("\n  ")
        assert f"| {refused.name} | {what} | {fix} |" in page, place


DAMAGED = {
    "set.jsonl.gz": (
        b"no gzip",
        "FILE: not a whole gzip file: Not a gzipped file (b'no')\n  pack it again, or unpack it",
    ),
    "set.json": (
        b'[{"prompt": ',
        "FILE: not JSON: Expecting value: line 1 column 13 (char 12)\n"
        "  give one array of objects, or one object a line",
    ),
    "set.csv": (
        b"prompt,chosen,rejected\nq,c\n",
        "FILE:2: 2 cells, but the first line names 3 columns\n"
        "  put cells with separators, quotes or line breaks into double quotes",
    ),
    "set.tsv": (
        b'prompt\tchosen\n"q"x\tc\n',
        "FILE:2: not CSV: '\t' expected after '\"'\n"
        "  put cells with separators, quotes or line breaks into double quotes",
    ),
}


@pytest.mark.parametrize("file", DAMAGED)
def test_a_damaged_file_is_refused_with_its_place_and_remedy(file: str, tmp_path: Path) -> None:
    content, sentence = DAMAGED[file]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_pair_file(PairFileSpec(source=file), tmp_path)
    assert str(caught.value) == sentence.replace("FILE", str(tmp_path / file))


def test_a_gzip_file_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl.gz").write_bytes(gzip.compress(json.dumps(PLAIN).encode())[:-9])
    with pytest.raises(DataError, match="not a whole gzip file"):
        load_pair_file(PairFileSpec(source="set.jsonl.gz"), tmp_path)


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.parquet").write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"set.parquet: not a whole Parquet file: .*\n  write it again"):
        load_pair_file(PairFileSpec(source="set.parquet"), tmp_path)


def test_a_damaged_saved_folder_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "saved", [PLAIN])
    (tmp_path / "saved" / "state.json").write_text("{}")
    with pytest.raises(DataError, match=r"saved: not a whole folder of `save_to_disk`: .*\n  save it again"):
        load_pair_file(PairFileSpec(source="saved"), tmp_path)


def test_a_model_without_template_refuses_conversations() -> None:
    with pytest.raises(
        ModelError, match=r"the rows are conversations.*no chat template\n  Use an instruction-tuned"
    ):
        template_writer(template=None)


def test_a_template_that_refuses_a_row_is_told_with_the_row(tmp_path: Path) -> None:
    write_lines(tmp_path / "set.jsonl", [{**TURNS, "prompt": [SYSTEM, user(Q)]}])
    template = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}"
    with pytest.raises(DataError) as caught:
        load_pair_file(PairFileSpec(source="set.jsonl"), tmp_path, lambda: template_writer(template))
    assert str(caught.value) == (
        f"{tmp_path}/set.jsonl:1: the model's chat template refuses the turns system, user, assistant: no system "
        "turn\n  Leave such rows out, or use a model whose template has these roles."
    )


def test_rows_that_are_no_pairs_are_counted_by_reason(tmp_path: Path) -> None:
    rows = [
        TURNS,
        TURNS,
        {**TURNS, "chosen": None},
        {**TURNS, "rejected": [assistant("")]},
        {**TURNS, "rejected": [assistant("5 ")]},
        {**TURNS, "rejected": [assistant(R), user("Sure?")]},
        {"prompt": None, "chosen": [user("Hi"), assistant(C)], "rejected": [user("Ho"), assistant(R)]},
        {"prompt": None, "chosen": [*WHOLE["chosen"], user("a")], "rejected": [*WHOLE["chosen"], user("b")]},
    ]
    loaded = read(tmp_path, "set.jsonl", rows)
    assert texts(loaded) == [(ASKED, C, R)]
    assert loaded.left_out == {"null": 1, "empty": 1, "equal": 1, "no_answer": 1, "no_prompt": 2}
    assert list(loaded.notices) == [
        "6 of 8 rows are no pairs (a text is null: 1; a text is empty: 1; both responses are the same: 1; the last "
        "turn is not the assistant's: 1; the responses have no prompt in common: 2), and were left out.",
        "1 rows repeat a pair before them, and were left out.",
    ]


def test_a_system_column_that_is_not_used_is_said(tmp_path: Path) -> None:
    loaded = read(tmp_path, "set.jsonl", [{"system": "Be short.", **PLAIN}])
    assert list(loaded.notices) == [
        "1 rows have a text in column 'system', which is not used: `system_column: system` with "
        "`chat_template: true` makes it the system turn."
    ]


def test_a_template_that_asks_for_the_date_is_told_the_one_of_the_suite(tmp_path: Path) -> None:
    write_lines(tmp_path / "set.jsonl", [TURNS])
    template = f"{{{{ strftime_now('%Y') }}}}{TEMPLATE}"
    loaded = load_pair_file(PairFileSpec(source="set.jsonl"), tmp_path, lambda: template_writer(template))
    assert texts(loaded) == [(f"2025{ASKED}", C, R)]


def test_a_large_hub_set_is_streamed_up_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(*names: Any, **options: Any) -> Any:
        asked.append((names, options))
        return ({**PLAIN, "prompt": str(number), "id": "same"} for number in range(1000))

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    options = {"revision": "abc", "split": "train_prefs", "subset": "en", "streaming": True}
    loaded = load_pair_file(PairFileSpec(source="owner/set", limit=2, **options), tmp_path)
    assert asked == [(("owner/set", "en"), {"revision": "abc", "split": "train_prefs", "streaming": True})]
    assert [(pair.id, pair.prompt) for pair in loaded.pairs] == [("same", "0"), ("same#2", "1")]


def test_a_stream_that_breaks_off_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows() -> Any:
        yield PLAIN
        raise ConnectionError("gone")

    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: rows())
    with pytest.raises(
        DataError, match="owner/set@abc: the data set cannot be loaded: ConnectionError: gone"
    ):
        load_pair_file(PairFileSpec(source="owner/set", revision="abc", streaming=True), tmp_path)


def test_the_system_turn_of_the_suite_begins_conversations_without_one(tmp_path: Path) -> None:
    rows = [
        {"prompt": [user("1+1?")], "chosen": [assistant("2")], "rejected": [assistant("3")]},
        {
            "prompt": [{"role": "system", "content": "Think."}, user("1+2?")],
            "chosen": [assistant("3")],
            "rejected": [assistant("4")],
        },
    ]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    loaded = load_pair_file(
        PairFileSpec(source="set.jsonl"), tmp_path, lambda: template_writer(system_prompt="Be brief.")
    )
    assert [pair.prompt for pair in loaded.pairs] == [
        "<system>Be brief.<end>\n<user>1+1?<end>\n<assistant>",
        "<system>Think.<end>\n<user>1+2?<end>\n<assistant>",
    ]
