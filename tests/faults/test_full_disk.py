"""A disk that is really full, however a library says so."""

import errno
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lorr_bench.store import disk
from lorr_bench.store.disk import is_disk_full

SCRIPT = Path(__file__).with_name("full_disk.py")
DISK_KIB = 300
NO_MOUNT = 77


@pytest.fixture
def on_a_tiny_disk(tmp_path):
    """Run a script on a disk of its own, as far as this machine lets a user make one."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def run(script):
        mount = f"mount -t tmpfs -o size={DISK_KIB}k none {shlex.quote(str(folder))}"
        inside = f"{mount} || exit {NO_MOUNT}; exec {shlex.join([sys.executable, str(script), str(folder)])}"
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inside]
        own = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        try:
            done = subprocess.run(command, env=own, capture_output=True, text=True, check=False, timeout=120)
        except FileNotFoundError:
            pytest.skip("no unshare on this system")
        if done.returncode == NO_MOUNT or done.stderr.startswith("unshare:"):
            pytest.skip("this system lets users mount nothing")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.slow
def test_every_library_that_writes_runs_out_of_room_in_our_words(on_a_tiny_disk):
    found = on_a_tiny_disk(SCRIPT)
    writers = ("with_safetensors", "with_parquet", "with_python", "with_torch")
    assert found == {"told": dict.fromkeys(writers, "DiskFullError"), "left": 0}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "anything"),
        OSError(errno.EDQUOT, "anything"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("a rank failed: OSError: [Errno 122] Disk quota exceeded"),
    ],
)
def test_a_full_disk_by_its_words(tmp_path, error):
    assert is_disk_full(error, tmp_path)
    wrapped = ValueError("saving failed")
    wrapped.__cause__ = error
    assert is_disk_full(wrapped, tmp_path)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), ValueError("no space in the name"), None])
def test_other_errors_are_no_full_disk(tmp_path, error):
    assert not is_disk_full(error, tmp_path)


@pytest.mark.parametrize(("free", "full"), [(0, True), (1 << 30, False)])
def test_what_torch_says_counts_where_there_is_no_room(tmp_path, monkeypatch, free, full):
    monkeypatch.setattr(disk, "_free_bytes", lambda folder: free)
    error = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 704 vs 598")
    assert is_disk_full(error, tmp_path) is full
