"""The commit of the code, from a checkout made for it."""

import subprocess

import pytest

from lorr_bench.store.commit import code_commit


def git(folder, *words):
    named = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", folder, *named, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "lorr_bench").mkdir()
    (tmp_path / "lorr_bench" / "code.py").write_text("1\n", "utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    code_commit.cache_clear()
    yield tmp_path
    code_commit.cache_clear()


@pytest.mark.slow
def test_a_checkout_has_its_commit(checkout):
    assert code_commit(checkout) == git(checkout, "rev-parse", "HEAD")


@pytest.mark.slow
def test_changes_of_code_are_said_and_others_not(checkout):
    (checkout / "notes.md").touch()
    commit = git(checkout, "rev-parse", "HEAD")
    assert code_commit(checkout) == commit
    (checkout / "lorr_bench" / "code.py").write_text("2\n", "utf-8")
    code_commit.cache_clear()
    assert code_commit(checkout) == f"{commit} with changes"


def test_an_installed_package_has_none(tmp_path):
    assert code_commit(tmp_path) is None


def test_a_folder_that_git_does_not_know_has_none(tmp_path):
    (tmp_path / ".git").write_text("gitdir: nowhere", "utf-8")
    assert code_commit(tmp_path) is None


def test_without_git_there_is_none(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", "")
    assert code_commit(tmp_path) is None
