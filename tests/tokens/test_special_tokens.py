"""Begin and end of texts, on a tokenizer of transformers with few letters."""

import pytest
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from lorr_bench.tokens.special import begin_text, encode, end_token, special_stops, stop_token_ids

LETTERS = {"a": 0, "b": 1, "\n": 2}
NAMED = {"<s>": 3, "</s>": 4, "<turn>": 5}
TURNS = "{% for m in messages %}{{ m.content }}<turn>\n{% endfor %}"


@pytest.fixture
def make_tokenizer():
    """Letters and three special tokens; ``adds`` stands before every text."""

    def make_tokenizer(adds=None, template=None):
        backend = Tokenizer(models.WordLevel({**LETTERS, **NAMED}, unk_token="a"))
        backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")
        tokenizer.add_tokens([AddedToken("<turn>", special=True)], special_tokens=True)
        tokenizer.chat_template = template
        if adds:
            from tokenizers.processors import TemplateProcessing

            tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
                single=f"{adds} $A", special_tokens=[(adds, NAMED[adds])]
            )
        return tokenizer

    return make_tokenizer


def test_a_text_is_begun_once(make_tokenizer):
    assert encode(["ab", "<s>ab", "<s>"], make_tokenizer("<s>")) == [[3, 0, 1], [3, 0, 1], [3]]


def test_a_text_stays_as_it_is_where_the_tokenizer_begins_none(make_tokenizer):
    assert encode(["ab", "<s>ab", "<s><s>a"], make_tokenizer()) == [[0, 1], [3, 0, 1], [3, 3, 0]]


def test_no_texts_have_no_tokens(make_tokenizer):
    assert encode([], make_tokenizer("<s>")) == []


def test_the_begin_is_named_only_where_the_tokenizer_adds_it(make_tokenizer):
    assert begin_text(make_tokenizer()) == ""
    assert begin_text(make_tokenizer("<s>")) == "<s>"
    assert begin_text(make_tokenizer("</s>")) == ""  # some put an end there, which begins nothing


def test_the_end_is_the_templates(make_tokenizer):
    assert end_token(make_tokenizer(template=TURNS)) == "<turn>"


@pytest.mark.parametrize(
    "template",
    [
        None,
        "{% for m in messages %}{{ m.content }}\n{% endfor %}",
        "{{ raise_exception('only with tools') }}",
    ],
)
def test_without_an_end_in_the_template_it_is_the_tokenizers(make_tokenizer, template):
    assert end_token(make_tokenizer(template=template)) == "</s>"


def test_every_end_stops_sampling(make_tokenizer):
    assert stop_token_ids(make_tokenizer(template=TURNS)) == [4, 5]
    assert stop_token_ids(make_tokenizer()) == [4]


def test_special_tokens_among_stops_become_numbers(make_tokenizer):
    numbers, texts = special_stops(("<turn>", "ab", "<|im_end|>"), make_tokenizer())
    assert (numbers, texts) == ([5], ["ab", "<|im_end|>"])
