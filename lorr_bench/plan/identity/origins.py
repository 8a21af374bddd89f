"""Where models and data come from, and what identifies them in a digest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import lorr_bench
from lorr_bench.errors import DataError, ModelError, SuiteError
from lorr_bench.plan.identity.model_files import check_model_folder, model_files
from lorr_bench.plan.identity.revisions import Resolved, Revisions
from lorr_bench.plan.identity.task_data import cache_folders
from lorr_bench.spec.sources import ModelSpec, PairFileSpec, PromptSpec

PACKAGE: Final = Path(lorr_bench.__file__).parent
NANO_MODEL: Final = PACKAGE / "data" / "nano" / "model"
NANO_SPLITS: Final = ("train", "validation", "easy", "hard")
LOCAL_SUFFIXES: Final = (".jsonl", ".json", ".csv", ".tsv", ".parquet", ".gz")
JSON_LINES: Final = (".jsonl", ".json")
SAVED_SET: Final = ("state.json", "dataset_dict.json")
"""What tells a folder of ``Dataset.save_to_disk``, and one of ``DatasetDict.save_to_disk``."""
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class Origin:
    """Something to load, and its identity.

    Attributes:
        path: An absolute path, a Hub id, or ``nano/<split>``.
        identity: Changes whenever the content does.
        commit: Of a Hub id; None for what lies on this machine, and where the commit is not known yet.
    """

    path: str
    identity: str
    commit: str | None = None


def model_origin(spec: ModelSpec, folder: Path, revisions: Revisions, where: str = "model") -> Origin:
    """A model: the embedded one, a folder, or a Hub id.

    Args:
        spec: What the suite says of it.
        folder: What a relative path is relative to.
        revisions: Resolves Hub ids.
        where: Its place in the suite, for errors.

    Raises:
        ModelError: The folder is missing, holds no whole model, or a model of which a part lies elsewhere; or
            the Hub has no such model.
    """
    path = model_folder(spec, folder, f"{where}.path")
    if path is not None:
        return Origin(str(path.resolve()), folder_digest(path, model_files(path)))
    return _hub_origin(revisions.resolve("model", spec.path, spec.revision, f"{where}.revision"))


def model_folder(spec: ModelSpec, folder: Path, where: str) -> Path | None:
    """The folder of a model that lies on this machine; None for a Hub id.

    Args:
        spec: What is said of the model.
        folder: What a relative path is relative to.
        where: Its place in the suite or command, for errors.

    Raises:
        ModelError: The folder is missing, holds no whole model, or a model of which a part lies elsewhere.
    """
    path = NANO_MODEL if spec.path == "nano" else folder / spec.path
    if path.is_dir():
        check_model_folder(path, trust_remote_code=spec.trust_remote_code)
        return path
    if path.exists() or not _HUB_ID.fullmatch(spec.path):
        raise ModelError(
            f"no model folder at {path}",
            where=where,
            fix="Give `nano`, a folder in Hugging Face form, or a Hub id such as org/name.",
        )
    return None


def prompt_origin(spec: PromptSpec, folder: Path, revisions: Revisions, where: str) -> Origin:
    """The problems of a collection or benchmark: the embedded task, a file, or a Hub data set.

    Raises:
        DataError: The file is missing or unreadable, the embedded task has no such split, or the Hub has no
            such data set.
        SuiteError: A Hub id without split, or a revision, subset or split of something that is no Hub id.
    """
    head, _, split = spec.source.partition("/")
    if head != "nano" and is_hub_source(spec.source, spec.revision, folder):
        return _hub_prompts(spec, revisions, where)
    if given := [name for name in ("revision", "subset", "split") if getattr(spec, name) is not None]:
        raise SuiteError(
            f"`{given[0]}` is given, but {spec.source} is no Hub id",
            where=where,
            fix=f"Leave {' and '.join(given)} out, or give the id as owner/name.",
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
    return Origin(str(path), data_digest(path, where))


def pair_origin(spec: PairFileSpec, folder: Path, revisions: Revisions) -> Origin:
    """The ready-made pairs: a file, a folder of `save_to_disk`, or a Hub data set.

    Raises:
        DataError: The file is missing or unreadable, the folder is another one, or the Hub has no such data
            set.
        SuiteError: A subset or streaming of something that is no Hub id.
    """
    if is_hub_source(spec.source, spec.revision, folder):
        return _hub_origin(revisions.resolve("dataset", spec.source, spec.revision, "data.pairs.revision"))
    if given := [name for name in ("subset", "streaming") if getattr(spec, name)]:
        raise SuiteError(
            f"`{given[0]}` is given, but {spec.source} is no Hub id",
            where="data.pairs",
            fix=f"Leave {' and '.join(given)} out, or give the id as owner/name.",
        )
    path = (folder / spec.source).resolve()
    return Origin(str(path), data_digest(path, "data.pairs.source"))


def holds_plain_strings(spec: PairFileSpec, origin: Origin) -> bool:
    """Whether ready-made pairs are known to be strings, by their first row: then no chat template is needed.

    Only JSON lines are looked at. What they turn out to be is checked when they are read, and a file that
    can't be read is told of there.

    Args:
        spec: With the columns.
        origin: Where they lie.
    """
    path = Path(origin.path)
    if path.suffix not in JSON_LINES or not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8-sig") as file:
            line = next((line for line in file if line.strip()), "")
        values = {} if line.lstrip().startswith("[") else json.loads(line)
    except (OSError, ValueError, RecursionError):
        return True
    columns = (spec.prompt_column, spec.chosen_column, spec.rejected_column, spec.completion_column)
    texts = [values[name] for name in columns if name in values] if isinstance(values, dict) else [""]
    return bool(texts) and not any(isinstance(text, list | dict) for text in texts)


def is_hub_source(source: str, revision: str | None, folder: Path) -> bool:
    """Whether a source of data is a Hub id.

    A name that looks like one is, where a revision is given or no such file exists: what a suite has pinned
    stays the Hub's, whatever lies in the folder from which the suite is run.
    """
    looks_like_one = _HUB_ID.fullmatch(source) is not None and not source.endswith(LOCAL_SUFFIXES)
    return looks_like_one and (revision is not None or not (folder / source).exists())


def _hub_prompts(spec: PromptSpec, revisions: Revisions, where: str) -> Origin:
    if spec.split is None:
        raise SuiteError(
            f"{spec.source} is a Hub id without a split",
            where=where,
            fix="Name the split, such as `split: test`.",
        )
    found = revisions.resolve("dataset", spec.source, spec.revision, where)
    return Origin(spec.source, f"{found.identity} {spec.subset or ''} {spec.split}", found.commit)


def _hub_origin(found: Resolved) -> Origin:
    return Origin(found.name, found.identity, found.commit)


def task_folder_identity(folder: Path) -> str:
    """Digest of every file in a folder of lm-eval tasks, but for what is prepared there while it is read.

    Raises:
        DataError: There is no such folder.
    """
    if not folder.is_dir():
        raise DataError(
            f"no folder of lm-eval tasks at {folder}",
            where="evaluation.general.include_path",
            fix="Give a folder with task files (*.yaml), relative to the suite file.",
        )
    prepared = cache_folders(folder)
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and not any(path.resolve().is_relative_to(place) for place in prepared)
    ]
    return folder_digest(folder, files)


@cache
def nano_tasks_identity() -> str:
    """Digest of the embedded lm-eval tasks, of the generator of their questions, and of what it imports."""
    nano = PACKAGE / "data" / "nano"
    made_by = [file_digest(nano / name, "nano") for name in ("general.py", "problems.py")]
    return " ".join([task_folder_identity(nano / "tasks"), *made_by])


@cache
def _nano_identity() -> str:
    """The generator's own text: another generator, other problems."""
    return hashlib.sha256((PACKAGE / "data" / "nano" / "problems.py").read_bytes()).hexdigest()[:16]


