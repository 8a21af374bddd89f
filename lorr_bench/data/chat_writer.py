"""Conversations of ready-made sets, written in a model's chat template."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

from lorr_bench.data.examples import Example
from lorr_bench.errors import DataError, ModelError
from lorr_bench.tokens.chat import Chat
from lorr_bench.tokens.special import begin_text

_PROBE: Final = ({"role": "user", "content": "Question"}, {"role": "assistant", "content": "Answer"})


class ChatWriter:
    """Writes examples as texts to train on.

    Args:
        tokenizer: A Hugging Face tokenizer.
        chat: What the template is told; its system prompt is the system turn of rows without one.

    Raises:
        ModelError: The tokenizer has no chat template.
    """

    def __init__(self, tokenizer: Any, chat: Chat) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise ModelError(
                "the rows are conversations, and the tokenizer has no chat template",
                where=str(tokenizer.name_or_path),
                fix="Use an instruction-tuned model, or give rows of strings in data.pairs.",
            )
        self._tokenizer = tokenizer
        self._chat = chat
        self._told = {**chat.arguments, "strftime_now": chat.today.strftime}

    def write(self, example: Example) -> tuple[str, list[str]]:
        """Prompt and responses as TRL writes them, without what tokenizing puts around every text.

        That is a begin token before the prompt, and the end token behind a response.

        Args:
            example: A conversation.

        Raises:
            DataError: The template refuses it.
        """
        from trl.data_utils import apply_chat_template

        names = ("chosen", "rejected") if len(example.responses) == 2 else ("completion",)
        prompt = self._with_system_turn(example.prompt)
        turns = {"prompt": prompt, **dict(zip(names, example.responses, strict=True))}
        arguments = {"chat_template_kwargs": {**self._told, **example.template_arguments}}
        try:
            written = apply_chat_template({**turns, **arguments}, self._tokenizer, example.tools)
        except Exception as error:  # a template is a program: it raises what it likes
            roles = ", ".join(example.roles)
            raise DataError(
                f"the model's chat template refuses the turns {roles}: {error}",
                where=example.row.where,
                fix="Leave such rows out, or use a model whose template has these roles.",
            ) from error
        begun: str = written["prompt"]
        text = begun.removeprefix(begin_text(self._tokenizer))
        return text, [written[name].removesuffix(self._behind) for name in names]

    def _with_system_turn(self, prompt: Any) -> Any:
        """The turns of a prompt, begun by the system turn of the suite where they have none of their own."""
        text = self._chat.system_prompt
        if text is None or (prompt and prompt[0]["role"] == "system"):
            return prompt
        return [{"role": "system", "content": text}, *prompt]

    @cached_property
    def _behind(self) -> str:
        """What the template writes behind an answer."""
        try:
            text: str = self._tokenizer.apply_chat_template(list(_PROBE), tokenize=False, **self._told)
        except Exception:  # noqa: BLE001 - a template that refuses these turns may take those of the rows
            return ""
        return text.rpartition(_PROBE[1]["content"])[2]
