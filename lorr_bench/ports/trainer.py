"""The port of a training adapter: what it is given, what it returns, what it can be asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.values import Pair

Progress = Callable[[int, int], None]
"""Called with work done and work in all."""


@dataclass(frozen=True)
class StartModel:
    """The model to train from.

    Attributes:
        path: Folder in Hugging Face form, or a Hub id.
        revision: Hub revision, or None for a folder.
        dtype: ``float32``, ``bfloat16`` or ``float16``.
        trust_remote_code: Whether code that comes with the model may run.
    """

    path: str
    revision: str | None
    dtype: str
    trust_remote_code: bool


@dataclass(frozen=True)
class TrainJob:
    """One training run.

    Attributes:
        model: Where training starts.
        reference: The file that ``reference`` wrote.
        rows: Which rows of it to train on, in the order of the data budget.
        output: Folder to write the trained model and its tokenizer to, in Hugging Face form.
        seed: Seeds everything but the order of the rows, which the loop decides.
        loop: Replay, reset and SFT weight.
        hyperparameters: An instance of the adapter's ``hyperparameters``.
        progress: Told about optimizer steps.
    """

    model: StartModel
    reference: Path
    rows: Sequence[int]
    output: Path
    seed: int
    loop: ReplayLoop
    hyperparameters: Any
    progress: Progress


@dataclass(frozen=True)
class TrainOutcome:
    """What a training run was.

    Attributes:
        optimizer_steps: Updates made.
        train_tokens: Tokens of all sequences that passed through the policy, padding not counted.
        parameters: Number of trained parameters.
        replays: Means over each replay of what the trainer logged, one dictionary a replay.
    """

    optimizer_steps: int
    train_tokens: int
    parameters: int
    replays: tuple[dict[str, float], ...]


class TrainerAdapter(Protocol):
    """A method on a backend. Importing its module must not import torch.

    Attributes:
        name: What suites call it.
        backend: The library that trains, with its pinned version in ``version``.
        version: Raised whenever results change; part of every digest.
        source: Paper of the method.
        needs_reference: Whether the loss needs log-probabilities of the start model.
        hyperparameters: Model of the settings, defaults included.
    """

    name: ClassVar[str]
    backend: ClassVar[str]
    version: ClassVar[int]
    source: ClassVar[str]
    needs_reference: ClassVar[bool]
    hyperparameters: ClassVar[type[BaseModel]]

    def steps_per_pass(self, rows: int, hyperparameters: Any) -> int:
        """Optimizer steps of one pass over ``rows`` rows."""
        ...

    def reference_settings(self, hyperparameters: Any) -> dict[str, Any]:
        """Those hyper-parameters that change what ``reference`` writes."""
        ...

    def reference(self, model: StartModel, pairs: Sequence[Pair], hyperparameters: Any, output: Path) -> None:
        """Tokenize the pairs and write them to the file ``output``, with reference log-probabilities.

        Raises:
            DataError: A prompt alone is longer than the maximum length.
            ModelError: The model can't be loaded, or has no tokenizer.
        """
        ...

    def train(self, job: TrainJob) -> TrainOutcome:
        """Train and write the model.

        Raises:
            SuiteError: The reset selects no tensor.
            ModelError: The model can't be loaded.
        """
        ...