@cache
def nano_families_identity() -> str:
    """The text of what finds the families of the embedded problems."""
    return file_digest(PACKAGE / "data" / "nano" / "families.py", "nano")


def file_digest(path: Path, where: str) -> str:
    """sha256 of a file's content.

    Args:
        path: Of the file.
        where: Its place in the suite, for the error.

    Raises:
        DataError: It can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} can't be read: {error.strerror}",
            where=where,
            fix="Paths are relative to the suite file.",
        ) from error


def data_digest(path: Path, where: str) -> str:
    """Digest of a data set on this machine: of a file, or of the files of a folder of `save_to_disk`.

    Args:
        path: Of the file or folder.
        where: Its place in the suite, for the error.

    Raises:
        DataError: It can't be read, or is another folder.
    """
    if not path.is_dir():
        return file_digest(path, where)
    if not is_saved_set(path):
        raise DataError(
            f"{path} is a folder, and none of `save_to_disk`: it has no state.json",
            where=where,
            fix="Name a file in it, such as one that ends in .parquet or .jsonl.",
        )
    # The library keeps what it has computed from the set beside it.
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith("cache-")]
    return folder_digest(path, sorted(files))


def is_saved_set(path: Path) -> bool:
    """Whether a path is a folder of `save_to_disk`."""
    return any((path / name).is_file() for name in SAVED_SET)


def digest_of_contents(files: Iterable[Path], where: str) -> str:
    """Digest of the names and contents of files, wherever they lie.

    Raises:
        DataError: One can't be read.
    """
    return _named_digest(((file.name, file) for file in files), where)


def folder_digest(folder: Path, files: Iterable[Path]) -> str:
    """Digest of files of a folder, by name and content.

    Raises:
        DataError: One can't be read.
    """
    return _named_digest(((str(file.relative_to(folder)), file) for file in files), str(folder))


def _named_digest(files: Iterable[tuple[str, Path]], where: str) -> str:
    total = hashlib.sha256()
    for name, file in files:
        total.update(f"{name}\0{file_digest(file, where)}\0".encode())
    return total.hexdigest()
