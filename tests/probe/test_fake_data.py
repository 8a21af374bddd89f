"""Fake pairs are as long as they are asked to be."""

import pytest

from lorr_bench.data.nano import tokenizer
from lorr_bench.data.tokens import tokenize_pairs
from lorr_bench.errors import ModelError
from lorr_bench.probe.fake_data import fake_answers, fake_pairs, fake_prompts, repeatable_texts
from lorr_bench.probe.probe import full_prompt
from lorr_bench.stages.training.rows import Collection, training_rows


@pytest.fixture(scope="module")
def nano():
    return tokenizer.build()


def test_every_sequence_reaches_the_length(nano):
    pairs = fake_pairs(nano, 9, prompt_tokens=1, length=64)
    tokens = tokenize_pairs(pairs, nano, 64)
    assert {len(pair.prompt) + len(pair.chosen) for pair in tokens} == {64}
    assert {len(pair.prompt) + len(pair.rejected) for pair in tokens} == {64}


def test_prompts_differ_and_are_as_long_as_asked(nano):
    pairs = fake_pairs(nano, 9, prompt_tokens=20, length=64)
    assert len({pair.prompt for pair in pairs}) == 9
    assert {len(nano(pair.prompt)["input_ids"]) for pair in pairs} == {20}


def test_responses_differ_from_their_first_token_on(nano):
    """Else a trainer that passes what they share once would need less memory than with real ones."""
    [pair] = fake_pairs(nano, 1, prompt_tokens=1, length=8)
    assert nano(pair.chosen)["input_ids"][0] != nano(pair.rejected)["input_ids"][0]


@pytest.mark.parametrize("kind", ["pairs", "labels", "chosen", "right_answers", "prompts"])
def test_every_kind_of_rows_can_be_made(kind, nano, tmp_path):
    import json

    pairs = fake_pairs(nano, 3, prompt_tokens=1, length=8)
    for name, rows in (("answers", fake_answers(pairs)), ("prompts", fake_prompts(pairs))):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert len(training_rows(kind, pairs, Collection(tmp_path))) == (6 if kind == "labels" else 3)


def test_a_full_prompt_leaves_room_for_one_token(nano):
    assert len(nano(full_prompt(nano, 50))["input_ids"]) == 49


class Merging:
    """A tokenizer that makes one token of everything."""

    all_special_ids = ()

    def __len__(self):
        return 3

    def decode(self, ids):
        return "abc"[ids[0]]

    def __call__(self, text):
        return {"input_ids": [0]}


def test_a_tokenizer_without_repeatable_tokens_is_refused():
    with pytest.raises(ModelError, match="no two tokens that can be repeated"):
        repeatable_texts(Merging())
