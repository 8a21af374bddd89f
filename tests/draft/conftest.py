"""Rows, a tokenizer whose tokens are letters, and models of known size."""

import json

import pytest

from lorr_bench.draft.model import FoundModel
from lorr_bench.draft.rows import AskedRows, look_at_rows


class Letters:
    """A letter is its code, ``.`` the end."""

    eos_token = "."
    chat_template = None

    def __call__(self, texts):
        return {"input_ids": [[ord(letter) for letter in text] for text in texts]}


@pytest.fixture
def letters():
    return Letters()


@pytest.fixture
def rows_of(tmp_path, letters):
    """Called with rows: what is found when they lie in a file of JSON lines."""

    def look(rows, tokenizer=letters, **columns):
        file = tmp_path / "rows.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
        return look_at_rows(AskedRows("rows.jsonl", None, None, columns), tmp_path, tokenizer)

    return look


@pytest.fixture
def model(letters):
    """A model of unknown size, without a template."""
    return FoundModel("mine", True, None, "llama", None, letters)
