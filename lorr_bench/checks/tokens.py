"""Whether the start model names the tokens that end and pad its texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lorr_bench.data.tokens import bare_tokenizer, load_tokenizer
from lorr_bench.plan.identity.model_files import read_configuration
from lorr_bench.plan.plan import Plan
from lorr_bench.ports.trainer import StartModel
from lorr_bench.spec.sources import ModelSpec

NAMING_FILES: Final = ("tokenizer_config.json", "special_tokens_map.json")
WITHOUT_PADDING: Final = (
    "LlamaTokenizer",
    "LlamaTokenizerFast",
    "PreTrainedTokenizerFast",
    "TokenizersBackend",
)
"""Classes that pad with nothing unless their files name something; others have to be asked."""


def padding_lines(plan: Plan) -> Iterator[str]:
    """What pads where the start model has no padding token.

    Args:
        plan: The plan. A model that is not on this machine is not looked at.

    Raises:
        ModelError: Its tokenizer has no end-of-sequence token; or it had to be loaded, and does not load.
    """
    folder, model = Path(plan.model.path), plan.suite.model
    if not folder.is_dir():
        return
    end = _named(folder, "eos_token") or str(load_tokenizer(_place(folder, model)).eos_token)
    if not has_padding(folder, model):
        yield (
            f"Padding: the tokenizer has no padding token. Every method pads with its end-of-sequence token, "
            f"{end}; padded places are masked, and nothing is trained on them."
        )


def has_padding(folder: Path, model: ModelSpec) -> bool:
    """Whether a tokenizer has a padding token; it is loaded only where its class may have one of its own.

    Args:
        folder: Of the model.
        model: What the suite says of it.

    Raises:
        ModelError: The tokenizer does not load.
    """
    if _named(folder, "pad_token") is not None:
        return True
    if read_configuration(folder / NAMING_FILES[0]).get("tokenizer_class") in WITHOUT_PADDING:
        return False
    return bare_tokenizer(_place(folder, model)).pad_token is not None


def _named(folder: Path, name: str) -> str | None:
    """The token of a name, such as ``pad_token``, as a file of the tokenizer says it."""
    for file in NAMING_FILES:
        token = read_configuration(folder / file).get(name)
        text = token.get("content") if isinstance(token, dict) else token
        if isinstance(text, str) and text:
            return text
    return None


def _place(folder: Path, model: ModelSpec) -> StartModel:
    return StartModel(str(folder), None, model.dtype, model.trust_remote_code)
