"""Whether the files of a stage are still those of which it was planned.

A run takes days, and its workers may be other machines: what lies at a path can be something else by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lorr_bench.errors import StageError
from lorr_bench.plan.identity.model_files import model_files
from lorr_bench.plan.identity.origins import file_digest, folder_digest, task_folder_identity
from lorr_bench.plan.identity.task_source import outside_digest
from lorr_bench.plan.stage import Stage

Identity = tuple[Any, Any, Callable[[Path], str]]
"""A place, the identity of what lay there, and what finds the identity of what lies there now."""
Signature = tuple[tuple[str, int, int, int], ...]


class Inputs:
    """Checks the files that stages read. A model is read once, and again when its files look changed."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[Signature, str]] = {}

    def check(self, stage: Stage) -> None:
        """Refuse a stage whose files are not those of which it was planned.

        Args:
            stage: With paths in its setting, and identities in its parameters.

        Raises:
            StageError: A file has another content.
            DataError: A file can't be read.
        """
        for place, planned, found in self._identities(stage.params, stage.setting):
            if planned is not None and Path(place or "").is_absolute() and found(Path(place)) != planned:
                raise _changed(stage, place)
        if stage.params.get("data_files") not in (None, _outside(stage.params, stage.setting)):
            raise _changed(stage, "a file that a task file names")

    def _identities(self, params: Mapping[str, Any], setting: Mapping[str, Any]) -> Iterator[Identity]:
        yield setting.get("model_path"), params.get("model"), self._model
        judge = setting.get("reward_model") or {}
        yield judge.get("path"), (params.get("reward_model") or {}).get("model"), self._model
        yield setting.get("source"), (params.get("prompts") or params).get("source"), _file
        yield setting.get("include_path"), params.get("task_files"), task_folder_identity

    def _model(self, folder: Path) -> str:
        files = model_files(folder) if folder.is_dir() else []
        signature = tuple(_signature(folder, files))
        known = self._models.get(str(folder))
        if known is None or known[0] != signature:
            known = self._models[str(folder)] = signature, folder_digest(folder, files)
        return known[1]


def _signature(folder: Path, files: list[Path]) -> Iterator[tuple[str, int, int, int]]:
    for file in files:
        about = file.stat()
        yield str(file.relative_to(folder)), about.st_size, about.st_mtime_ns, about.st_ino


def _file(path: Path) -> str:
    return file_digest(path, str(path))


def _outside(params: Mapping[str, Any], setting: Mapping[str, Any]) -> str | None:
    if params.get("data_files") is None:
        return None
    folder, start = setting["include_path"], setting["task_start"]
    return outside_digest(params["tasks"], Path(folder) if folder else None, Path(start or "."))


def _changed(stage: Stage, place: str) -> StageError:
    return StageError(
        f"{place} is not what it was when the run was planned",
        where=stage.label,
        fix="Run the same command again: what depends on it is made anew. On a cluster, all nodes need the "
        "same files.",
    )
