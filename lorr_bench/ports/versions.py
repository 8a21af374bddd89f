"""Versions of installed packages, without importing them."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def package_version(*names: str) -> str:
    """Version of the first of these packages that is installed, or ``none``."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "none"


def installed_versions(*names: str) -> dict[str, str]:
    """The version of each package by name."""
    return {name: package_version(name) for name in names}
