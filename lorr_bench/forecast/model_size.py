"""How large a model is, read from the head of its files: nothing is loaded, and nothing is fetched."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from lorr_bench.forecast.known_models import KNOWN_CONFIGURATIONS

CONFIG_FILE: Final = "config.json"
MAX_HEADER_BYTES: Final = 100_000_000  # the limit of the safetensors format
DENSE_FAMILIES: Final = ("llama", "mistral", "qwen2", "qwen3")
"""Models whose tensors follow from their configuration alone."""
_NUMBERS: Final = (
    "num_hidden_layers",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "vocab_size",
)
_MORE_NUMBERS: Final = ("head_dim", "num_key_value_heads", "max_position_embeddings")
UNREADABLE: Final = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
    struct.error,
)
"""What reading a file raises that is not what it should be."""
MAX_SIZE: Final = 1 << 32
MAX_LAYERS: Final = 1 << 12
_NOT_LINEAR: Final = re.compile(r"embed|lm_head|(^|\.)w[tp]e\.")

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class ModelSize:
    """The shape of a causal language model.

    Attributes:
        tensors: Shape of each tensor, by name; tied ones once.
        layers: Transformer blocks.
        hidden: Width of the residual stream.
        intermediate: Hidden units of an MLP.
        heads: Query heads.
        kv_heads: Key and value heads.
        head_size: Dimensions of a head.
        vocabulary: Tokens of the vocabulary.
        context: Longest sequence that the configuration names, in tokens; None where it names none.
    """

    tensors: Shapes
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int | None

    @cached_property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(map(math.prod, self.tensors.values()))

    @cached_property
    def linear(self) -> dict[str, tuple[int, int]]:
        """(outputs, inputs) of every linear layer but the output head, by name of the layer."""
        return {
            name.removesuffix(".weight"): (shape[0], shape[1])
            for name, shape in self.tensors.items()
            if len(shape) == 2 and name.endswith(".weight") and not _NOT_LINEAR.search(name)
        }

    @cached_property
    def linear_parameters(self) -> int:
        """Parameters of these layers, biases left out."""
        return sum(outputs * inputs for outputs, inputs in self.linear.values())

    @cached_property
    def normalizes_heads(self) -> bool:
        """Whether queries and keys are normalised, as in Qwen3."""
        return any("q_norm" in name for name in self.tensors)

    def matching(self, pattern: str) -> int:
        """Parameters of the tensors in whose names a regular expression is found."""
        search = re.compile(pattern).search
        return sum(math.prod(shape) for name, shape in self.tensors.items() if search(name))

    def kv_bytes_per_token(self, element_bytes: int) -> int:
        """Key-value cache of one token: 2 · layers · key heads · head size · bytes of an element."""
        return 2 * self.layers * self.kv_heads * self.head_size * element_bytes


def read_model_size(path: str, revision: str | None = None) -> ModelSize | None:
    """The size of a model that lies on this machine, or is known; None where neither is so.

    Tensors are those of the safetensors files; where there are none yet, those that the configuration of a
    known family implies.

    Args:
        path: A folder in Hugging Face form, or a Hub id whose files have been fetched before.
        revision: Of the Hub id.
    """
    folder = Path(path) if Path(path).is_dir() else _cached_folder(path, revision)
    if folder is None:
        known = KNOWN_CONFIGURATIONS.get(path)
        return _model_size(known, {}) if known else None
    config = _read_config(folder / CONFIG_FILE)
    if config is None:
        return None
    try:
        return _model_size(config, _stored_tensors(folder))
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        return None


def _cached_folder(name: str, revision: str | None) -> Path | None:
    """Where the Hub's client keeps the configuration of a model."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, CONFIG_FILE, revision=revision)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def _read_config(file: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    values = values.get("text_config", values) if isinstance(values, dict) else None
    return values if isinstance(values, dict) and _is_believable(values) else None


def _is_believable(config: Mapping[str, Any]) -> bool:
    """Whether a model can have these sizes; a planner that believes any would fill the memory."""
    sizes = [config.get(name) for name in _NUMBERS]
    sizes += [config[name] for name in _MORE_NUMBERS if config.get(name) is not None]
    believable = all(type(size) is int and 0 < size <= MAX_SIZE for size in sizes)
    return believable and config[_NUMBERS[0]] <= MAX_LAYERS


