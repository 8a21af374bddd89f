"""DPO (Rafailov et al. 2023, arXiv 2305.18290, equation 7)."""

from __future__ import annotations

from typing import ClassVar

from lorr_bench_adapters.trl.preference import PreferenceMethod


class DPO(PreferenceMethod):
    """-log σ(β·Δ), Δ the difference of the log-ratios to the reference."""

    name: ClassVar[str] = "dpo"
    source: ClassVar[str] = "Rafailov et al. 2023, arXiv 2305.18290"
    loss_type: ClassVar[str] = "sigmoid"
