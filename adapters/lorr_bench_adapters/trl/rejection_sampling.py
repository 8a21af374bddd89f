"""Rejection-sampling fine-tuning: imitate every right answer that was sampled."""

from __future__ import annotations

from typing import ClassVar

from lorr_bench.ports.trainer import RowKind
from lorr_bench_adapters.trl.imitation import ImitationMethod


class RejectionSampling(ImitationMethod):
    """-log π(answer | prompt) over the different right answers to the prompts of the budget."""

    name: ClassVar[str] = "rejection_sampling"
    source: ClassVar[str] = "Yuan et al. 2023, arXiv 2308.01825"
    rows: ClassVar[RowKind] = "right_answers"
