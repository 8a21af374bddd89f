"""What all methods of the native backend have in common, whatever their rows are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lorr_bench.ports.trainer import StartModel, TrainJob, TrainOutcome
from lorr_bench.values import Row
from lorr_bench_adapters.in_process import InProcessMethod
from lorr_bench_adapters.native.settings import NativeSettings

if TYPE_CHECKING:
    from torch import Tensor

    from lorr_bench_adapters.native.training.layout import Layout
    from lorr_bench_adapters.native.training.rows import Batch, TrainingRows


@dataclass(frozen=True)
class Loss:
    """What a method makes of a batch.

    Attributes:
        value: Scalar to minimise, without the SFT term: a mean over rows, which weigh the same in an update.
        chosen_log_probs: (sequences, tokens) of the responses that the SFT term imitates.
        chosen_mask: (sequences, tokens) 1 at their tokens.
        logged: Scalars by name.
    """

    value: Tensor
    chosen_log_probs: Tensor
    chosen_mask: Tensor
    logged: Mapping[str, Tensor]


class NativeMethod(InProcessMethod):
    """A method of the native backend.

    Attributes:
        scores_prompt: Whether the loss needs log-probabilities of prompt tokens.
    """

    backend: ClassVar[str] = "native"
    version: ClassVar[int] = 2
    hyperparameters: ClassVar[type[NativeSettings]]
    scores_prompt: ClassVar[bool] = False

    def reference(self, model: StartModel, rows: Sequence[Row], hyperparameters: Any, output: Path) -> None:
        """Write nothing: the method needs no reference."""

    def train(self, job: TrainJob) -> TrainOutcome:
        """Train on the rows of the job.

        Raises:
            SuiteError: The reset selects no tensor.
            DataError: A prompt alone is longer than the maximum length, or the reference holds too few rows.
            ModelError: The model can't be loaded, or not saved.
            MissingPackageError: liger-kernel is asked for and not installed.
            DivergedError: Losses, gradients or diagnostics are no numbers.
        """
        from lorr_bench_adapters.native.training.trainer import NativeTrainer

        return NativeTrainer(self, job).run()

    @abstractmethod
    def training_rows(self, job: TrainJob) -> TrainingRows:
        """The rows of a job as token numbers, with what the reference file holds of them."""

    @abstractmethod
    def loss(self, policy: Callable[[Layout], Tensor], batch: Batch, settings: Any) -> Loss:
        """The loss of a micro-batch.

        Args:
            policy: Gives the log-probabilities of a layout.
            batch: Rows.
            settings: An instance of ``hyperparameters``.
        """


def reference_forward(settings: NativeSettings) -> dict[str, Any]:
    """The settings that a reference forward pass depends on."""
    return {
        "max_length": settings.max_length,
        "precompute_ref_batch_size": settings.precompute_ref_batch_size,
        "padding_free": settings.padding_free,
        "bf16": settings.bf16,
        "use_liger_kernel": settings.use_liger_kernel,
        "load_in_4bit": settings.in_4bit,
    }
