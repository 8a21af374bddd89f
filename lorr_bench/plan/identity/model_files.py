"""The files of a local model that are its identity: all of them but a few that no run reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Set
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import ModelError

NOT_READ: Final[Mapping[str, str]] = {
    "*.md": "text for people: model cards and notes",
    "README": "text for people",
    "README.txt": "text for people",
    "LICENSE": "text for people",
    "LICENSE.txt": "text for people",
    "NOTICE": "text for people",
    "NOTICE.txt": "text for people",
    ".git": "history of the folder, not its content",
    ".gitattributes": "settings of git",
    ".gitignore": "settings of git",
    ".cache": "where the Hub's client notes what it has downloaded, and when",
    ".DS_Store": "how a file manager shows the folder",
    "__pycache__": "made from the Python files, which count",
    "original": "the maker's own form of the weights; the Hugging Face form beside it is loaded",
    "pytorch_model*.bin": "pickled weights, which are never loaded",
    "optimizer.pt": "pickled state of a training that is over, which is never loaded",
    "scheduler.pt": "pickled state of a training that is over, which is never loaded",
    "rng_state*.pth": "pickled state of a training that is over, which is never loaded",
    "training_args.bin": "pickled settings of a training that is over, which are never loaded",
    "trainer_state.json": "log of a training that is over",
    "tf_model.h5": "weights for TensorFlow, which is not used",
    "flax_model.msgpack": "weights for Flax, which is not used",
    "rust_model.ot": "weights for a Rust library, which is not used",
    "*.gguf": "weights for llama.cpp, which is not used",
    "*.onnx": "weights for ONNX, which is not used",
}
"""Names of files and folders in a model folder that are no part of its identity, each with the reason."""

TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
CONFIG_FILE: Final = "config.json"
WEIGHTS: Final = ".safetensors"
ADAPTER_FILE: Final = "adapter_config.json"
ADAPTER_FAULT: Final = "holds an adapter, whose base model lies elsewhere and may change"
ADAPTER_FIX: Final = "Merge it (peft: merge_and_unload), save the whole model, and name that folder."
_OTHER_CODE: Final = "--"
"""Stands in ``auto_map`` between the name of another repository and a class in it."""


def model_files(folder: Path) -> list[Path]:
    """The files of a model folder that count, in order of name; links are followed.

    Args:
        folder: In Hugging Face form.
    """
    return sorted(_files(folder, frozenset()))


def is_read(path: Path) -> bool:
    """Whether a run may read a file of a model folder.

    Args:
        path: Relative to the folder.
    """
    return not any(_is_listed(part) for part in path.parts)


def _is_listed(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in NOT_READ)


def _files(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    """Files below a folder; a link to a folder above it leads nowhere new."""
    place = os.path.realpath(folder)
    if place in above:
        return
    for path in folder.iterdir():
        if _is_listed(path.name):
            continue
        if path.is_dir():
            yield from _files(path, above | {place})
        elif path.is_file():
            yield path


def missing_part(names: Set[str]) -> str | None:
    """What is missing of a whole model; None where nothing is.

    Args:
        names: Of the files beside its configuration.
    """
    for found, part in (
        (CONFIG_FILE in names, CONFIG_FILE),
        (any(name.endswith(WEIGHTS) for name in names), f"*{WEIGHTS} (pickled weights are never loaded)"),
        (not names.isdisjoint(TOKENIZER_FILES), "tokenizer (tokenizer.json)"),
    ):
        if not found:
            return part
    return None


def check_model_folder(folder: Path, *, trust_remote_code: bool = False) -> None:
    """Refuse a folder that holds no whole model, or a model of which a part lies elsewhere.

    Args:
        folder: In Hugging Face form.
        trust_remote_code: Whether code that comes with the model may run.

    Raises:
        ModelError: Configuration, weights or tokenizer are missing; it is an adapter of another model; or its
            code lies in another repository.
    """
    names = {file.name for file in folder.iterdir() if file.is_file()}
    if (missing := missing_part(names)) is not None:
        raise ModelError(
            f"the model folder has no {missing}",
            where=str(folder),
            fix="Save model and tokenizer with save_pretrained into the same folder.",
        )
    if ADAPTER_FILE in names:
        raise ModelError(f"the folder {ADAPTER_FAULT}", where=str(folder / ADAPTER_FILE), fix=ADAPTER_FIX)
    if trust_remote_code and (elsewhere := sorted(_code_elsewhere(folder))):
        raise ModelError(
            f"its code lies in another repository, which may change: {elsewhere[0]}",
            where=str(folder),
            fix=f"Put that file into the folder, and write its name in auto_map without `…{_OTHER_CODE}`.",
        )


def _code_elsewhere(folder: Path) -> Iterator[str]:
    """The classes of other repositories that a model's configuration names."""
    for name in ("config.json", "tokenizer_config.json"):
        for value in _strings(read_configuration(folder / name).get("auto_map")):
            if _OTHER_CODE in value:
                yield value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(part)


def read_configuration(file: Path) -> dict[str, Any]:
    """What a JSON file of a model says, or nothing: whoever loads the model says what is wrong with it.

    Args:
        file: Such as ``config.json``.
    """
    try:
        values = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def asks_for_date(folder: Path) -> bool:
    """Whether a chat template in a model folder asks for today's date.

    Args:
        folder: In Hugging Face form.
    """
    places = [*folder.glob("*.jinja"), *folder.glob("chat_templates/*.jinja")]
    named = [
        folder / name for name in ("tokenizer_config.json", "chat_template.json", "processor_config.json")
    ]
    return any(b"strftime_now" in file.read_bytes() for file in [*places, *named] if file.is_file())
