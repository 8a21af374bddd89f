"""Prompts in a chat template, through transformers itself."""

from datetime import date

import pytest

from lorr_bench.data.nano import tokenizer as nano
from lorr_bench.errors import ModelError
from lorr_bench.tokens.chat import Chat, chat_prompt

TODAY = date(2023, 1, 6)
ROLES = "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"


@pytest.fixture
def tokenizer():
    return nano.build()


def test_a_system_prompt_is_a_turn_before_the_problem(tokenizer):
    tokenizer.chat_template = ROLES
    assert chat_prompt(tokenizer, "2+2?", Chat(TODAY)) == "[user] 2+2?"
    assert chat_prompt(tokenizer, "2+2?", Chat(TODAY, "Be brief.")) == "[system] Be brief.[user] 2+2?"
    assert chat_prompt(tokenizer, "2+2?", Chat(TODAY, "")) == "[system] [user] 2+2?"


def test_a_template_is_told_the_arguments_and_the_date(tokenizer):
    tokenizer.chat_template = (
        "{{ strftime_now('%d %b %Y') }}, {{ enable_thinking }}, {{ add_generation_prompt }}"
    )
    told = chat_prompt(tokenizer, "2+2?", Chat(TODAY, arguments={"enable_thinking": False}))
    assert told == "06 Jan 2023, False, True"


def test_a_tokenizer_without_template_is_refused(tokenizer):
    with pytest.raises(ModelError, match="the tokenizer has no chat template") as caught:
        chat_prompt(tokenizer, "2+2?", Chat(TODAY))
    assert "chat_template: false" in caught.value.fix


def test_turns_that_the_template_refuses_are_named(tokenizer):
    tokenizer.chat_template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    )
    with pytest.raises(ModelError, match="refuses a conversation of system, user: no system role") as caught:
        chat_prompt(tokenizer, "2+2?", Chat(TODAY, "Be brief."))
    assert "Leave out model.system_prompt" in caught.value.fix
