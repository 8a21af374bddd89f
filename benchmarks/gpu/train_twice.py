"""What is left of a training when it is over: two after one another in one worker, native and on TRL.

After each of them no model and no optimizer may be alive, and no memory of the GPU be taken.
"""

from __future__ import annotations

import gc
import io
import json
from pathlib import Path

from jobs import long_pairs, plan_of, scratch
from random_models import random_model
from script import Options, WrongError, run

from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage
from lorr_bench.run.executor import Order
from lorr_bench.run.worker import EventWriter, serve
from lorr_bench.stages.task import EngineRoom
from lorr_bench.store.store import Store

MIB = 1 << 20
LEFT_BYTES = 96 * MIB
"""What libraries keep for themselves, such as the workspaces of cuBLAS; the weights are four times that."""
TRAINING = ("reference", "train")


def measure(options: Options) -> str:
    """What is alive and what is taken after each stage that loads a model."""
    shape, tokens = ("toy", 20) if options.toy else ("100M", 400)
    left: list[tuple[str, int, int, int]] = []
    with scratch() as folder:
        plan = plan_of_both(Path(folder), shape, tokens)
        orders = orders_of(plan, Path(folder))
        gc.collect()
        before = still_there()
        for order in orders:
            serve_or_fail(order)
            if order.stage.kind in TRAINING:
                models, optimizers, taken = (
                    now - then for now, then in zip(still_there(), before, strict=True)
                )
                left.append((order.stage.label, models, optimizers, taken))
    said = "; ".join(
        f"{label}: {models} models, {optimizers} optimizers, {taken / MIB:.0f} MiB"
        for label, models, optimizers, taken in left
    )
    if any(models or optimizers or taken > LEFT_BYTES for _, models, optimizers, taken in left):
        raise WrongError(f"left behind after {said}")
    return f"left behind after {said}"


def plan_of_both(folder: Path, shape: str, tokens: int) -> Plan:
    """DPO by both backends on the same pairs."""
    dpo = {"learning_rate": 1e-5, "per_device_train_batch_size": 4, "max_length": 512, "bf16": True}
    methods = {"dpo": {**dpo, "backend": "native"}, "trl_dpo": {**dpo, "adapter": "dpo"}}
    return plan_of(folder, random_model(shape, folder), long_pairs(16, 8, tokens), methods, unique_pairs=8)


def orders_of(plan: Plan, folder: Path) -> list[Order]:
    """Both trainings, and what they need, in an order in which they can be done."""
    by_digest = {stage.digest: stage for stage in plan.stages}
    needed: dict[str, Stage] = {}

    def need(stage: Stage) -> None:
        for digest in stage.inputs.values():
            need(by_digest[digest])
        needed.setdefault(stage.digest, stage)

    for digest in plan.training.values():
        need(by_digest[digest])
    store = Store(folder / "store").location
    return [
        Order(stage, {role: by_digest[d] for role, d in stage.inputs.items()}, store, folder / "log")
        for stage in needed.values()
    ]


def serve_or_fail(order: Order) -> None:
    """Do a stage as a worker does."""
    told = io.StringIO()
    serve(order.to_dict(), EngineRoom(), EventWriter(told))
    last = json.loads(told.getvalue().splitlines()[-1])
    if last["event"] != "Ended":
        raise WrongError(f"{order.stage.label}: {last}")


def still_there() -> tuple[int, int, int]:
    """Models and optimizers that are alive, and bytes of the GPU that are allocated."""
    import torch
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

    alive = [type(thing) for thing in gc.get_objects()]
    models = sum(issubclass(kind, PreTrainedModel) for kind in alive)
    optimizers = sum(issubclass(kind, Optimizer) for kind in alive)
    return models, optimizers, torch.cuda.memory_allocated() if torch.cuda.is_available() else 0


if __name__ == "__main__":
    run(measure, __doc__)
