"""TRL's SFTTrainer with replay and reset. Imported only when training starts."""

from typing import ClassVar

from trl import SFTTrainer

from lorr_bench_adapters.trl.replay import ReplayTrainer


class ReplaySFTTrainer(ReplayTrainer, SFTTrainer):  # type: ignore[misc]
    """An SFTTrainer whose epochs are replays; it weighs the tokens of an update itself."""

    averages_rows: ClassVar[bool] = False
