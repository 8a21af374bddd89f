"""Whatever is read, only our own errors come out, each with what, where and what to do.

``LORR_BENCH_FUZZ_CASES`` sets how many cases each surface gets; ``python benchmarks/fuzz.py`` runs many.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from surfaces import Surface, attempt, surfaces

CASES: Final = int(os.environ.get("LORR_BENCH_FUZZ_CASES", "25"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.slow
@pytest.mark.parametrize("surface", surfaces(), ids=lambda surface: surface.name)
def test_only_our_own_errors_come_out(surface: Surface, folder: Path) -> None:
    @settings(max_examples=CASES, database=None, suppress_health_check=list(HealthCheck))
    @given(case=surface.cases)
    def holds(case: Any) -> None:
        attempt(surface, case, folder / "case")

    holds()
