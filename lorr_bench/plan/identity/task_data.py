"""What lm-eval's tasks read: files of this machine, and data sets of the Hub.

The task files are read as lm-eval reads them (``include``, groups, tags, later folders before earlier ones),
but nothing in them is run. The code of a task is not looked into: what it opens by itself is not found here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import DataError
from lorr_bench.plan.identity.task_index import FILES, Config, TaskIndex, index_of, read_config, whole_index

FILE_READERS: Final = (
    "csv",
    "json",
    "pandas",
    "parquet",
    "arrow",
    "text",
    "conll",
    "imagefolder",
    "audiofolder",
    "videofolder",
    "meshfolder",
    "pdffolder",
    "niftifolder",
    "webdataset",
    "xml",
    "hdf5",
    "eval",
    "lance",
    "tsfile",
    "iceberg",
    "vortex",
    "mmcif",
    "pdb",
    "genbank",
    "fasta",
    "fastq",
    "harbor",
)
"""What ``dataset_path`` says instead of a data set, to read files: the packaged modules of ``datasets``."""
HUB_FILE: Final = re.compile(r"hf://datasets/(?P<name>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?(?=/)")
"""The part of the address of a file on the Hub that names data set and revision."""
_GLOB: Final = re.compile(r"[*?\[]")
_START_FIX: Final = (
    "As in lm-eval, paths in task files count from the folder in which the command is started: start it "
    "there, or write whole paths."
)

_OF_A_GROUP: Final = ("group", "task", FILES)


@dataclass(frozen=True)
class HubSet:
    """A data set of the Hub.

    Attributes:
        name: Such as ``owner/name``.
        revision: As the task file says; None where it says nothing.
    """

    name: str
    revision: str | None = None


@dataclass(frozen=True)
class TaskData:
    """What some tasks read.

    Attributes:
        hub: Data sets of the Hub, each once, sorted.
        files: Files of this machine that lie outside the folders with task files, each once.
        from_start: Whether a path among them counts from the folder in which the command was started.
    """

    hub: tuple[HubSet, ...]
    files: tuple[Path, ...]
    from_start: bool


def defines_all(folders: Sequence[Path], names: Iterable[str]) -> bool:
    """Whether task files in these folders define all names."""
    index = index_of(folders, names)
    return all(name in index for name in names)


def groups_among(names: Iterable[str], folders: Sequence[Path]) -> list[str]:
    """Those of the names that task files in these folders define as groups."""
    index = index_of(folders, names)
    return [name for name in names if name in index.groups]


def names_in(folders: Sequence[Path]) -> tuple[str, ...]:
    """All tasks, groups and tags that task files in these folders define, sorted; lm-eval's take seconds."""
    index = whole_index(folders)
    return tuple(sorted({*index.tasks, *index.groups, *index.tags}))


def find_task_data(names: Sequence[str], folders: Sequence[Path], start: Path) -> TaskData:
    """What the tasks of these names read.

    Args:
        names: Tasks, groups and tags; those that no file defines read nothing here.
        folders: With task files; a later one counts before an earlier one.
        start: The folder from which relative paths count.

    Raises:
        DataError: A file that a task names is not there, or is an address on the web, where it can change.
    """
    index, hub, files, from_start = index_of(folders, names), set[HubSet](), dict[Path, None](), False
    for name in names:
        for config in _configs(name, {}, index, frozenset()):
            found = _Reading(config, start)
            hub |= set(found.hub())
            files |= dict.fromkeys(found.files())
            from_start |= found.is_relative
    known = [folder.resolve() for folder in folders]
    outside = [file for file in files if not any(file.resolve().is_relative_to(one) for one in known)]
    order = sorted(hub, key=lambda data: (data.name, data.revision or ""))
    return TaskData(tuple(order), tuple(outside), from_start)


def cache_folders(folder: Path) -> tuple[Path, ...]:
    """Where the task files in a folder let the library keep what it prepares, which is no input."""
    options = [read_config(file).get("dataset_kwargs") for file in sorted(folder.glob("**/*.yaml"))]
    named = {one["cache_dir"] for one in options if isinstance(one, dict) and "cache_dir" in one}
    return tuple(Path(place).expanduser().resolve() for place in sorted(map(str, named)))


def files_read(path: str, options: Mapping[str, Any]) -> tuple[Path, ...]:
    """The files of this machine that ``datasets.load_dataset(path, **options)`` reads here.

    Raises:
        DataError: One is not there, or is an address on the web whose content can change.
    """
    return tuple(_Reading({"dataset_path": path, "dataset_kwargs": dict(options)}, Path.cwd()).files())


