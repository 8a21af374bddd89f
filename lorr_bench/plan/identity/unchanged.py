"""Whether the files of a stage are still those of which it was planned.

A run takes days, and its workers may be other machines: what lies at a path can be something else by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from lorr_bench.errors import StageError
from lorr_bench.plan.identity.model_files import model_files
from lorr_bench.plan.identity.origins import data_digest, folder_digest, task_folder_identity
from lorr_bench.plan.identity.task_source import outside_digest
from lorr_bench.plan.kinds.evaluate_general import EvaluateGeneral
from lorr_bench.plan.stage import Stage

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
        find: dict[str, Callable[[Path], str]] = {
            "model": self._model,
            "file": _file,
            "tasks": task_folder_identity,
        }
        for source in stage.sources():
            place, planned = Path(source.place), source.identity
            if planned is not None and place.is_absolute() and find[source.form](place) != planned:
                raise _changed(stage, source.place)
        if isinstance(stage, EvaluateGeneral) and not _same_outside(stage):
            raise _changed(stage, "a file that a task file names")

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
    return data_digest(path, str(path))


def _same_outside(stage: EvaluateGeneral) -> bool:
    """Whether the files outside their folder that the tasks read are still those of the plan."""
    if stage.parameters.data_files is None:
        return True
    folder, start = stage.setting.include_path, stage.setting.task_start
    found = outside_digest(stage.parameters.tasks, Path(folder) if folder else None, Path(start or "."))
    return found == stage.parameters.data_files


def _changed(stage: Stage, place: str) -> StageError:
    return StageError(
        f"{place} is not what it was when the run was planned",
        where=stage.label,
        fix="Run the same command again: what depends on it is made anew. On a cluster, all nodes need the "
        "same files.",
    )
