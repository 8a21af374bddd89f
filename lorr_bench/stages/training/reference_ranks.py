"""Reference log-probabilities by several processes: each has a GPU, a whole model, and a share of the rows.

No row looks at another, but for those of its forward pass and of its micro-batch. So the shares are whole
ones of both, and each process computes, to the bit, what one alone would: their number is in no digest.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lorr_bench.devices import visible_gpus
from lorr_bench.plan.kinds.reference import Reference
from lorr_bench.ports.trainer import Progress
from lorr_bench.stages.task import Task
from lorr_bench.stages.training.order import read_order, write_order
from lorr_bench.stages.training.ranks import train_in_processes
from lorr_bench.stages.training.selection import select

RUN_SHARE: Final = "lorr_bench.stages.training.reference_ranks:run_share"
OF_A_GROUP: Final = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
SET_BY_THE_LAUNCHER: Final = ("ACCELERATE_", "TORCHELASTIC_")


def process_count(stage: Reference, rows: int) -> int:
    """How many processes compute a reference here: on a CPU one, because several would share its cores.

    Args:
        stage: The stage.
        rows: That it has.
    """
    import torch

    asked, unit = stage.setting.processes or 1, rows_of_a_share(stage)
    if unit is None or not torch.accelerator.is_available():
        return 1
    return min(asked, math.ceil(rows / unit))


def rows_of_a_share(stage: Reference) -> int | None:
    """Rows that stay together: whole forward passes, and whole micro-batches of methods whose rows are mixed.

    None where the adapter does not tell how many rows a forward pass has.
    """
    known = stage.known_settings
    if known.precompute_ref_batch_size is None:
        return None
    mixed = not stage.adapter.exact_accumulation
    return math.lcm(known.precompute_ref_batch_size, (known.per_device_train_batch_size or 1) if mixed else 1)


def reference_in_processes(task: Task[Reference], processes: int, output: Path) -> None:
    """Let each process compute its share of the rows, and join them.

    Args:
        task: The stage.
        processes: How many there are.
        output: Parquet file to write.

    Raises:
        LorrBenchError: A process failed.
        MemoryError: One had too little memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    log = task.scratch.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    order = {**write_order(task), "shares": [str(_share(output, rank)) for rank in range(processes)]}
    train_in_processes(order, processes, "ddp", log, task.progress, work=RUN_SHARE)
    log.unlink(missing_ok=True)
    shares = [Path(name) for name in order["shares"]]
    pq.write_table(pa.concat_tables([pq.read_table(share) for share in shares]), output)
    for share in shares:
        share.unlink()


def run_share(order: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Compute the share of one of the processes, alone on its GPU.

    Args:
        order: The stage, its folders and the files of the shares, as plain JSON values.
        progress: Told about the work.
    """
    rank = int(os.environ["RANK"])
    _leave_the_group(rank)
    task = read_order(order, progress)
    stage, rows = task.stage, select(task).rows
    assert isinstance(stage, Reference)
    own = share_of(len(rows), rows_of_a_share(stage) or 1, len(order["shares"]))[rank]
    stage.adapter.reference(task.model, rows[own], stage.hyperparameters, Path(order["shares"][rank]))
    return {}


def share_of(rows: int, unit: int, processes: int) -> list[slice]:
    """The rows of each process: whole units, the last of which may be smaller, as equal as may be.

    Args:
        rows: In all.
        unit: Rows that stay together.
        processes: No more than there are units.
    """
    units = math.ceil(rows / unit)
    borders = [min(rows, units * rank // processes * unit) for rank in range(processes + 1)]
    return [slice(begin, end) for begin, end in itertools.pairwise(borders)]


def _share(output: Path, rank: int) -> Path:
    return output.with_suffix(f".{rank}{output.suffix}")


def _leave_the_group(rank: int) -> None:
    """Make a process that was launched as one of several be the only one, on the GPU of its rank.

    Libraries would spread a batch over all GPUs that they see; no library has looked for any yet.
    """
    gpus = visible_gpus(os.environ)
    for name in [name for name in os.environ if name in OF_A_GROUP or name.startswith(SET_BY_THE_LAUNCHER)]:
        del os.environ[name]
    if gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[rank]