def _configs(name: str, changes: Config, index: TaskIndex, above: frozenset[str]) -> Iterator[Config]:
    """The configurations of the tasks behind a name, with what a group above changes in them."""
    if name in above:
        return
    above |= {name}
    if name in index.groups:
        yield from _members(index.groups[name], changes, index, above)
    elif name in index.tasks:
        yield {**index.tasks[name], **changes}
    for member in index.tags.get(name, ()):
        yield from _configs(member, changes, index, above)


def _members(group: Config, changes: Config, index: TaskIndex, above: frozenset[str]) -> Iterator[Config]:
    yield {FILES: group.get(FILES, [])}
    changes = {key: value for key, value in group.items() if key not in _OF_A_GROUP} | changes
    members = group.get("task")
    for member in members if isinstance(members, list) else ():
        if isinstance(member, str):
            yield from _configs(member, changes, index, above)
        elif isinstance(member, dict):
            yield from _member(member, changes, index, above)


def _member(member: Config, changes: Config, index: TaskIndex, above: frozenset[str]) -> Iterator[Config]:
    name = member.get("group", member.get("task"))
    own = {key: value for key, value in member.items() if key not in ("group", "task")}
    if isinstance(name, str) and name in index:
        yield from _configs(name, {**changes, **own}, index, above)
    elif "group" in member:
        yield from _members(member, changes, index, above)
    else:
        yield {**changes, **member}


class _Reading:
    """What one task reads.

    Args:
        config: Of the task.
        start: The folder from which relative paths count.

    Attributes:
        is_relative: Whether a path counts from there; known when ``files`` is used up.
    """

    def __init__(self, config: Config, start: Path) -> None:
        options = config.get("dataset_kwargs")
        self._options: Config = options if isinstance(options, dict) else {}
        path = config.get("dataset_path")
        self._path = path if isinstance(path, str) and not config.get("custom_dataset") else ""
        self._prompt = config.get("use_prompt")
        self._files: Sequence[Path] = config.get(FILES, ())
        self._where = f"lm-eval task {config.get('task')}"
        self._start = start
        self.is_relative = False

    def hub(self) -> Iterator[HubSet]:
        """Data sets of the Hub."""
        for text in [self._path, *self._named]:
            if match := HUB_FILE.match(f"{text}/"):
                yield HubSet(match["name"], match["revision"])
        if self._is_hub_name:
            revision = self._options.get("revision")
            yield HubSet(self._path, None if revision is None else str(revision))

    def files(self) -> Iterator[Path]:
        """Files of this machine."""
        yield from self._files
        if isinstance(self._prompt, str) and ".yaml" in self._prompt:
            yield from self._matching(self._start, self._prompt.split(":")[0])
        if not self._path or self._path.startswith("hf://"):
            return
        base = self._start
        if self._path not in FILE_READERS and not self._is_hub_name:
            base = self._place(base, self._path)
            yield from _files_in(base, self._missing)
        elif "data_dir" in self._options and self._path in FILE_READERS:
            base = self._place(base, str(self._options["data_dir"]))
            if not self._named:
                yield from _files_in(base, self._missing)
        for text in self._named:
            if not self._is_remote(text):
                yield from self._matching(base, text)

    @property
    def _is_hub_name(self) -> bool:
        path = self._path
        return (
            bool(path)
            and path not in FILE_READERS
            and ":" not in path
            and not path.startswith((".", "/", "~"))
            and path.count("/") <= 1
            and not (self._start / path).is_dir()
        )

    @property
    def _named(self) -> list[str]:
        return list(_file_names(self._options.get("data_files")))

    def _is_remote(self, text: str) -> bool:
        """Whether a file lies on the Hub.

        Raises:
            DataError: It lies elsewhere on the web.
        """
        if HUB_FILE.match(text):
            return True
        if "://" in text and not text.startswith("file://"):
            raise DataError(
                f"{text} can change at any time",
                where=self._where,
                fix="Fetch the file and name it, or name a data set of the Hub.",
            )
        return self._is_hub_name and not text.startswith("/")

    def _matching(self, base: Path, text: str) -> list[Path]:
        pattern = self._place(base, text.removeprefix("file://"))
        root = Path(pattern.anchor)
        matches = root.glob(str(pattern.relative_to(root))) if _GLOB.search(text) else [pattern]
        found = [path for path in sorted(matches) if path.is_file()]
        if not found:
            raise self._missing(pattern)
        return found

    def _place(self, base: Path, text: str) -> Path:
        path = Path(text).expanduser()
        self.is_relative |= not path.is_absolute()
        return base / path

    def _missing(self, path: Path) -> DataError:
        return DataError(f"it reads {path}, and there is no such file", where=self._where, fix=_START_FIX)


def _files_in(folder: Path, missing: Callable[[Path], DataError]) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not found:
        raise missing(folder)
    return found


def _file_names(value: Any) -> Iterator[str]:
    """The texts of ``data_files``: one, a list, or lists by split."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _file_names(part.get("path") if isinstance(part, dict) else part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _file_names(part)
