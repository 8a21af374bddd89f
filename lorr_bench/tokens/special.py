"""Where the texts of a model begin and where its answers end: the one place that knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

_TURNS: Final = ({"role": "user", "content": "Question"}, {"role": "assistant", "content": "Answer"})


def encode(texts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    """Token numbers of texts, each begun once.

    A tokenizer that puts a begin token before every text puts it also before one that begins with it, as a
    text does that was written by a chat template.

    Args:
        texts: Prompts, or prompts with their responses.
        tokenizer: A Hugging Face tokenizer.
    """
    if not texts:
        return []
    begin: list[int] = tokenizer([""])["input_ids"][0][:1]
    numbers: list[list[int]] = tokenizer(list(texts))["input_ids"]
    return [ids[1:] if begin and ids[:2] == begin * 2 else ids for ids in numbers]


def begin_text(tokenizer: Any) -> str:
    """Text of the token that the tokenizer puts before every text; empty where it puts none."""
    begin = tokenizer([""])["input_ids"][0][:1]
    return str(tokenizer.bos_token) if begin == [tokenizer.bos_token_id] else ""


def end_token(tokenizer: Any) -> str:
    """The token that ends an answer whose own end is not known.

    The chat template's, which writes it behind every answer; without a template, or one that writes none, the
    end-of-sequence token. They are not the same for Gemma (``<end_of_turn>``), Phi-3 (``<|end|>``) and the
    base models of Qwen2.5 (``<|im_end|>``).

    Args:
        tokenizer: A Hugging Face tokenizer with an end-of-sequence token.
    """
    return _template_end(tokenizer) or str(tokenizer.eos_token)


def stop_token_ids(tokenizer: Any) -> list[int]:
    """The tokens at which sampling stops, beside those of the model's own ``generation_config.json``.

    Every end that may be trained is one of them.
    """
    ends = {str(tokenizer.eos_token), end_token(tokenizer)}
    return sorted(tokenizer.convert_tokens_to_ids(list(ends)))


def special_stops(stops: Sequence[str], tokenizer: Any) -> tuple[list[int], list[str]]:
    """Stops of a prompt, those that are special tokens as numbers: they never show up in a decoded answer.

    Args:
        stops: Texts at which an answer ends.
        tokenizer: Of the model that answers.

    Returns:
        Token numbers, and the texts that are left.
    """
    special = _special_tokens(tokenizer)
    numbers = [special[stop] for stop in stops if stop in special]
    return numbers, [stop for stop in stops if stop not in special]


def _template_end(tokenizer: Any) -> str | None:
    """The first special token that the chat template writes behind an answer."""
    from jinja2 import TemplateError

    if not getattr(tokenizer, "chat_template", None):
        return None
    try:
        text: str = tokenizer.apply_chat_template(list(_TURNS), tokenize=False)
    except TemplateError:  # of other turns than these, which whoever asks for them is told of
        return None
    _, _, behind = text.rpartition(_TURNS[1]["content"])
    special = {number: token for token, number in _special_tokens(tokenizer).items()}
    numbers = tokenizer(behind, add_special_tokens=False)["input_ids"]
    return next((special[number] for number in numbers if number in special), None)


def _special_tokens(tokenizer: Any) -> dict[str, int]:
    """Every special token by its text, those included that have no name such as ``eos_token``."""
    return {str(token): number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
