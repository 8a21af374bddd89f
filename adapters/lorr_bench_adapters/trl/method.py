"""What all methods on TRL have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lorr_bench.ports.trainer import RowKind, StartModel, TrainJob, TrainOutcome
from lorr_bench.ports.versions import installed_versions
from lorr_bench.values import Row
from lorr_bench_adapters.settings import TrainingSettings

if TYPE_CHECKING:
    from datasets import Dataset

    from lorr_bench_adapters.trl.replay import ReplayTrainer


class TRLMethod(ABC):
    """A method that a trainer of TRL trains. A subclass names it and makes the trainer."""

    name: ClassVar[str]
    backend: ClassVar[str] = "trl"
    version: ClassVar[int] = 2
    source: ClassVar[str]
    rows: ClassVar[RowKind] = "pairs"
    needs_reference: ClassVar[bool] = False
    takes_sft_term: ClassVar[bool] = True
    online: ClassVar[bool] = False
    in_process: ClassVar[bool] = True
    hyperparameters: ClassVar[type[TrainingSettings]]

    def packages(self, hyperparameters: Any) -> dict[str, str]:  # noqa: ARG002 - the port's
        """Versions that results depend on."""
        return installed_versions("torch", "transformers", "accelerate", "peft", "trl")

    def steps_per_pass(self, rows: int, hyperparameters: TrainingSettings) -> int:
        """Optimizer steps of one pass; the last, smaller batch counts."""
        return hyperparameters.steps_per_pass(rows)

    def reference_settings(self, hyperparameters: Any) -> dict[str, Any]:  # noqa: ARG002 - the port's
        """Nothing: the method needs no reference."""
        return {}

    def reference(self, model: StartModel, rows: Sequence[Row], hyperparameters: Any, output: Path) -> None:
        """Never called where ``needs_reference`` is false.

        Raises:
            NotImplementedError: It was called.
        """
        raise NotImplementedError(f"{self.name} needs no reference")

    def train(self, job: TrainJob) -> TrainOutcome:
        """Train on the rows of the job; all replays are epochs of one run of the trainer."""
        return self.trainer(job).run()

    @abstractmethod
    def trainer(self, job: TrainJob) -> ReplayTrainer:
        """TRL's trainer for this job, with the replay loop mixed in."""


def read_rows(reference: Path | None, count: int) -> Dataset:
    """The first rows that ``reference`` wrote."""
    import pyarrow.parquet as pq
    from datasets import Dataset

    assert reference is not None
    return Dataset(pq.read_table(reference).slice(0, count))
