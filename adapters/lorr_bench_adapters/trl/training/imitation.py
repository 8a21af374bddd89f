"""TRL's SFTTrainer with replay and reset."""

from typing import ClassVar

from trl import SFTTrainer

from lorr_bench_adapters.trl.training.hybrid import LoRRTrainer
from lorr_bench_adapters.trl.training.replay import ReplayTrainer


class ImitationLoRR(LoRRTrainer):
    """Of an SFTTrainer, which weighs the tokens of an update itself; an SFT term would be its loss again."""

    takes_sft_term: ClassVar[bool] = False
    averages_rows: ClassVar[bool] = False


class ReplaySFTTrainer(ReplayTrainer, ImitationLoRR, SFTTrainer):  # type: ignore[misc]
    """An SFTTrainer whose epochs are replays."""
