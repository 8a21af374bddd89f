"""Conversations of ready-made sets, written in a model's chat template."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Any, Final

from lorr_bench.data.examples import Example
from lorr_bench.errors import DataError, ModelError

_PROBE: Final = ({"role": "user", "content": "Question"}, {"role": "assistant", "content": "Answer"})


class ChatWriter:
    """Writes examples as texts to train on.

    Args:
        tokenizer: A Hugging Face tokenizer.
        today: What a template that asks for the date is told.

    Raises:
        ModelError: The tokenizer has no chat template.
    """

    def __init__(self, tokenizer: Any, today: date) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise ModelError(
                "the rows are conversations, and the tokenizer has no chat template",
                where=str(tokenizer.name_or_path),
                fix="Use an instruction-tuned model, or give rows of strings in data.pairs.",
            )
        self._tokenizer = tokenizer
        self._today = today

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
        turns = {"prompt": example.prompt, **dict(zip(names, example.responses, strict=True))}
        arguments = {
            "chat_template_kwargs": {"strftime_now": self._today.strftime, **example.template_arguments}
        }
        try:
            written = apply_chat_template({**turns, **arguments}, self._tokenizer, example.tools)
        except Exception as error:  # a template is a program: it raises what it likes
            roles = ", ".join(example.roles)
            raise DataError(
                f"the model's chat template refuses the turns {roles}: {error}",
                where=example.row.where,
                fix="Leave such rows out, or use a model whose template has these roles.",
            ) from error
        prompt = written["prompt"].removeprefix(self._begin)
        return prompt, [written[name].removesuffix(self._behind) for name in names]

    @cached_property
    def _begin(self) -> str:
        """The token that the tokenizer puts before every text, whatever its template writes."""
        first = self._tokenizer("")["input_ids"][:1]
        return str(self._tokenizer.decode(first)) if first else ""

    @cached_property
    def _behind(self) -> str:
        """What the template writes behind an answer."""
        try:
            text: str = self._tokenizer.apply_chat_template(
                list(_PROBE), tokenize=False, strftime_now=self._today.strftime
            )
        except Exception:  # noqa: BLE001 - a template that refuses these turns may take those of the rows
            return ""
        return text.rpartition(_PROBE[1]["content"])[2]
