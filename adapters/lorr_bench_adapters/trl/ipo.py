"""IPO (Azar et al. 2023, arXiv 2310.12036, equation 17)."""

from __future__ import annotations

from typing import ClassVar

from lorr_bench_adapters.trl.preference import PreferenceMethod


class IPO(PreferenceMethod):
    """(Δ - 1/(2β))², Δ from log-ratios per token: its authors confirm the length normalisation, says TRL."""

    name: ClassVar[str] = "ipo"
    source: ClassVar[str] = "Azar et al. 2023, arXiv 2310.12036"
    loss_type: ClassVar[str] = "ipo"
