"""Whether this machine has the devices that training in several processes needs."""

from __future__ import annotations

from collections.abc import Iterable

from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.stage import Stage
from lorr_bench.spec.models import Suite
from lorr_bench.stages.training.ranks import check_devices


def check_training_devices(suite: Suite, stages: Iterable[Stage]) -> None:
    """Refuse to begin what this machine can't train, before it collects what is trained on.

    Args:
        suite: Says where stages run; on a cluster other machines train.
        stages: Those that a run is going to do.

    Raises:
        SuiteError: There are fewer accelerators than processes, or none to shard on.
        MissingPackageError: DeepSpeed is asked for and not installed.
    """
    if suite.execution.executor != "local" or suite.training.num_processes == 1:
        return
    train = next((stage for stage in stages if isinstance(stage, Train)), None)
    sharding = train.parameters.processes.sharding if train is not None else None
    if sharding is not None:
        check_devices(suite.training.num_processes, sharding)
