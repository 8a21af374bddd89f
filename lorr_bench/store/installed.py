"""What is installed, against the versions that were locked together.

``lorr_bench/locked`` holds a file for each kind of machine, made by ``make lock``. ``make install`` takes
just those; ``pip install lorr-bench`` takes what the ranges of the package allow. What then differs is said
in each record and by ``lorr-bench doctor``. Packages that the file does not name are not looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import lorr_bench
from lorr_bench.ports.versions import has_gpu_build, installed_version

FOLDER: Final = Path(lorr_bench.__file__).parent / "locked"


@dataclass(frozen=True, slots=True)
class InstalledSet:
    """What is installed of a set of locked versions.

    Attributes:
        kind: ``nvidia`` or ``cpu``.
        file: The locked versions.
        sha256: The digest of that file.
        differences: ``numpy 2.4.1 for 2.4.0`` or ``numpy missing`` for each package that is not as locked.
    """

    kind: str
    file: Path
    sha256: str
    differences: tuple[str, ...]

    def __str__(self) -> str:
        """The digest, and every difference."""
        return ", ".join((f"{self.kind} sha256:{self.sha256}", *self._differing()))

    def _differing(self) -> Iterator[str]:
        if self.differences:
            yield f"{differing(len(self.differences))}: {', '.join(self.differences)}"


def differing(count: int) -> str:
    """So many packages as the subject of a sentence."""
    return f"{count} package{' differs' if count == 1 else 's differ'}"


def installed_set(folder: Path = FOLDER) -> InstalledSet:
    """Compare what is installed with the locked versions for its kind of machine.

    Args:
        folder: Where ``cpu.txt`` and ``nvidia.txt`` lie.
    """
    kind = "nvidia" if has_gpu_build() else "cpu"
    file = folder / f"{kind}.txt"
    data = file.read_bytes()
    return InstalledSet(kind, file, hashlib.sha256(data).hexdigest(), tuple(_differences(data.decode())))


def _differences(text: str) -> Iterator[str]:
    from packaging.specifiers import SpecifierSet

    for name, wanted in locked_versions(text):
        version = installed_version(name)
        if version is None:
            yield f"{name} missing"
        # A build's own label counts for nothing: 2.13.0+cpu is 2.13.0.
        elif version != wanted and not SpecifierSet(f"=={wanted}").contains(version, prereleases=True):
            yield f"{name} {version} for {wanted}"


def locked_versions(text: str) -> Iterator[tuple[str, str]]:
    """Name and version of each package that a file of locked versions has for this Python and processor.

    Args:
        text: Requirements as pip reads them, one version each; torch may stand in the head as ``# torch==…``.
    """
    for line in text.splitlines():
        requirement, _, marker = line.removeprefix("# ").removesuffix("\\").partition(";")
        if "==" not in requirement or not (line[0].isalnum() or line.startswith("# torch==")):
            continue
        if _applies(marker.strip()):
            name, _, version = requirement.strip().partition("==")
            yield name.partition("[")[0], version


@cache
def _applies(marker: str) -> bool:
    from packaging.markers import Marker

    return not marker or Marker(marker).evaluate()
