"""What a draft needs to know of the start model: its tokens, template and size."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.forecast.model_size import CONFIG_FILE, ModelSize, read_model_size
from lorr_bench.plan.identity.origins import model_folder
from lorr_bench.plan.identity.revisions import Revisions
from lorr_bench.ports.trainer import StartModel
from lorr_bench.quantities import count_text
from lorr_bench.spec.sources import ModelSpec

WHERE: Final = "--model"


@dataclass(frozen=True)
class FoundModel:
    """The start model.

    Attributes:
        name: As it was given.
        is_folder: Whether it is a folder of the user's, whose path depends on where the suite lies.
        commit: Of a Hub id; else None.
        family: ``model_type`` of its configuration.
        size: Its shapes; None where they can't be told.
        tokenizer: Of transformers.
    """

    name: str
    is_folder: bool
    commit: str | None
    family: str
    size: ModelSize | None
    tokenizer: Any

    @property
    def has_template(self) -> bool:
        """Whether its tokenizer has a chat template."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens; None where nothing names it."""
        return self.size.context if self.size else None

    def __str__(self) -> str:
        """Family, parameters and context in words."""
        words = [self.family]
        if self.size is not None:
            words.append(f"{count_text(self.size.parameters)} parameters")
        if self.context is not None:
            words.append(f"{self.context:,} tokens of context")
        return ", ".join(words)


def look_at_model(name: str, revision: str | None, folder: Path) -> FoundModel:
    """Read configuration and tokenizer of a model; of its weights only the head is read.

    Args:
        name: ``nano``, a folder, or a Hub id, whose small files are fetched.
        revision: Of a Hub id.
        folder: What a relative path is relative to.

    Raises:
        ModelError: There is no such model, its folder is not whole, or it has no tokenizer.
    """
    place = model_folder(ModelSpec(path=name, revision=revision), folder, WHERE)
    if place is not None:
        return _found(name, place, str(place), None, is_folder=name != "nano")
    commit = Revisions(ask=True, required=True).resolve("model", name, revision, WHERE).commit
    return _found(name, _fetched(name, commit), name, commit, is_folder=False)


def _found(name: str, files: Path | None, path: str, commit: str | None, *, is_folder: bool) -> FoundModel:
    start = StartModel(path=path, revision=commit, dtype="float32", trust_remote_code=False)
    return FoundModel(
        name=name,
        is_folder=is_folder,
        commit=commit,
        family=_family(files),
        tokenizer=load_tokenizer(start),
        size=read_model_size(path, commit),
    )


def _fetched(name: str, commit: str | None) -> Path | None:
    """Where the configuration of a model of the Hub lies; None where it can't be had."""
    from huggingface_hub import hf_hub_download

    with suppress(Exception):  # whoever loads the tokenizer says what is wrong
        return Path(hf_hub_download(name, CONFIG_FILE, revision=commit)).parent
    return None


def _family(folder: Path | None) -> str:
    """The kind of model that a configuration names."""
    with suppress(OSError, ValueError, RecursionError, AttributeError):
        if folder is not None:
            return str(json.loads((folder / CONFIG_FILE).read_text("utf-8")).get("model_type") or "model")
    return "model"
