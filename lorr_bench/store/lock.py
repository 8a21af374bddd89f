"""A lock that a process holds by a file, with an owner and a heartbeat.

The file says who holds it: machine, process, and when the process started, so that a number used again is not
mistaken for it. The holder moves the file's modification time on by a fixed step at every beat; that time is
a counter, compared with no clock, so clock jumps do not matter and a full disk does not stop it. A lock is
taken over at once when its owner is dead on this machine; that of another machine when the counter has stood
still for a while, which the one who waits observes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lorr_bench.errors import HeldError
from lorr_bench.store.disk import FULL, storage_error
from lorr_bench.store.record import CHECKSUM, signed, verified

__all__ = ["HeldError", "Lock", "Owner", "drop_dead", "guarded", "holder"]

BEAT_SECONDS: Final = 5
PATIENCE_SECONDS: Final = 60.0
"""How long the beat of another machine's process stands still before it counts as dead; network file systems
may show a beat late."""
LOOK_SECONDS: Final = 1.0
GUARD_FILE: Final = ".guard"
MAX_BYTES: Final = 1 << 20
NO_LOCKING: Final = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""What file systems say that know no ``flock``, such as Lustre as it is often mounted."""


@dataclass(frozen=True)
class Owner:
    """Who holds a lock.

    Attributes:
        host: Name of the machine, for people.
        machine: Identity of the machine since it started, and of the process numbers' namespace.
        pid: Process number.
        started: When the process started, in the kernel's count; empty where it does not tell.
        token: Of this one acquisition.
        needs: What the holder reads; free words of whoever made the lock.
    """

    host: str
    machine: str
    pid: int
    started: str
    token: str
    needs: Sequence[str] = ()

    @classmethod
    def here(cls, needs: Sequence[str] = ()) -> Owner:
        """This process."""
        pid = os.getpid()
        return cls(socket.gethostname(), _machine(), pid, _started(pid), uuid.uuid4().hex, tuple(needs))

    def __str__(self) -> str:
        """The owner in words."""
        return f"process {self.pid} on {self.host}"

    @property
    def is_near(self) -> bool:
        """Whether it is of this machine, so that one can look whether it lives."""
        return self.machine == _machine()

    @property
    def lives(self) -> bool:
        """Whether a process of this machine lives; one that has ended and was not yet waited for does not."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it lives under another user
        now = _started(self.pid)
        return not now or not self.started or now == self.started


@dataclass(frozen=True)
class _Sight:
    """A lock as it was seen: who, and the beat."""

    owner: Owner | None
    beat: tuple[int, int]

    @property
    def surely_lives(self) -> bool:
        """Whether the owner is a living process of this machine."""
        return self.owner is not None and self.owner.is_near and self.owner.lives


class Lock:
    """Held by one process at a time; a context manager.

    Args:
        path: The lock's file; its folder is made if it isn't there.
        needs: What the holder reads; others see it with ``holder``.
        patience_seconds: How long the beat of another machine's owner has to stand still.
        beat_seconds: Time between beats.

    Attributes:
        lost: Whether another process has taken it over, because this one seemed dead.
    """

    def __init__(
        self,
        path: Path,
        *,
        needs: Sequence[str] = (),
        patience_seconds: float = PATIENCE_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        self.lost = False
        self._path = path
        self._needs = needs
        self._patience_seconds = patience_seconds
        self._beat_seconds = beat_seconds
        self._owner: Owner | None = None
        self._released = threading.Event()

    def acquire(self) -> None:
        """Take the lock, or take it over from a dead owner.

        Raises:
            HeldError: A living process has it.
            StoreError: Its file can't be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            seen = self._take(None)
            if seen is not None:
                self._watch(seen)
                if (seen := self._take(seen)) is not None:
                    raise self._held(seen)
        except OSError as error:
            raise storage_error(error, self._path) from error

    def release(self) -> None:
        """Give the lock back; does nothing where it is not held, or was taken over."""
        owner, self._owner = self._owner, None
        self._released.set()
        if owner is None:
            return
        for kept_out in (guarded(self._path.parent), nullcontext()):  # where the guard fails, without
            with suppress(OSError), kept_out:
                seen = _look(self._path)
                if seen is not None and seen.owner == owner:
                    self._path.unlink()
                return

    def beat(self) -> None:
        """Say that the owner lives, and look whether the lock is still its own."""
        with suppress(OSError):  # such as a network that is away for a moment
            self.lost = self.lost or not self._touch()

    def __enter__(self) -> Self:
        """Acquire."""
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release."""
        self.release()

    def _take(self, still: _Sight | None) -> _Sight | None:
        """Take a lock that is free, whose owner is dead, or that has not moved; else what was seen.

        Raises:
            HeldError: Its owner lives on this machine.
        """
        with guarded(self._path.parent):
            seen = _look(self._path)
            if seen is not None and seen != still:
                if seen.owner is None or not seen.owner.is_near:
                    return seen
                if seen.owner.lives:
                    raise self._held(seen)
            self._write(fresh=seen is None)
        return None

    def _watch(self, seen: _Sight) -> None:
        """Wait until the beat has stood still for long enough.

        Raises:
            HeldError: It moved.
        """
        deadline = time.monotonic() + self._patience_seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(LOOK_SECONDS, left))
            now = _look(self._path)
            if now is None:
                return
            if now != seen:
                raise self._held(now)

    def _write(self, *, fresh: bool) -> None:
        """Put a file of this process in place, and start its heart."""
        owner = Owner.here(self._needs)
        draft = self._path.with_name(f".{self._path.name}.{owner.token}")
        try:
            draft.write_text(signed(asdict(owner)), "utf-8")
            if not (fresh and self._link(draft)):
                draft.replace(self._path)
        finally:
            draft.unlink(missing_ok=True)
        self._owner, self.lost, self._released = owner, False, threading.Event()
        threading.Thread(target=self._live, args=(self._released,), daemon=True).start()

    def _link(self, draft: Path) -> bool:
        """Give the lock its name, which fails where it exists, guard or not; whether links are to be had.

        Raises:
            HeldError: Another process was quicker, where the file system knows no ``flock``.
        """
        try:
            self._path.hardlink_to(draft)
        except FileExistsError as error:
            raise self._held(_look(self._path)) from error
        except OSError as error:
            if error.errno in FULL:
                raise
            return False
        return True

    def _live(self, released: threading.Event) -> None:
        while not released.wait(self._beat_seconds) and not self.lost:
            self.beat()

    def _touch(self) -> bool:
        """Move the beat on by the file that was opened, so that no other's is touched; whether it is ours.

        A file that is damaged still beats, so that others wait.
        """
        try:
            number = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return self._owner is None
        try:
            if _parse(os.read(number, MAX_BYTES)) not in (self._owner, None):
                return self._owner is None
            then = os.fstat(number).st_mtime_ns + BEAT_SECONDS * 10**9
            os.utime(number, ns=(then, then))
        finally:
            os.close(number)
        return True

    def _held(self, seen: _Sight | None) -> HeldError:
        who = str(seen.owner) if seen is not None and seen.owner else "another process"
        return HeldError(
            f"{who} is at work here",
            where=str(self._path),
            fix="Wait until it has ended, or end it; then run the same command again.",
            owner=who,
        )


def holder(path: Path) -> Owner | None:
    """Who holds a lock, as far as one can tell without waiting: an owner on another machine may be dead."""
    seen = _look(path)
    if seen is None or seen.owner is None or (seen.owner.is_near and not seen.owner.lives):
        return None
    return seen.owner


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Keep other processes and threads out of a few quick steps in a folder.

    Raises:
        OSError: The folder can't be written.
    """
    number = os.open(folder / GUARD_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in NO_LOCKING:
                raise
        yield
    finally:
        # Said aloud, because a child that was forked meanwhile keeps the file open.
        with suppress(OSError):
            fcntl.flock(number, fcntl.LOCK_UN)
        os.close(number)


def _look(path: Path) -> _Sight | None:
    """The lock as its opened file shows it, which makes a network file system ask its server."""
    try:
        number = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        about = os.fstat(number)
        return _Sight(_parse(os.read(number, MAX_BYTES)), (about.st_ino, about.st_mtime_ns))
    finally:
        os.close(number)


def _parse(text: bytes) -> Owner | None:
    """The owner that a file names; None where it is damaged."""
    try:
        values = verified(text.decode())
        del values[CHECKSUM]
        return Owner(**{**values, "needs": tuple(values["needs"])})
    except (ValueError, KeyError, TypeError):
        return None


def _machine() -> str:
    """Tells apart machines, their starts, and containers; the name alone where there is no /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _started(pid: int) -> str:
    """When a process started, in ticks since the machine did; empty where there is no telling.

    A process that has ended and was not waited for (a zombie) started at no time: ``"ended"``.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "ended" if fields[0] in "ZX" else fields[19]


def drop_dead(folder: Path, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Remove the locks of dead owners from a folder of locks.

    Args:
        folder: Of locks; it may be missing.
        patience_seconds: How long the beats of other machines are watched, where there are any.

    Raises:
        StoreError: A lock can't be removed.
    """
    try:
        seen = {path: sight for path in _locks(folder) if (sight := _look(path)) is not None}
        if any(sight.owner is None or not sight.owner.is_near for sight in seen.values()):
            time.sleep(patience_seconds)
        with guarded(folder) if seen else nullcontext():
            for path, sight in seen.items():
                if sight == _look(path) and not sight.surely_lives:
                    path.unlink()
    except OSError as error:
        raise storage_error(error, folder) from error


def _locks(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name != GUARD_FILE] if folder.exists() else []
