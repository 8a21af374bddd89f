"""What lm-eval's tasks read: files of this machine, and data sets of the Hub.

The task files are read as lm-eval reads them (``include``, groups, tags, later folders before earlier ones),
but nothing in them is run. The code of a task is not looked into: what it opens by itself is not found here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import yaml

from lorr_bench.errors import DataError

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
_SKIPPED: Final = frozenset({"__pycache__", ".ipynb_checkpoints"})
_GLOB: Final = re.compile(r"[*?\[]")
_START_FIX: Final = (
    "As in lm-eval, paths in task files count from the folder in which the command is started: start it "
    "there, or write whole paths."
)

_FILES: Final = "\0files"
"""Key under which a configuration holds the files that it was put together from."""
_OF_A_GROUP: Final = ("group", "task", _FILES)

Config = dict[str, Any]


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


@dataclass
class _Index:
    """What the files of one folder define, by name."""

    tasks: dict[str, Config] = field(default_factory=dict)
    groups: dict[str, Config] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.tasks or name in self.groups or name in self.tags

    def add(self, config: Config) -> None:
        """Add what a file defines; of two of the same name the first counts."""
        name = config.get("task")
        if "group" in config and "class" not in config:
            if config["group"] not in self:
                self.groups[str(config["group"])] = config
        elif isinstance(name, str) and name not in self:
            self.tasks[name] = config
            tags = config.get("tag") or []
            for tag in tags if isinstance(tags, list) else [tags]:
                self.tags.setdefault(str(tag), []).append(name)

    def update(self, later: _Index) -> None:
        """Take the definitions of a folder that counts before this one."""
        for name in (*later.tasks, *later.groups, *later.tags):
            for mine in (self.tasks, self.groups, self.tags):
                mine.pop(name, None)
        self.tasks |= later.tasks
        self.groups |= later.groups
        self.tags |= later.tags


def own_folder() -> Path | None:
    """Where lm-eval's own task files lie; None where it is not installed."""
    spec = find_spec("lm_eval")
    place = next(iter(spec.submodule_search_locations or ()), None) if spec else None
    return Path(place) / "tasks" if place else None


def defines_all(folders: Sequence[Path], names: Iterable[str]) -> bool:
    """Whether task files in these folders define all names."""
    index = _index(folders)
    return all(name in index for name in names)


def names_in(folders: Sequence[Path]) -> tuple[str, ...]:
    """The tasks, groups and tags that task files in these folders define, sorted."""
    index = _index(folders)
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
    index, hub, files, from_start = _index(folders), set[HubSet](), dict[Path, None](), False
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
    options = [_config(file, ()).get("dataset_kwargs") for file in sorted(folder.glob("**/*.yaml"))]
    named = {one["cache_dir"] for one in options if isinstance(one, dict) and "cache_dir" in one}
    return tuple(Path(place).expanduser().resolve() for place in sorted(map(str, named)))


def files_read(path: str, options: Mapping[str, Any]) -> tuple[Path, ...]:
    """The files of this machine that ``datasets.load_dataset(path, **options)`` reads here.

    Raises:
        DataError: One is not there, or is an address on the web whose content can change.
    """
    return tuple(_Reading({"dataset_path": path, "dataset_kwargs": dict(options)}, Path.cwd()).files())


def _configs(name: str, changes: Config, index: _Index, above: frozenset[str]) -> Iterator[Config]:
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


def _members(group: Config, changes: Config, index: _Index, above: frozenset[str]) -> Iterator[Config]:
    yield {_FILES: group.get(_FILES, [])}
    changes = {key: value for key, value in group.items() if key not in _OF_A_GROUP} | changes
    members = group.get("task")
    for member in members if isinstance(members, list) else ():
        if isinstance(member, str):
            yield from _configs(member, changes, index, above)
        elif isinstance(member, dict):
            yield from _member(member, changes, index, above)


def _member(member: Config, changes: Config, index: _Index, above: frozenset[str]) -> Iterator[Config]:
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
        self._files: Sequence[Path] = config.get(_FILES, ())
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


def _index(folders: Sequence[Path]) -> _Index:
    index = _Index()
    for folder in folders:
        index.update(_own_index(folder) if folder == own_folder() else _folder_index(folder))
    return index


@cache
def _own_index(folder: Path) -> _Index:
    """That of lm-eval's own files, whose reading takes seconds; an installed package stays as it is."""
    return _folder_index(folder)


def _folder_index(folder: Path) -> _Index:
    index = _Index()
    for file in sorted(folder.glob("**/*.yaml"), key=lambda path: path.as_posix()):
        if not _SKIPPED & set(file.parts) and (config := _config(file, ())):
            index.add(config)
    return index


def _config(file: Path, above: tuple[Path, ...]) -> Config:
    """What a task file says, with what it includes; nothing where it can't be read, as in lm-eval."""
    try:
        file = file.resolve()
        own = {} if file in above else dict(_read(file.read_bytes()))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    named, merged, files = own.pop("include", None) or [], Config(), [file, *_code_of(own, file.parent)]
    for name in named if isinstance(named, list) else [named]:
        part = _config(file.parent / str(name), (*above, file))
        files += part.pop(_FILES, [])
        part.pop("task_list", None)
        merged |= part
    return {**merged, **own, _FILES: files}


class _Function(str):
    """The name of a function in a task file: ``module.function``."""

    __slots__ = ()


def _code_of(value: Any, folder: Path) -> Iterator[Path]:
    """The files with the functions that a task file names: beside it, or where Python looks for modules."""
    if isinstance(value, _Function):
        module = f"{value.rpartition('.')[0].replace('.', '/')}.py"
        places = [folder, *(Path(place or ".") for place in sys.path)]
        yield from [place / module for place in places if (place / module).is_file()][:1]
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _code_of(part, folder)


@lru_cache(maxsize=1024)  # what many files include is read once
def _read(text: bytes) -> Mapping[str, Any]:
    """What a file says alone; nothing where it is no mapping."""
    loader = _Loader(text)
    try:
        value = loader.get_single_data()
    finally:
        loader.dispose()
    return value if isinstance(value, dict) else {}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain YAML in which ``!function`` names are texts."""


_Loader.add_constructor("!function", lambda loader, node: _Function(loader.construct_scalar(node)))
