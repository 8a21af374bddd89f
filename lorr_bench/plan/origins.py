"""Where models and data come from, and what identifies them in a digest."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import lorr_bench
from lorr_bench.errors import DataError, ModelError, SuiteError
from lorr_bench.ports.versions import installed_versions
from lorr_bench.spec.sources import ModelSpec, PairFileSpec, PromptSpec, RewardModelSpec

PACKAGE: Final = Path(lorr_bench.__file__).parent
NANO_MODEL: Final = PACKAGE / "data" / "nano" / "model"
NANO_SPLITS: Final = ("train", "validation", "easy", "hard")
LOCAL_SUFFIXES: Final = (".jsonl", ".json")
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")


@dataclass(frozen=True)
class Origin:
    """Something to load, and its identity.

    Attributes:
        path: An absolute path, a Hub id, or ``nano/<split>``.
        identity: Changes whenever the content does.
    """

    path: str
    identity: str


def model_origin(spec: ModelSpec, folder: Path, where: str = "model") -> Origin:
    """A model: the embedded one, a folder, or a Hub id with a revision.

    Args:
        spec: What the suite says of it.
        folder: What a relative path is relative to.
        where: Its place in the suite, for errors.

    Raises:
        ModelError: The folder is missing, or lacks configuration, weights or tokenizer.
        SuiteError: A Hub id without revision.
    """
    path = NANO_MODEL if spec.path == "nano" else folder / spec.path
    if path.is_dir():
        return Origin(str(path.resolve()), _checked_folder(path))
    if path.exists() or not _HUB_ID.fullmatch(spec.path):
        raise ModelError(
            f"no model folder at {path}",
            where=f"{where}.path",
            fix="Give `nano`, a folder in Hugging Face form, or a Hub id such as org/name.",
        )
    return Origin(spec.path, _hub_identity(spec.path, spec.revision, f"{where}.revision"))


@dataclass(frozen=True)
class Scorer:
    """What a collect stage is told about its reward model.

    Attributes:
        params: What changes scores: the model's identity, its settings and the packages that run it.
        setting: Where the model lies.
    """

    params: dict[str, Any]
    setting: dict[str, Any]


def reward_scorer(spec: RewardModelSpec, folder: Path) -> Scorer:
    """The reward model of a collection: a folder, or a Hub id with a revision.

    Raises:
        ModelError: The folder is missing, or lacks configuration, weights or tokenizer.
        SuiteError: A Hub id without revision.
    """
    origin = model_origin(spec, folder, "data.collect.reward_model")
    settings = spec.model_dump(exclude={"path", "revision"})
    return Scorer(
        params={
            **settings,
            "model": origin.identity,
            "packages": installed_versions("torch", "transformers"),
        },
        setting={"path": origin.path, "revision": spec.revision},
    )


def prompt_origin(spec: PromptSpec, folder: Path, where: str) -> Origin:
    """The problems of a collection or benchmark: the embedded task, a file, or a Hub data set.

    Raises:
        DataError: The file is missing or unreadable, or the embedded task has no such split.
        SuiteError: A Hub id without revision or split, or one of these for something that is no Hub id.
    """
    head, _, split = spec.source.partition("/")
    if head != "nano" and is_hub_source(spec.source, spec.revision, folder):
        return _hub_prompts(spec, where)
    if given := [name for name in ("revision", "subset", "split") if getattr(spec, name) is not None]:
        raise SuiteError(
            f"`{given[0]}` is given, but {spec.source} is no Hub id",
            where=where,
            fix=f"Leave {' and '.join(given)} out, or give the id as owner/name together with a revision.",
        )
    if head == "nano":
        if split not in NANO_SPLITS:
            raise DataError(
                f"the embedded task has no split {split!r}",
                where=where,
                fix=f"Splits: {', '.join(f'nano/{name}' for name in NANO_SPLITS)}.",
            )
        return Origin(spec.source, f"nano/{split}:{_nano_identity()}")
    path = (folder / spec.source).resolve()
    return Origin(str(path), _file_digest(path, where))


def pair_origin(spec: PairFileSpec, folder: Path) -> Origin:
    """The ready-made pairs: a JSONL file or a Hub data set with a revision.

    Raises:
        DataError: The file is missing or unreadable.
        SuiteError: A Hub id without revision.
    """
    if is_hub_source(spec.source, spec.revision, folder):
        return Origin(spec.source, _hub_identity(spec.source, spec.revision, "data.pairs.revision"))
    path = (folder / spec.source).resolve()
    return Origin(str(path), _file_digest(path, "data.pairs.source"))


def is_hub_source(source: str, revision: str | None, folder: Path) -> bool:
    """Whether a source of data is a Hub id.

    A name that looks like one is, where a revision is given or no such file exists: what a suite has pinned
    stays the Hub's, whatever lies in the folder from which the suite is run.
    """
    looks_like_one = _HUB_ID.fullmatch(source) is not None and not source.endswith(LOCAL_SUFFIXES)
    return looks_like_one and (revision is not None or not (folder / source).exists())


def _hub_prompts(spec: PromptSpec, where: str) -> Origin:
    identity = _hub_identity(spec.source, spec.revision, where)
    if spec.split is None:
        raise SuiteError(
            f"{spec.source} is a Hub id without a split",
            where=where,
            fix="Name the split, such as `split: test`.",
        )
    return Origin(spec.source, f"{identity} {spec.subset or ''} {spec.split}")


def task_folder_identity(folder: Path) -> str:
    """Digest of every file in a folder of lm-eval tasks.

    Raises:
        DataError: There is no such folder.
    """
    if not folder.is_dir():
        raise DataError(
            f"no folder of lm-eval tasks at {folder}",
            where="evaluation.general.include_path",
            fix="Give a folder with task files (*.yaml), relative to the suite file.",
        )
    files = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return _digest_of_files(folder, files)


@cache
def nano_tasks_identity() -> str:
    """Digest of the embedded lm-eval tasks and of the generator of their questions."""
    nano = PACKAGE / "data" / "nano"
    return f"{task_folder_identity(nano / 'tasks')} {_file_digest(nano / 'general.py', 'nano')}"


def _checked_folder(path: Path) -> str:
    weights = sorted(path.glob("*.safetensors"))
    for found, missing in (
        ((path / "config.json").is_file(), "config.json"),
        (bool(weights), "*.safetensors (pickled weights are never loaded)"),
        (any((path / name).is_file() for name in _TOKENIZER_FILES), "a tokenizer (tokenizer.json)"),
    ):
        if not found:
            raise ModelError(
                f"the model folder has no {missing}",
                where=str(path),
                fix="Save model and tokenizer with save_pretrained into the same folder.",
            )
    named = [path / name for name in ("config.json", "tokenizer_config.json", *_TOKENIZER_FILES)]
    return _digest_of_files(path, [*weights, *(file for file in named if file.is_file())])


def _hub_identity(name: str, revision: str | None, where: str) -> str:
    if revision is None:
        raise SuiteError(
            f"{name} is a Hub id without a revision",
            where=where,
            fix="Name a commit, so that the suite means the same tomorrow.",
        )
    return f"{name}@{revision}"


@cache
def _nano_identity() -> str:
    """The generator's own text: another generator, other problems."""
    return hashlib.sha256((PACKAGE / "data" / "nano" / "problems.py").read_bytes()).hexdigest()[:16]


def _file_digest(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} can't be read: {error.strerror}",
            where=where,
            fix="Paths are relative to the suite file.",
        ) from error


def _digest_of_files(folder: Path, files: list[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(folder)}\0{_file_digest(file, str(folder))}\0".encode())
    return total.hexdigest()
