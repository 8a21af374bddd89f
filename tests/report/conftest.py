"""The synthetic suite as fixtures."""

from __future__ import annotations

import pytest
from synthetic_results import make_results

from lorr_bench.values import Results


@pytest.fixture(scope="session")
def results() -> Results:
    return make_results()
