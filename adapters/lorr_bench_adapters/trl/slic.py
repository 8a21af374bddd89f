"""SLiC's hinge loss on log-ratios (Zhao et al. 2023, arXiv 2305.10425)."""

from __future__ import annotations

from typing import ClassVar

from lorr_bench_adapters.trl.preference import PreferenceMethod


class SLiC(PreferenceMethod):
    """max(0, 1 - β·Δ), Δ the difference of the log-ratios to the reference."""

    name: ClassVar[str] = "slic"
    source: ClassVar[str] = "Zhao et al. 2023, arXiv 2305.10425"
    loss_type: ClassVar[str] = "hinge"
