"""The task files of lm-eval and of the user, by the names that they define.

They are read as lm-eval reads them (``include``, groups, tags, later folders before earlier ones); nothing in
them is run. lm-eval has 14,000: of its own folder only those are read that can define what is asked for.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import yaml

FILES: Final = "\0files"
"""Key under which a configuration holds the files that it was put together from."""
_SKIPPED: Final = frozenset({"__pycache__", ".ipynb_checkpoints"})
_INCLUDES: Final = re.compile(rb"""(?:^|[{,])[ \t]*["']?include["']?[ \t]*:""", re.MULTILINE)
_INCLUDES_ONE: Final = re.compile(
    rb"""^["']?include["']?[ \t]*:[ \t]*["']?([^\s"'\[{#&*!|>]+)""", re.MULTILINE
)

Config = dict[str, Any]


@dataclass
class TaskIndex:
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

    def members(self, name: str) -> Iterator[str]:
        """Names that belong to a group or a tag, and whatever else its definition says in their place."""
        yield from self.tags.get(name, ())
        if name in self.groups:
            yield from _leaves(self.groups[name].get("task"))

    def update(self, later: TaskIndex) -> None:
        """Take the definitions of a folder that counts before this one."""
        for name in (*later.tasks, *later.groups, *later.tags):
            for mine in (self.tasks, self.groups, self.tags):
                mine.pop(name, None)
        self.tasks |= later.tasks
        self.groups |= later.groups
        self.tags |= later.tags


def _leaves(value: Any) -> Iterator[str]:
    """All texts in lists and mappings."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _leaves(part)


def own_folder() -> Path | None:
    """Where lm-eval's own task files lie; None where it is not installed."""
    spec = find_spec("lm_eval")
    place = next(iter(spec.submodule_search_locations or ()), None) if spec else None
    return Path(place) / "tasks" if place else None


def index_of(folders: Sequence[Path], names: Iterable[str]) -> TaskIndex:
    """What task files define under some names, and under those of the members of groups and tags among them.

    Args:
        folders: With task files; a later one counts before an earlier one.
        names: Tasks, groups and tags.
    """
    own, wanted = own_folder(), frozenset(names)
    read = {folder: _folder_index(folder) for folder in folders if folder != own}
    while True:
        index = _merged(read.get(folder) or _own_index(folder, wanted) for folder in folders)
        found = wanted.union(*(index.members(name) for name in wanted))
        if found == wanted:
            return index
        wanted = found


def whole_index(folders: Sequence[Path]) -> TaskIndex:
    """All that task files define; a later folder counts before an earlier one."""
    own = own_folder()
    return _merged(_whole_own_index(folder) if folder == own else _folder_index(folder) for folder in folders)


def _merged(indexes: Iterable[TaskIndex]) -> TaskIndex:
    """One index, in which a later one counts before an earlier one."""
    whole = TaskIndex()
    for index in indexes:
        whole.update(index)
    return whole


@cache
def _whole_own_index(folder: Path) -> TaskIndex:
    return _folder_index(folder)


@lru_cache(maxsize=8)
def _own_index(folder: Path, names: frozenset[str]) -> TaskIndex:
    """What lm-eval's own files define under these names; an installed package stays as it is."""
    index = TaskIndex()
    if not names:  # a pattern of no names would be found in every file
        return index
    # A name is a word of its own in the file that defines it, or in one that this includes.
    mention = re.compile(
        rb"(?<!\w)(?:%s)(?!\w)" % b"|".join(re.escape(name.encode()) for name in sorted(names))
    )
    for file, text in _texts(folder).items():
        if (text is None or mention.search(text)) and (config := read_config(file)):
            index.add(config)
    return index


@cache
def _texts(folder: Path) -> Mapping[Path, bytes | None]:
    """Each task file of a folder with its text and all that it includes; None where that can't be told."""
    return {file: _text(file, ()) for file in _task_files(folder)}


def _text(file: Path, above: tuple[Path, ...]) -> bytes | None:
    if file in above:
        return b""
    try:
        own = _bytes(file)
    except OSError:
        return None
    names = _INCLUDES_ONE.findall(own)
    if len(names) != len(_INCLUDES.findall(own)):  # a list of files, or a word in a text
        return None
    parts = [own, *(_text(file.parent / os.fsdecode(name), (*above, file)) for name in names)]
    return None if None in parts else b"\n".join(part for part in parts if part)


@lru_cache(maxsize=1024)  # what many files include is read once
def _bytes(file: Path) -> bytes:
    return file.read_bytes()


def _task_files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.glob("**/*.yaml"), key=lambda path: path.as_posix()):
        if not _SKIPPED & set(file.parts):
            yield file


def _folder_index(folder: Path) -> TaskIndex:
    index = TaskIndex()
    for file in _task_files(folder):
        if config := read_config(file):
            index.add(config)
    return index


def read_config(file: Path, above: tuple[Path, ...] = ()) -> Config:
    """What a task file says, with what it includes; nothing where it can't be read, as in lm-eval.

    Args:
        file: The file.
        above: Files that include it, in which it is not read again.
    """
    try:
        file = file.resolve()
        own = {} if file in above else dict(_read(file.read_bytes()))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    named, merged, files = own.pop("include", None) or [], Config(), [file, *_code_of(own, file.parent)]
    for name in named if isinstance(named, list) else [named]:
        part = read_config(file.parent / str(name), (*above, file))
        files += part.pop(FILES, [])
        part.pop("task_list", None)
        merged |= part
    return {**merged, **own, FILES: files}


class _Function(str):
    """The name of a function in a task file: ``module.function``."""

    __slots__ = ()


def _code_of(value: Any, folder: Path) -> Iterator[Path]:
    """The files with the functions that a task file names: beside it, or where Python looks for modules."""
    for name in _leaves(value):
        if isinstance(name, _Function):
            module = f"{name.rpartition('.')[0].replace('.', '/')}.py"
            places = [folder, *(Path(place or ".") for place in sys.path)]
            yield from [place / module for place in places if (place / module).is_file()][:1]


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
