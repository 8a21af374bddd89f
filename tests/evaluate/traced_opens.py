"""Which files the processes of a run open: by Python's own hook everywhere, by the kernel in some folders.

The hook sees what Python opens, anywhere, and knows for which stage. What native code opens (tokenizers,
safetensors) it does not see; the kernel does, in folders that are watched.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
from pathlib import Path

TRACE = "TRACED_OPENS"
HOOK = """
import os, sys

def _trace():
    out = os.open(os.environ["TRACED_OPENS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    seen = set()

    def hook(event, arguments):
        if event != "open" or not isinstance(arguments[0], (str, bytes)) or not isinstance(arguments[2], int):
            return
        if arguments[2] & os.O_ACCMODE == os.O_WRONLY:
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))
        try:
            log = os.readlink("/proc/self/fd/1")  # the worker prints to the log of its stage
        except OSError:
            log = ""
        if (path, log) not in seen:
            seen.add((path, log))
            os.write(out, f"{path}\\t{log}\\n".encode("utf-8", "surrogateescape"))

    sys.addaudithook(hook)

if "TRACED_OPENS" in os.environ:
    _trace()
"""
IN_OPEN, IN_ISDIR, IN_NONBLOCK = 0x20, 0x40000000, 0o4000


def write_hook(folder: Path) -> Path:
    """Write the hook as ``sitecustomize``, which a process whose PYTHONPATH names the folder runs first."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HOOK, "utf-8")
    return folder


def traced(file: Path) -> dict[Path, set[str]]:
    """The files that were opened for reading, with the logs of the stages that did."""
    found: dict[Path, set[str]] = {}
    for line in file.read_text("utf-8", "surrogateescape").splitlines():
        path, _, log = line.rpartition("\t")
        found.setdefault(Path(path), set()).add(log)
    return found


class Watched:
    """Files below a folder that any process opens, from entering to leaving.

    Args:
        folder: Its folders are those that are there when it is entered.
    """

    def __init__(self, folder: Path) -> None:
        self.opened: set[Path] = set()
        self._folder = folder
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._folders: dict[int, Path] = {}
        self._over = threading.Event()

    def __enter__(self) -> Watched:
        self._queue = self._libc.inotify_init1(IN_NONBLOCK)
        assert self._queue >= 0, os.strerror(ctypes.get_errno())
        for folder in (self._folder, *(path for path in self._folder.rglob("*") if path.is_dir())):
            watch = self._libc.inotify_add_watch(self._queue, os.fsencode(folder), IN_OPEN)
            assert watch >= 0, os.strerror(ctypes.get_errno())
            self._folders[watch] = folder
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        os.close(self._queue)

    def _listen(self) -> None:
        while True:
            over = self._over.is_set()
            while select.select([self._queue], [], [], 0.05)[0]:
                self._read(os.read(self._queue, 1 << 16))
            if over:
                return

    def _read(self, events: bytes) -> None:
        place = 0
        while place < len(events):
            watch, mask, _, size = struct.unpack_from("iIII", events, place)
            name = events[place + 16 : place + 16 + size].rstrip(b"\0")
            assert watch >= 0, "the kernel's queue ran over"
            if name and not mask & IN_ISDIR:
                self.opened.add(self._folders[watch] / os.fsdecode(name))
            place += 16 + size
