"""A stage as plain JSON values, for processes that work on it together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lorr_bench.plan.kinds.registry import stage_from_dict
from lorr_bench.ports.trainer import Progress
from lorr_bench.stages.task import EngineRoom, Task


def write_order(task: Task[Any]) -> dict[str, Any]:
    """A stage and its folders."""
    return {
        "stage": task.stage.to_dict(),
        "inputs": {role: str(folder) for role, folder in task.inputs.items()},
        "output": str(task.output),
        "scratch": str(task.scratch),
    }


def read_order(order: Mapping[str, Any], progress: Progress) -> Task[Any]:
    """What ``write_order`` made of a stage.

    Args:
        order: The stage and its folders.
        progress: Told about the work.
    """
    return Task(
        stage=stage_from_dict(order["stage"]),
        inputs={role: Path(folder) for role, folder in order["inputs"].items()},
        output=Path(order["output"]),
        scratch=Path(order["scratch"]),
        engines=EngineRoom(),
        progress=progress,
    )
