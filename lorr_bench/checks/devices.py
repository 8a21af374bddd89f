"""Whether this machine has the devices that a model takes which is cut over several."""

from __future__ import annotations

from collections.abc import Sequence

from lorr_bench.generate import engine
from lorr_bench.plan.kinds.model import EngineStage
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.stage import Stage
from lorr_bench.spec.models import Suite
from lorr_bench.stages.training import ranks


def check_devices(suite: Suite, stages: Sequence[Stage]) -> None:
    """Refuse to begin what this machine can't answer or train with, before anything is collected.

    Args:
        suite: Says where stages run; those of a cluster run on other machines.
        stages: Those that a run is going to do.

    Raises:
        SuiteError: There are fewer devices than an engine has parts or a training has processes, or none to
            shard on.
        MissingPackageError: DeepSpeed is asked for and not installed.
    """
    if suite.execution.executor != "local":
        return
    parts = suite.engine.tensor_parallel_size
    if parts > 1 and any(isinstance(stage, EngineStage) for stage in stages):
        engine.check_devices(parts)
    train = next((stage for stage in stages if isinstance(stage, Train)), None)
    sharding = train.parameters.processes.sharding if train is not None else None
    if sharding is not None:
        ranks.check_devices(suite.training.num_processes, sharding)
