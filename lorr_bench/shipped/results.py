"""Where results lie when no option says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lorr_bench.errors import StoreError
from lorr_bench.shipped.catalog import PACKAGED, SUITES

RESULTS_VARIABLE: Final = "LORR_BENCH_RESULTS"
BESIDE_FILES: Final = Path("results")
"""Where results of a suite file lie: in the current folder, which is the user's choice."""


def results_folder(environment: Mapping[str, str], *, named: bool) -> Path:
    """The folder of ``runs`` and ``store``.

    A suite that was given by name belongs to no folder of the user, so its results have one place, whatever
    the current folder is: ``results`` of the checkout, or ``lorr-bench`` among the data of the account.

    Args:
        environment: Environment variables.
        named: Whether the suite was given by name.

    Raises:
        StoreError: The account has no home folder.
    """
    if chosen := environment.get(RESULTS_VARIABLE):
        return Path(chosen).absolute()
    if not named:
        return BESIDE_FILES
    is_checkout = SUITES.parent != PACKAGED
    return SUITES.parent / "results" if is_checkout else _account_data(environment) / "lorr-bench"


def _account_data(environment: Mapping[str, str]) -> Path:
    """The folder for data of this account, by the XDG specification, which ignores relative paths."""
    chosen = Path(environment.get("XDG_DATA_HOME", ""))
    if chosen.is_absolute():
        return chosen
    try:
        return Path.home() / ".local" / "share"
    except RuntimeError as error:
        fix = f"Name a folder for results: --output, or the environment variable {RESULTS_VARIABLE}."
        raise StoreError("no place for results: your account has no home folder", fix=fix) from error
