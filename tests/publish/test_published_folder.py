"""A folder appears whole or not at all, and replaces only what may go."""

import errno
from pathlib import Path

import pytest

from lorr_bench.errors import DataError, DiskFullError, StoreError
from lorr_bench.publish.folder import new_folder, refuse_existing


def write(folder, text):
    with new_folder(folder) as draft:
        (draft / "file").write_text(text, "utf-8")


def test_it_appears_with_what_was_written(tmp_path):
    with new_folder(tmp_path / "a" / "b") as draft:
        (draft / "file").write_text("x", "utf-8")
        assert not (tmp_path / "a" / "b").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert (tmp_path / "a" / "b" / "file").read_text("utf-8") == "x"


def test_it_takes_the_place_of_an_older_one(tmp_path):
    write(tmp_path / "a", "old")
    (tmp_path / "a" / "left over").touch()
    write(tmp_path / "a", "new")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]
    assert (tmp_path / "a" / "file").read_text("utf-8") == "new"


def fail(draft):
    (draft / "half").touch()
    raise RuntimeError("stopped")


def test_a_failure_leaves_the_older_one_and_nothing_else(tmp_path):
    write(tmp_path / "a", "old")
    with pytest.raises(RuntimeError), new_folder(tmp_path / "a") as draft:
        fail(draft)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a" / "file").read_text("utf-8") == "old"


def test_where_the_last_step_fails_the_older_one_comes_back(tmp_path, monkeypatch):
    write(tmp_path / "a", "old")
    rename = Path.rename

    def refusing(self, target):
        if self.suffix.strip(".").isdigit():  # the draft
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refusing)
    with pytest.raises(StoreError, match="can't write: Permission denied"):
        write(tmp_path / "a", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a" / "file").read_text("utf-8") == "old"


def test_a_full_disk_is_said(tmp_path):
    with pytest.raises(DiskFullError), new_folder(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_nothing_there_is_fine_either_way(tmp_path):
    refuse_existing(tmp_path / "a", replace=False)
    refuse_existing(tmp_path / "a", replace=True)


def test_what_is_there_stays_unless_it_may_go(tmp_path):
    (tmp_path / "figures").mkdir()
    refuse_existing(tmp_path, replace=True)
    with pytest.raises(DataError, match="is there already") as refused:
        refuse_existing(tmp_path, replace=False)
    assert "--replace" in refused.value.fix


def test_folders_of_other_runs_do_not_go(tmp_path):
    """Of ``nano`` and ``nano/replays``, replacing the first must not take the second away."""
    (tmp_path / "replays").mkdir()
    with pytest.raises(DataError, match="has folders in it that would go: replays"):
        refuse_existing(tmp_path, replace=True)


def test_a_file_or_link_does_not_go(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for name in ("file", "link"):
        with pytest.raises(DataError, match="is no folder"):
            refuse_existing(tmp_path / name, replace=True)
