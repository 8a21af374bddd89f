"""The tokenizer of planning gives what transformers' own gives."""

import json
import shutil

import pytest

from lorr_bench.data.tokenizer_file import TokenizerFile
from lorr_bench.errors import ModelError
from lorr_bench.plan.identity.origins import NANO_MODEL

TEXTS = ["Leo has 40 shells.", "", " spaces  inside ", "42 = 40 + 2 <unk>"]


@pytest.mark.parametrize("where", ["nano", "small_model"])
def test_the_same_tokens_as_transformers(where, request):
    from transformers import AutoTokenizer

    folder = NANO_MODEL if where == "nano" else request.getfixturevalue(where)
    own, known = TokenizerFile(folder), AutoTokenizer.from_pretrained(folder)
    assert own.eos_token == known.eos_token
    assert own(TEXTS)["input_ids"] == known(TEXTS)["input_ids"]


def test_truncation_and_padding_that_a_file_asks_for_are_not_done(tmp_path):
    from tokenizers import Tokenizer

    shutil.copytree(NANO_MODEL, tmp_path / "model")
    tokenizer = Tokenizer.from_file(str(tmp_path / "model" / "tokenizer.json"))
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(tmp_path / "model" / "tokenizer.json"))
    assert TokenizerFile(tmp_path / "model")(TEXTS) == TokenizerFile(NANO_MODEL)(TEXTS)


def test_the_end_token_may_be_described(tmp_path):
    shutil.copytree(NANO_MODEL, tmp_path / "model")
    file = tmp_path / "model" / "tokenizer_config.json"
    config = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**config, "eos_token": {"content": "<end>"}}), "utf-8")
    assert TokenizerFile(tmp_path / "model").eos_token == "<end>"
    file.write_text(json.dumps({**config, "eos_token": None}), "utf-8")
    with pytest.raises(ModelError, match="names no end-of-sequence token"):
        TokenizerFile(tmp_path / "model")


def test_a_missing_or_damaged_tokenizer_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="the tokenizer can't be read"):
        TokenizerFile(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{}", "utf-8")
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(ModelError, match="the tokenizer can't be read"):
        TokenizerFile(tmp_path)
