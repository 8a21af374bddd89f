"""GPUs that a plan can be asked about before there is one: facts of their makers, with source.

Peaks are those of dense matrices; data sheets print the double, for sparse ones, beside or instead of them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lorr_bench.errors import SuiteError

MEBIBYTE: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU.

    Attributes:
        name: As people call it.
        memory_bytes: As its driver lists it (``nvidia-smi``), which is a little less than its name says.
        bytes_per_second: Memory bandwidth.
        bf16_flops: Peak of dense bfloat16 matrices with float32 sums, operations a second.
        float32_flops: Peak in float32, operations a second.
        listed_as: What the name has that the driver gives it.
        source: Where the figures are from.
    """

    name: str
    memory_bytes: int
    bytes_per_second: float
    bf16_flops: float
    float32_flops: float
    listed_as: tuple[str, ...]
    source: str

    def is_called(self, driver_name: str) -> bool:
        """Whether a GPU is one of these, by the name that its driver gives: ``NVIDIA H100 80GB HBM3``."""
        return all(part in driver_name for part in self.listed_as)


@dataclass(frozen=True)
class Devices:
    """Some GPUs of one kind.

    Attributes:
        device: Each of them.
        number: How many.
    """

    device: Device
    number: int

    def __str__(self) -> str:
        """``8 × H100 80 GB``."""
        return f"{self.number} × {self.device.name}"


DEVICES: Final[Mapping[str, Device]] = {
    "a100-40gb": Device(
        name="A100 40 GB",
        memory_bytes=40_960 * MEBIBYTE,
        bytes_per_second=1.555e12,
        bf16_flops=312e12,
        float32_flops=19.5e12,
        listed_as=("A100", "40GB"),
        source="NVIDIA A100 data sheet",
    ),
    "a100-80gb": Device(
        name="A100 80 GB",
        memory_bytes=81_920 * MEBIBYTE,
        bytes_per_second=2.039e12,
        bf16_flops=312e12,
        float32_flops=19.5e12,
        listed_as=("A100", "80GB"),
        source="NVIDIA A100 data sheet, SXM",
    ),
    "h100-80gb": Device(
        name="H100 80 GB",
        memory_bytes=81_559 * MEBIBYTE,
        bytes_per_second=3.35e12,
        bf16_flops=989e12,
        float32_flops=67e12,
        listed_as=("H100", "80GB"),
        source="NVIDIA H100 data sheet, SXM",
    ),
    "h200-141gb": Device(
        name="H200 141 GB",
        memory_bytes=143_771 * MEBIBYTE,
        bytes_per_second=4.8e12,
        bf16_flops=989e12,
        float32_flops=67e12,
        listed_as=("H200",),
        source="NVIDIA H200 data sheet, SXM",
    ),
    "l40s": Device(
        name="L40S",
        memory_bytes=46_068 * MEBIBYTE,
        bytes_per_second=0.864e12,
        bf16_flops=362e12,
        float32_flops=91.6e12,
        listed_as=("L40S",),
        source="NVIDIA L40S data sheet",
    ),
    "rtx-4090": Device(
        name="RTX 4090",
        memory_bytes=24_564 * MEBIBYTE,
        bytes_per_second=1.008e12,
        bf16_flops=165.2e12,
        float32_flops=82.6e12,
        listed_as=("RTX 4090",),
        source="NVIDIA Ada GPU architecture, white paper, appendix A",
    ),
    "rtx-3090": Device(
        name="RTX 3090",
        memory_bytes=24_576 * MEBIBYTE,
        bytes_per_second=0.936e12,
        bf16_flops=71e12,
        float32_flops=35.6e12,
        listed_as=("RTX 3090",),
        source="NVIDIA Ampere GA102 GPU architecture, white paper, appendix A",
    ),
}


def read_devices(text: str) -> Devices:
    """The devices that a text names.

    Args:
        text: Name and number, such as ``h100-80gb:8``; one device where no number is said.

    Raises:
        SuiteError: The name is not known, or the number is none.
    """
    name, _, number = text.strip().lower().partition(":")
    if name not in DEVICES:
        near = difflib.get_close_matches(name, DEVICES, n=1, cutoff=0.3)
        meant = f"Did you mean {near[0]}? " if near else ""
        fix = f"{meant}Known are {', '.join(DEVICES)}."
        raise SuiteError(f"no device is called {name!r}", where="--devices", fix=fix)
    if not re.fullmatch(r"[1-9]\d{0,4}|", number) or (":" in text and not number):
        fix = f"Say how many behind the colon: {name}:8."
        raise SuiteError(f"{number!r} is no number of devices", where="--devices", fix=fix)
    return Devices(DEVICES[name], int(number or 1))
