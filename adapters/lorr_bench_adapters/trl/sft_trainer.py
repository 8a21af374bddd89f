"""TRL's SFTTrainer with replay and reset. Imported only when training starts."""

from trl import SFTTrainer

from lorr_bench_adapters.trl.replay import ReplayTrainer


class ReplaySFTTrainer(ReplayTrainer, SFTTrainer):  # type: ignore[misc]
    """An SFTTrainer whose epochs are replays."""
