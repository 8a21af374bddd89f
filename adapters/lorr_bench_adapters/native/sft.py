"""Supervised fine-tuning on the chosen responses: the baseline without preferences."""

from __future__ import annotations

from typing import ClassVar

from lorr_bench.ports.trainer import RowKind
from lorr_bench_adapters.native.imitation import ImitationMethod


class SFT(ImitationMethod):
    """-log π(chosen | prompt), mean over the tokens of an update."""

    name: ClassVar[str] = "sft"
    source: ClassVar[str] = "Ouyang et al. 2022, arXiv 2203.02155"
    rows: ClassVar[RowKind] = "chosen"
