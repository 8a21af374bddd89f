"""A model's tokenizer read from its files, without transformers: quick enough for planning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lorr_bench.errors import ModelError


class TokenizerFile:
    """Token numbers of texts, as the tokenizer of the model gives them.

    Args:
        folder: With ``tokenizer.json`` and ``tokenizer_config.json``.

    Attributes:
        eos_token: The end-of-sequence token.

    Raises:
        ModelError: A file is missing or can't be read, or names no end-of-sequence token.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        try:
            config: dict[str, Any] = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
            self._tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text("utf-8"))
        except Exception as error:  # the library raises Exception itself
            raise ModelError(
                f"the tokenizer can't be read: {error}",
                where=str(folder),
                fix="Put tokenizer.json and tokenizer_config.json into the model folder.",
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        end = config.get("eos_token")
        self.eos_token: str = end["content"] if isinstance(end, dict) else end or ""
        if not self.eos_token:
            raise ModelError(
                "the tokenizer names no end-of-sequence token",
                where=str(folder),
                fix="Set eos_token in tokenizer_config.json.",
            )

    def __call__(self, texts: list[str]) -> dict[str, list[list[int]]]:
        """Token numbers of each text under ``input_ids``, as transformers has it."""
        return {"input_ids": [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]}
