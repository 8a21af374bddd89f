"""A model of the Hub as a folder of this machine: fetched are the files that are loaded, and no others."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from lorr_bench.errors import ModelError
from lorr_bench.plan.identity.hub_errors import hub_refusal
from lorr_bench.plan.identity.model_files import NOT_READ, WEIGHTS, check_model_folder, missing_part
from lorr_bench.ports.trainer import StartModel

FETCHED: Final[Mapping[str, str]] = {
    "*.safetensors": "weights",
    "*.json": "configuration, generation settings, tokenizer, and the index of the weights",
    "*.jinja": "chat templates",
    "*.py": "code that comes with the model, which runs where a suite trusts it",
    "*.model": "tokenizers of SentencePiece",
    "*.spm": "tokenizers of SentencePiece",
    "*.txt": "vocabularies and merges of tokenizers",
    "*.tiktoken": "vocabularies of tokenizers",
    "*.codes": "merges of tokenizers",
    "*.tokenizer": "vocabularies of tokenizers",
}
"""Which files of a repository are fetched, each with what they are for."""

NOT_FETCHED: Final[Mapping[str, str]] = {
    "consolidated*": "the maker's own form of the weights, beside the Hugging Face form that is loaded",
    "*.bin.index.json": "index of pickled weights, which are never loaded",
    "*/*.safetensors": "weights in other forms; those that are loaded lie beside config.json",
    "*/*.json": "settings of those",
    "*/*.model": "tokenizers of those",
    "*/*.txt": "tokenizers of those",
    **NOT_READ,
    **{f"{name}/*": why for name, why in NOT_READ.items()},
    **{f"*/{name}/*": why for name, why in NOT_READ.items()},
}
"""Which of them are left out after all, each with the reason: what no run reads, and copies for others."""


def is_fetched(path: str) -> bool:
    """Whether a file of a model's repository is fetched.

    Args:
        path: Relative to the repository.
    """
    return _matches(path, FETCHED) and not _matches(path, NOT_FETCHED)


def _matches(path: str, patterns: Mapping[str, str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def model_folder(model: str, revision: str | None, where: str = "model.path") -> str:
    """Where the files of a model lie on this machine; those of the Hub that are missing are fetched.

    Args:
        model: A folder, or a Hub id.
        revision: Commit of a Hub id; a name without one is given back as it is.
        where: Its place in the suite, for errors.

    Raises:
        ModelError: The Hub does not give it, or does not answer and a file is missing here.
    """
    if revision is None or Path(model).is_dir():
        return model
    try:
        return _snapshot(model, revision, local_files_only=False)
    except Exception as error:  # of many libraries: the client's own, the network's, the disk's
        raise hub_refusal(error, "model", model, revision, where) or ModelError(
            f"not all of {model}@{revision} is on this machine, and the Hub did not give the rest: "
            f"{type(error).__name__}: {error}",
            where=where,
            fix=f"Get a network and run again, or fetch it before: hf download {model} --revision {revision}",
        ) from error


def folder_here(model: str, revision: str | None) -> Path | None:
    """Where all that would be fetched of a model of the Hub lies on this machine; None where some is missing.

    Args:
        model: A Hub id.
        revision: Its commit, branch or tag.
    """
    try:
        folder = Path(_snapshot(model, revision, local_files_only=True))
    except Exception:  # noqa: BLE001 - the client has several for what is missing
        return None
    whole = folder.is_dir() and missing_part({file.name for file in folder.iterdir()}) is None
    return folder if whole else None


def fetch_description(model: str, revision: str | None, where: str) -> Path | None:
    """Fetch what says how a model of the Hub is made and reads texts, without its weights.

    Args:
        model: A Hub id.
        revision: Its commit, branch or tag.
        where: Its place in the suite, for errors.

    Returns:
        Where it lies; None where the Hub does not answer.

    Raises:
        ModelError: The Hub has no such model, or this user may not read it.
    """
    try:
        return Path(_snapshot(model, revision, local_files_only=False, left_out=(f"*{WEIGHTS}",)))
    except Exception as error:
        if (refused := hub_refusal(error, "model", model, revision, where)) is not None:
            raise refused from error
        return None  # no network, a proxy, a time-out, a server's fault: of many libraries


def _snapshot(
    model: str, revision: str | None, *, local_files_only: bool, left_out: Sequence[str] = ()
) -> str:
    from huggingface_hub import snapshot_download

    folder: str = snapshot_download(
        model,
        revision=revision,
        allow_patterns=list(FETCHED),
        ignore_patterns=[*NOT_FETCHED, *left_out],
        local_files_only=local_files_only,
    )
    return folder


def on_this_machine(model: StartModel) -> StartModel:
    """The same model as a folder of this machine.

    Args:
        model: A folder, or a Hub id at a commit, whose missing files are fetched.

    Raises:
        ModelError: As ``model_folder``; or what was fetched is no whole model, or one of parts elsewhere.
    """
    folder = model_folder(model.path, model.revision)
    if folder == model.path:
        return model
    check_model_folder(Path(folder), trust_remote_code=model.trust_remote_code)
    return dataclasses.replace(model, path=folder, revision=None)
