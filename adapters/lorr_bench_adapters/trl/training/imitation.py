"""TRL's SFTTrainer with replay and reset."""

from typing import ClassVar

from trl import SFTTrainer

from lorr_bench_adapters.trl.training.replay import ReplayTrainer


class ReplaySFTTrainer(ReplayTrainer, SFTTrainer):  # type: ignore[misc]
    """An SFTTrainer whose epochs are replays; it weighs the tokens of an update itself."""

    averages_rows: ClassVar[bool] = False
