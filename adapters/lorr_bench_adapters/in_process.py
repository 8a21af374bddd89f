"""What the methods of both in-process backends have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from lorr_bench.ports.trainer import KnownSettings, RowKind, StartModel, TrainJob, TrainOutcome
from lorr_bench.ports.versions import installed_versions
from lorr_bench.values import Row
from lorr_bench_adapters.settings import TrainingSettings


class InProcessMethod(ABC):
    """A method on pairs without a reference, which takes the SFT term; a subclass says what is different.

    Attributes:
        libraries: Packages whose versions results depend on.
    """

    name: ClassVar[str]
    backend: ClassVar[str]
    version: ClassVar[int]
    source: ClassVar[str]
    rows: ClassVar[RowKind] = "pairs"
    needs_reference: ClassVar[bool] = False
    takes_sft_term: ClassVar[bool] = True
    online: ClassVar[bool] = False
    in_process: ClassVar[bool] = True
    holds_logits: ClassVar[bool] = False
    exact_accumulation: ClassVar[bool] = True
    shardings: ClassVar[tuple[str, ...]] = ("ddp", "fsdp")
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "accelerate", "peft")

    def known_settings(self, hyperparameters: TrainingSettings) -> KnownSettings:
        """What the core reads of the hyper-parameters."""
        return hyperparameters.known()

    def packages(self, hyperparameters: Any) -> dict[str, str]:  # noqa: ARG002 - the port's
        """Versions that results depend on."""
        return installed_versions(*self.libraries)

    def steps_per_pass(self, rows: int, hyperparameters: Any) -> int:
        """Optimizer steps of one pass; the last, smaller batch counts."""
        return int(hyperparameters.steps_per_pass(rows))

    def reference_settings(self, hyperparameters: Any) -> dict[str, Any]:  # noqa: ARG002 - the port's
        """Nothing: the method needs no reference."""
        return {}

    def reference(self, model: StartModel, rows: Sequence[Row], hyperparameters: Any, output: Path) -> None:
        """Never called where ``needs_reference`` is false.

        Raises:
            NotImplementedError: It was called.
        """
        raise NotImplementedError(f"{self.name} needs no reference")

    @abstractmethod
    def train(self, job: TrainJob) -> TrainOutcome:
        """Train and write the model."""
