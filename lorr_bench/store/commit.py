"""The commit of the code, where it runs from a checkout."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import lorr_bench

CHECKOUT: Final = Path(lorr_bench.__file__).resolve().parent.parent
CODE: Final = ("lorr_bench", "adapters", "suites")
"""Folders of a checkout whose changes change what runs."""
CHANGED: Final = "with changes"
TIMEOUT_SECONDS: Final = 10


@cache
def code_commit(checkout: Path = CHECKOUT) -> str | None:
    """The commit of this code, and whether its files differ from it: ``1f3c… with changes``.

    Args:
        checkout: The folder above the package.

    Returns:
        None where the package is installed without a checkout, or git does not answer.
    """
    if not (checkout / ".git").exists():
        return None
    commit = _said(checkout, "rev-parse", "HEAD")
    changes = _said(checkout, "status", "--porcelain", "--", *CODE)
    if commit is None or changes is None:
        return None
    return f"{commit} {CHANGED}" if changes else commit


def _said(checkout: Path, *words: str) -> str | None:
    """What git prints; None where it can't be asked, or fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), *words],
            capture_output=True,
            check=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()
