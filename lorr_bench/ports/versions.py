"""Versions of installed packages, without importing them."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def package_version(*names: str) -> str:
    """Version of the first of these packages that is installed, or ``none``."""
    return next(filter(None, map(installed_version, names)), "none")


def installed_version(name: str) -> str | None:
    """Version of a package, or None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def has_gpu_build() -> bool:
    """Whether vLLM is the build for GPUs: only that one is a package called ``vllm``."""
    return installed_version("vllm") is not None


def installed_versions(*names: str) -> dict[str, str]:
    """The version of each package by name."""
    return {name: package_version(name) for name in names}
