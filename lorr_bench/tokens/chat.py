"""Problems written in a model's own chat template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lorr_bench.errors import ModelError
from lorr_bench.tokens.special import begin_text


@dataclass(frozen=True)
class Chat:
    """What a chat template is told beside the problem.

    Attributes:
        today: For a template that asks for the date.
        system_prompt: A system turn before the problem; None for the template's own, if it has one.
        arguments: Further arguments, such as ``enable_thinking``.
    """

    today: date
    system_prompt: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


def chat_prompt(tokenizer: Any, problem: str, chat: Chat) -> str:
    """The problem as a user turn, up to where the answer begins.

    A begin token that the tokenizer itself puts before every text is left out.

    Args:
        tokenizer: A Hugging Face tokenizer.
        problem: What to ask.
        chat: What else the template is told.

    Raises:
        ModelError: The tokenizer has no chat template, or the template refuses the turns.
    """
    turns = [{"role": "user", "content": problem}]
    if chat.system_prompt is not None:
        turns.insert(0, {"role": "system", "content": chat.system_prompt})
    return written_turns(tokenizer, turns, chat, add_generation_prompt=True).removeprefix(
        begin_text(tokenizer)
    )


def written_turns(tokenizer: Any, turns: list[dict[str, str]], chat: Chat, **arguments: Any) -> str:
    """Turns of a conversation as the template writes them.

    Args:
        tokenizer: A Hugging Face tokenizer.
        turns: Each with ``role`` and ``content``.
        chat: What else the template is told; its system prompt is not used.
        arguments: Of ``apply_chat_template``.

    Raises:
        ModelError: The tokenizer has no chat template, or the template refuses the turns.
    """
    from jinja2 import TemplateError

    if not getattr(tokenizer, "chat_template", None):
        raise ModelError(
            "the tokenizer has no chat template",
            where=str(tokenizer.name_or_path),
            fix="Set chat_template: false in the suite, or use an instruction-tuned model.",
        )
    try:
        return str(
            tokenizer.apply_chat_template(
                turns, tokenize=False, strftime_now=chat.today.strftime, **chat.arguments, **arguments
            )
        )
    except TemplateError as error:
        roles = ", ".join(turn["role"] for turn in turns)
        raise ModelError(
            f"the chat template refuses a conversation of {roles}: {error}",
            where=str(tokenizer.name_or_path),
            fix="Leave out model.system_prompt and put its text into the template of the prompts.",
        ) from error
