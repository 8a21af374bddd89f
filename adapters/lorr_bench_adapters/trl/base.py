"""What all methods on TRL have in common, whichever of its trainers they need."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lorr_bench.imports import without_collections
from lorr_bench.ports.trainer import TrainJob, TrainOutcome
from lorr_bench_adapters.in_process import InProcessMethod
from lorr_bench_adapters.settings import TrainingSettings

if TYPE_CHECKING:
    from datasets import Dataset

    from lorr_bench_adapters.trl.training.replay import ReplayTrainer


class TRLMethod(InProcessMethod):
    """A method that one of TRL's trainers trains; a subclass names it and makes the trainer."""

    backend: ClassVar[str] = "trl"
    version: ClassVar[int] = 3
    shardings: ClassVar[tuple[str, ...]] = (*InProcessMethod.shardings, "deepspeed")
    hyperparameters: ClassVar[type[TrainingSettings]]
    libraries: ClassVar[tuple[str, ...]] = (*InProcessMethod.libraries, "trl")

    def train(self, job: TrainJob) -> TrainOutcome:
        """Train on the rows of the job; all replays are epochs of one run of the trainer."""
        with without_collections():  # it imports TRL
            trainer = self.trainer(job)
        return trainer.run()

    @abstractmethod
    def trainer(self, job: TrainJob) -> ReplayTrainer:
        """TRL's trainer for this job, with the replay loop mixed in."""


def read_rows(reference: Path | None, count: int) -> Dataset:
    """The first rows that ``reference`` wrote."""
    import pyarrow.parquet as pq
    from datasets import Dataset

    assert reference is not None
    # Dataset.from_parquet would keep a copy in the cache of ``datasets``.
    return Dataset(pq.read_table(reference).slice(0, count))
