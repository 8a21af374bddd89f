"""What an external trainer is asked to do in one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lorr_bench.values import Pair


@dataclass(frozen=True)
class ReplayRun:
    """One run of the trainer: one pass over the rows.

    Attributes:
        start: Folder of the start model, which is the reference too.
        model: Folder of the weights to train from, in Hugging Face form with tokenizer.
        adapter: Folder of the LoRA adapter to go on with; None trains all weights, or begins an adapter.
        rows: The pairs, in the order to train on them.
        sft_weight: λ of this replay.
        seed: Of the trainer.
        settings: An instance of the method's ``hyperparameters``.
        trust_remote_code: Whether code that comes with the model may run.
        begin: Text of the token that the model's tokenizer puts before a prompt, or nothing.
        end: Text of the token that ends a response whose own end is not known.
        folder: An empty folder for what the trainer reads and writes; it is removed afterwards.
    """

    start: Path
    model: Path
    adapter: Path | None
    rows: Sequence[Pair]
    sft_weight: float
    seed: int
    settings: Any
    trust_remote_code: bool
    begin: str
    end: str
    folder: Path

    @property
    def output(self) -> Path:
        """Where the trainer must leave the model, or the LoRA adapter, as safetensors."""
        return self.folder / "trained"
