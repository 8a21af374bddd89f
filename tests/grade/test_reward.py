"""A reward model of known weights, made by code; expected scores come from its bare body, one text at a time."""

from __future__ import annotations

import math

import pytest
import torch
from transformers import AutoModel, LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

from lorr_bench.data.nano import tokenizer
from lorr_bench.errors import ModelError
from lorr_bench.grade.reward import score_many
from lorr_bench.spec.sources import RewardModelSpec

HEAD = torch.linspace(-2.0, 2.0, 16)


def save(folder, *, labels=1, head=HEAD, pad="<pad>", template=None, cls=LlamaForSequenceClassification):
    """A two-layer model and the nano tokenizer."""
    tok = tokenizer.build()
    tok.pad_token, tok.chat_template = pad, template
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tok),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        initializer_range=0.5,
        bos_token_id=None,
        eos_token_id=tok.eos_token_id,
        pad_token_id=tok.pad_token_id,
        num_labels=labels,
    )
    model = cls(config)
    if cls is LlamaForSequenceClassification:
        model.score.weight.data = head.repeat(labels, 1)
    model.save_pretrained(folder)
    tok.save_pretrained(folder)
    return tok


def spec(folder, **values):
    return RewardModelSpec(path=str(folder), **values)


def by_hand(folder, ids):
    """head · last hidden state, without padding or batches."""
    body = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        hidden = body(torch.tensor([ids])).last_hidden_state[0, -1]
    return float(hidden @ HEAD)


@pytest.fixture
def texts(nano_pairs):
    """Three prompts with two answers each, of different lengths."""
    pairs = nano_pairs[:3]
    return [pair.prompt for pair in pairs], [[pair.chosen, pair.rejected[:20]] for pair in pairs]


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_scores_are_those_of_each_text_alone(tmp_path, texts, batch_size):
    tok = save(tmp_path)
    prompts, answers = texts
    scores = score_many(prompts, answers, spec(tmp_path, batch_size=batch_size))
    for prompt, row, found in zip(prompts, answers, scores, strict=True):
        ids = [tok(prompt + answer + tok.eos_token)["input_ids"] for answer in row]
        assert found == pytest.approx([by_hand(tmp_path, each) for each in ids], abs=1e-4)
    assert len({score for row in scores for score in row}) == 6


@pytest.mark.slow
def test_a_chat_template_makes_two_turns_and_no_second_begin_token(tmp_path, texts):
    template = "{% for turn in messages %}{{ turn.content }}" + "<eos>{% endfor %}"
    tok = save(tmp_path, template=template)
    (prompt, *_), ((answer, _), *_) = texts
    ids = tok(f"{prompt}<eos>{answer}<eos>", add_special_tokens=False)["input_ids"]
    assert score_many([prompt], [[answer]], spec(tmp_path))[0] == pytest.approx(
        [by_hand(tmp_path, ids)], abs=1e-4
    )


@pytest.mark.slow
def test_bfloat16_is_near(tmp_path, texts):
    save(tmp_path)
    exact, near = (score_many(*texts, spec(tmp_path, dtype=dtype)) for dtype in ("float32", "bfloat16"))
    for one, other in zip(exact, near, strict=True):
        assert other == pytest.approx(one, abs=1.0)
    assert near != exact


@pytest.mark.slow
def test_an_answer_that_does_not_fit_gets_no_score(tmp_path, texts):
    tok = save(tmp_path)
    (prompt, *_), ((answer, shorter), *_) = texts
    length = len(tok(prompt + answer + tok.eos_token)["input_ids"])
    fits = score_many([prompt], [[answer, shorter]], spec(tmp_path, max_length=length))
    cut = score_many([prompt], [[answer, shorter]], spec(tmp_path, max_length=length - 1))
    assert cut == [[None, pytest.approx(fits[0][1], abs=1e-4)]]
    assert fits[0][0] is not None


@pytest.mark.slow
def test_without_a_padding_token_answers_are_scored_one_by_one(tmp_path, texts):
    prompts, answers = texts
    save(tmp_path / "with")
    save(tmp_path / "without", pad=None)
    expected = score_many(prompts, answers, spec(tmp_path / "with", batch_size=1))
    found = score_many(prompts, answers, spec(tmp_path / "without", batch_size=8))
    assert [score for row in found for score in row] == pytest.approx(
        [s for row in expected for s in row], abs=1e-4
    )


def test_two_labels_are_refused(tmp_path, texts):
    save(tmp_path, labels=2)
    with pytest.raises(ModelError, match="gives 2 numbers for an answer"):
        score_many(*texts, spec(tmp_path))


def test_a_language_model_is_refused(tmp_path, texts):
    """It would be given a random scoring head."""
    save(tmp_path, cls=LlamaForCausalLM)
    with pytest.raises(ModelError, match=r"no trained weights for score\.weight"):
        score_many(*texts, spec(tmp_path))


def test_a_missing_model_is_refused(tmp_path, texts):
    with pytest.raises(ModelError, match="the reward model can't be loaded"):
        score_many(*texts, spec(tmp_path / "nowhere"))


def test_a_score_that_is_no_number_is_refused(tmp_path, texts):
    save(tmp_path, head=torch.full((16,), math.nan))
    with pytest.raises(ModelError, match="gave the score nan"):
        score_many(*texts, spec(tmp_path))


def test_no_answers_have_no_scores(tmp_path):
    save(tmp_path)
    assert score_many(["p", "q"], [[], []], spec(tmp_path)) == [[], []]


@pytest.mark.slow
def test_a_template_that_asks_for_today_is_told_the_date_of_the_suite(tmp_path, texts):
    template = "{% if strftime_now('%Y') == '2019' %}{% for turn in messages %}{{ turn.content }}{% endfor %}{% endif %}"
    save(tmp_path, template=template + "<eos>")
    (prompt, *_), ((answer, _), *_) = texts
    then = score_many([prompt], [[answer]], spec(tmp_path, template_date="2019-05-01"))
    save(tmp_path, template="{% for turn in messages %}{{ turn.content }}{% endfor %}<eos>")
    assert then == score_many([prompt], [[answer]], spec(tmp_path))
