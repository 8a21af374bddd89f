"""A disk that fails at the n-th thing that is written under a folder."""

import builtins
import io
import os
from contextlib import contextmanager
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class BrokenDisk:
    """Counts what is written under a folder, and fails once.

    Args:
        root: The folder.
        number: ``errno`` of the failure.
        place: Which write fails, counted from 1; 0 for none.

    Attributes:
        count: Writes so far.
    """

    def __init__(self, root, number=0, place=0):
        self.count = 0
        self._root = os.path.realpath(root)
        self._number = number
        self._place = place

    @property
    def failed(self):
        return 0 < self._place <= self.count

    def touch(self, path):
        """A write; whether it is to fail."""
        if not str(path).startswith(self._root):
            return False
        self.count += 1
        return self.count == self._place

    def error(self, path):
        return OSError(self._number, os.strerror(self._number), str(path))

    def fail(self, path):
        if self.touch(path):
            raise self.error(path)

    @contextmanager
    def instead(self, monkeypatch):
        """Use this disk inside."""
        with monkeypatch.context() as patched:
            for name in ("mkdir", "rename", "replace", "link"):
                patched.setattr(os, name, self._of_paths(getattr(os, name)))
            patched.setattr(os, "fsync", lambda file: self.fail(Path(f"/proc/self/fd/{file}").readlink()))
            patched.setattr(os, "open", self._raw_open(os.open))
            for module in (io, builtins):
                patched.setattr(module, "open", self._open(io.open))
            yield self

    def _of_paths(self, call):
        def watched(path, *arguments, **named):
            self.fail(path)
            return call(path, *arguments, **named)

        return watched

    def _raw_open(self, call):
        def watched(path, flags, *arguments, **named):
            if flags & WRITING:
                self.fail(path)
            return call(path, flags, *arguments, **named)

        return watched

    def _open(self, call):
        def watched(path, mode="r", *arguments, **named):
            if not set(mode) & set("wax+") or isinstance(path, int):
                return call(path, mode, *arguments, **named)
            self.fail(path)
            return BrokenFile(call(path, mode, *arguments, **named), self, path)

        return watched


class BrokenFile:
    """A file whose writes can fail in the middle."""

    def __init__(self, file, disk, path):
        self._file = file
        self._disk = disk
        self._path = path

    def write(self, content):
        if self._disk.touch(self._path):
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            raise self._disk.error(self._path)
        return self._file.write(content)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()
