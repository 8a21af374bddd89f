"""Two runs never work on one thing, and a dead owner's lock is taken over."""

import dataclasses
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from lorr_bench.errors import DiskFullError, StoreError
from lorr_bench.store import lock as lock_module
from lorr_bench.store.lock import HeldError, Lock, Owner, drop_dead, guarded, holder
from lorr_bench.store.record import signed

HOLD = """
import sys, time
from pathlib import Path
from lorr_bench.store.lock import Lock
Lock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "suite" / "lock"


def put(path, **changes):
    """A lock file of this process with some fields replaced."""
    path.parent.mkdir(exist_ok=True)
    owner = dataclasses.replace(Owner.here(), **changes)
    path.write_text(signed(dataclasses.asdict(owner)), "utf-8")
    return owner


def quick(path):
    return Lock(path, patience_seconds=0.2)


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(lock_module, "LOOK_SECONDS", 0.02)


def test_a_released_lock_leaves_no_file(path):
    with Lock(path):
        assert path.exists()
    assert [file.name for file in path.parent.iterdir()] == [".guard"]


def test_a_second_holder_is_refused_and_told_who_has_it(path):
    with Lock(path):
        with pytest.raises(HeldError, match=f"process {os.getpid()} on ") as caught:
            Lock(path).acquire()
        assert caught.value.owner == str(Owner.here())
        assert caught.value.where == str(path)
    Lock(path).acquire()


@pytest.mark.slow
def test_a_killed_owner_that_nobody_waited_for_is_dead(path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    with pytest.raises(HeldError, match=f"process {process.pid} "):
        Lock(path).acquire()
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is a zombie
    with Lock(path):
        assert holder(path).pid == os.getpid()
    process.communicate()


def test_a_process_number_used_again_is_another_process(path):
    put(path, started="0")
    with Lock(path):
        assert holder(path).started == Owner.here().started


def test_a_process_of_another_user_lives(path, monkeypatch):
    owner = put(path, pid=1, started="")

    def forbidden(pid, number):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(lock_module.os, "kill", forbidden)
    with pytest.raises(HeldError, match="process 1 "):
        Lock(path).acquire()
    assert owner.lives


def test_another_machine_that_does_not_beat_is_dead(path, fast):
    put(path, machine="elsewhere", host="far")
    with quick(path) as lock:
        assert holder(path).machine == Owner.here().machine
        assert not lock.lost


def test_another_machine_that_beats_lives(path, fast):
    put(path, machine="elsewhere", host="far")
    beats = threading.Timer(0.05, os.utime, (path,), {"times": (9, 9)})
    beats.start()
    with pytest.raises(HeldError, match="on far is at work here"):
        Lock(path, patience_seconds=30).acquire()
    beats.join()


def test_another_machine_that_gives_the_lock_back_is_waited_for(path, fast):
    put(path, machine="elsewhere")
    gone = threading.Timer(0.05, path.unlink)
    gone.start()
    with Lock(path, patience_seconds=30):
        assert holder(path).pid == os.getpid()
    gone.join()


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"null", b'{"checksum": 5}'])
def test_a_damaged_lock_that_does_not_beat_is_taken(path, fast, content):
    path.parent.mkdir()
    path.write_bytes(content)
    assert holder(path) is None
    with quick(path):
        assert holder(path).pid == os.getpid()


@pytest.mark.slow
def test_a_bit_flipped_anywhere_in_a_lock_is_found(path):
    assert put(path, machine="elsewhere") == holder(path)  # who is elsewhere counts as living
    sound = path.read_bytes()
    for place in range(len(sound) * 8):
        flipped = bytearray(sound)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        assert holder(path) is None


def test_the_owner_of_a_damaged_lock_still_beats(path):
    with Lock(path) as lock:
        path.write_bytes(b"damaged")
        os.utime(path, (100, 100))
        lock.beat()
        assert path.stat().st_mtime == 105
        assert not lock.lost


def test_an_owner_learns_that_its_lock_is_lost_and_leaves_the_other_alone(path):
    lock = Lock(path)
    lock.acquire()
    taker = put(path, machine="elsewhere")
    before = path.stat().st_mtime_ns
    lock.beat()
    assert lock.lost
    lock.release()
    assert path.stat().st_mtime_ns == before
    assert holder(path) == taker


def test_an_owner_learns_that_its_lock_is_gone(path):
    with Lock(path) as lock:
        path.unlink()
        lock.beat()
        assert lock.lost


def test_a_beat_that_can_not_be_made_is_no_loss(path, monkeypatch):
    with Lock(path) as lock:
        with monkeypatch.context() as patched:
            patched.setattr(lock_module.os, "utime", fail(errno.EIO))
            lock.beat()
        assert not lock.lost


def test_the_heart_beats_by_itself(path):
    with Lock(path, beat_seconds=0.01):
        os.utime(path, (100, 100))
        deadline = time.monotonic() + 30
        while path.stat().st_mtime == 100 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 100


def test_what_the_holder_reads_is_seen(path):
    with Lock(path, needs=("a", "b")):
        assert holder(path).needs == ("a", "b")
    assert holder(path) is None


def fail(number):
    def call(*arguments, **named):
        raise OSError(number, os.strerror(number))

    return call


def test_a_full_disk_leaves_no_lock(path, monkeypatch):
    monkeypatch.setattr(lock_module.Path, "write_text", fail(errno.ENOSPC))
    with pytest.raises(DiskFullError):
        Lock(path).acquire()
    assert [file.name for file in path.parent.iterdir()] == [".guard"]


def test_a_folder_that_can_not_be_made_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(StoreError, match="can't write"):
        Lock(tmp_path / "file" / "lock").acquire()


def test_a_file_system_without_hard_links_will_do(path, monkeypatch):
    monkeypatch.setattr(lock_module.Path, "hardlink_to", fail(errno.EPERM))
    with Lock(path), pytest.raises(HeldError):
        Lock(path).acquire()


def test_a_full_disk_at_the_link_is_told(path, monkeypatch):
    monkeypatch.setattr(lock_module.Path, "hardlink_to", fail(errno.ENOSPC))
    with pytest.raises(DiskFullError):
        Lock(path).acquire()


def test_without_flock_the_first_name_wins(path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", fail(errno.ENOSYS))
    link = lock_module.Path.hardlink_to

    def link_too_late(target, draft):
        put(path)  # the other makes its file after this one has looked
        link(target, draft)

    monkeypatch.setattr(lock_module.Path, "hardlink_to", link_too_late)
    with pytest.raises(HeldError, match=f"process {os.getpid()} on "):
        Lock(path).acquire()


def test_a_guard_that_fails_otherwise_is_told(path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", fail(errno.EIO))
    with pytest.raises(StoreError, match="can't write"):
        Lock(path).acquire()


def test_the_guard_keeps_threads_apart(tmp_path):
    inside, most = [], []

    def enter():
        for _ in range(50):
            with guarded(tmp_path):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}


def test_where_the_kernel_tells_no_start_the_process_number_decides(path, monkeypatch):
    monkeypatch.setattr(lock_module.Path, "read_text", fail(errno.ENOENT))
    assert put(path).started == ""
    with pytest.raises(HeldError):
        Lock(path).acquire()


def test_where_there_is_no_proc_the_name_tells_machines_apart(monkeypatch):
    monkeypatch.setattr(lock_module.Path, "read_text", fail(errno.ENOENT))
    assert Owner.here().machine == socket.gethostname()


def test_a_lock_is_given_back_where_the_guard_fails(path, monkeypatch):
    lock = Lock(path)
    lock.acquire()
    monkeypatch.setattr(fcntl, "flock", fail(errno.EIO))
    lock.release()
    assert not path.exists()


def test_locks_of_dead_owners_are_removed_and_others_stay(path):
    folder = path.parent
    with Lock(folder / "living"):
        put(folder / "dead", started="0")
        put(folder / "far", machine="elsewhere")
        put(folder / ".living.half", started="0")
        drop_dead(folder, patience_seconds=0.0)
        assert sorted(file.name for file in folder.iterdir()) == [".guard", "living"]


def test_a_lock_that_beats_elsewhere_is_not_removed(path, monkeypatch):
    put(path, machine="elsewhere")
    monkeypatch.setattr(lock_module.time, "sleep", lambda seconds: os.utime(path, (9, 9)))
    drop_dead(path.parent, patience_seconds=1.0)
    assert path.exists()


def test_there_may_be_no_locks(tmp_path):
    drop_dead(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_locks_that_can_not_be_removed_are_told(path, monkeypatch):
    put(path, started="0")
    monkeypatch.setattr(lock_module.Path, "unlink", fail(errno.EACCES))
    with pytest.raises(StoreError, match="can't write"):
        drop_dead(path.parent)
