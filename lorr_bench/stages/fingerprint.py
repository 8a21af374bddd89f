"""Fingerprints of models, by which an engine is known to hold their weights."""

from __future__ import annotations

from lorr_bench.generate.fingerprint import FINGERPRINT_FILE, take_fingerprint
from lorr_bench.plan.kinds.fingerprint import Fingerprint
from lorr_bench.plan.stage import Stage
from lorr_bench.ports.trainer import StartModel
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome


def fingerprint(task: Task[Fingerprint]) -> Outcome:
    """That of the start model.

    Raises:
        ModelError: The model or its tokenizer does not load.
    """
    write_fingerprint(task, task.start_model)
    return Outcome(parts=task.clock.parts)


def write_fingerprint(task: Task[Stage], model: StartModel) -> None:
    """Put the fingerprint of a model into the output of a stage; its seconds are the part ``fingerprint``.

    Args:
        task: The stage.
        model: What to load.

    Raises:
        ModelError: The model or its tokenizer does not load.
    """
    with task.clock.part("fingerprint"):
        (task.output / FINGERPRINT_FILE).write_text(take_fingerprint(model).to_text(), "utf-8")