def _model_size(config: Mapping[str, Any], stored: Shapes) -> ModelSize | None:
    heads: int = config["num_attention_heads"]
    head_size = int(config.get("head_dim") or config["hidden_size"] // heads)
    kv_heads = int(config.get("num_key_value_heads") or heads)
    tensors = dict(stored) or dict(_implied_tensors(config, head_size, kv_heads))
    if config.get("tie_word_embeddings"):
        tensors.pop("lm_head.weight", None)
    if not tensors:
        return None
    return ModelSize(
        tensors=tensors,
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        intermediate=config["intermediate_size"],
        heads=heads,
        kv_heads=kv_heads,
        head_size=head_size,
        vocabulary=config["vocab_size"],
        context=config.get("max_position_embeddings"),
    )


def _implied_tensors(
    config: Mapping[str, Any], head_size: int, kv_heads: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    family, hidden, vocabulary = config.get("model_type"), config["hidden_size"], config["vocab_size"]
    if family not in DENSE_FAMILIES:
        return
    yield "model.embed_tokens.weight", (vocabulary, hidden)
    if not config.get("tie_word_embeddings"):
        yield "lm_head.weight", (vocabulary, hidden)
    yield "model.norm.weight", (hidden,)
    block = dict(_block(config, head_size, kv_heads))
    for layer in range(config["num_hidden_layers"]):
        yield from ((f"model.layers.{layer}.{name}", shape) for name, shape in block.items())


def _block(config: Mapping[str, Any], head_size: int, kv_heads: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Tensors of one block."""
    family, hidden, wide = config["model_type"], config["hidden_size"], config["intermediate_size"]
    queries, keys = config["num_attention_heads"] * head_size, kv_heads * head_size
    biases = {"q", "k", "v"} if family == "qwen2" else set("qkvo" if config.get("attention_bias") else "")
    for name, shape in (
        ("q", (queries, hidden)),
        ("k", (keys, hidden)),
        ("v", (keys, hidden)),
        ("o", (hidden, queries)),
    ):
        yield f"self_attn.{name}_proj.weight", shape
        if name in biases:
            yield f"self_attn.{name}_proj.bias", shape[:1]
    if family == "qwen3":
        yield from ((f"self_attn.{name}_norm.weight", (head_size,)) for name in "qk")
    for name, shape in (("gate", (wide, hidden)), ("up", (wide, hidden)), ("down", (hidden, wide))):
        yield f"mlp.{name}_proj.weight", shape
        if config.get("mlp_bias"):
            yield f"mlp.{name}_proj.bias", shape[:1]
    yield "input_layernorm.weight", (hidden,)
    yield "post_attention_layernorm.weight", (hidden,)


def _stored_tensors(folder: Path) -> Shapes:
    """Shapes in all safetensors files of a folder; none where one can't be read or is missing."""
    tensors: dict[str, tuple[int, ...]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            tensors.update(_header_shapes(file))
        except UNREADABLE:
            return {}
    return tensors if _named_files(folder) <= {file.name for file in folder.glob("*.safetensors")} else {}


def _named_files(folder: Path) -> set[str]:
    """Files that the index of a model in several parts names."""
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_text("utf-8"))
        return set(index["weight_map"].values())
    except UNREADABLE:
        return set()


def _header_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Shapes in the header of a safetensors file: 8 bytes of length, then JSON.

    Raises:
        ValueError: The header is no header.
    """
    with file.open("rb") as data:
        (length,) = struct.unpack("<Q", data.read(8))
        if length > MAX_HEADER_BYTES:
            raise ValueError("the header is longer than the format allows")
        header: dict[str, Any] = json.loads(data.read(length))
    shapes = {
        name: tuple(int(size) for size in described["shape"])
        for name, described in header.items()
        if name != "__metadata__"
    }
    if not all(0 <= size <= MAX_SIZE for shape in shapes.values() for size in shape):
        raise ValueError("a size that no tensor has")
    return shapes
