"""APO-zero (D'Oosterlinck et al. 2024, arXiv 2408.06266, equation 7)."""

from __future__ import annotations

from typing import ClassVar

from lorr_bench_adapters.trl.preference import PreferenceMethod


class APOZero(PreferenceMethod):
    """1 - σ(β·r_chosen) + σ(β·r_rejected): chosen up, rejected down, each against the reference alone."""

    name: ClassVar[str] = "apo_zero"
    source: ClassVar[str] = "D'Oosterlinck et al. 2024, arXiv 2408.06266"
    loss_type: ClassVar[str] = "apo_zero"
