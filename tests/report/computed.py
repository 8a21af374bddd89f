"""Frames of results, as a report computes them."""

from __future__ import annotations

import pandas as pd

from lorr_bench.report.contrasts import contrast_frame
from lorr_bench.report.study import Study
from lorr_bench.report.tables.comparison import Comparison, make_comparison
from lorr_bench.values import Results


def contrasts_of(results: Results) -> pd.DataFrame:
    return contrast_frame(Study(results))


def comparison_of(results: Results) -> Comparison:
    return make_comparison(Study(results), contrasts_of(results))
