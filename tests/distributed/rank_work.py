"""What the ranks of ``test_ranks`` do; found through PYTHONPATH."""

import os
import signal
import time
from pathlib import Path

from lorr_bench.errors import DataError


def rank():
    return int(os.environ["RANK"])


def report(order, progress):
    """Exchange a number between the ranks, and say who and how many they are."""
    import torch
    from torch import distributed

    distributed.init_process_group("gloo")
    number = torch.tensor([rank() + order["number"]])
    distributed.all_reduce(number)
    for done in (1, 2):
        progress(done + 10 * rank(), 2, 5 * done)
    names = ("WORLD_SIZE", "OMP_NUM_THREADS", "FSDP_VERSION", "CUDA_VISIBLE_DEVICES")
    return {"rank": rank(), "sum": number.item(), **{name: os.environ.get(name) for name in names}}


def decide(order, progress):
    """Measure a model that is not the same in both ranks; what each holds the signal to be and decides."""
    import torch
    from bigrams import HELD_OUT, PAD, START, TRAINED, Bigrams, set_table
    from torch import distributed

    from lorr_bench.lorr.adaptive import Adaptive, Rule
    from lorr_bench.lorr.held_out import HeldOutSignal
    from lorr_bench.lorr.loop import ReplayLoop, Reset

    distributed.init_process_group("gloo")
    model, signal = Bigrams(START), HeldOutSignal("held_out_margin", HELD_OUT, PAD)
    loop = ReplayLoop(
        rows=1,
        seed=0,
        sft_weights=(0.0,) * 3,
        reset=Reset("table", 0.5, clear_optimizer=True),
        adaptive=Adaptive(Rule("below_start", scale=100.0), signal),
    )
    loop.start(model)
    if rank() == 1:  # of rank 0 the margin stays 0
        set_table(model, TRAINED)
    loop.finish(1, model, torch.optim.SGD(model.parameters()))
    seen = [None, None]
    distributed.all_gather_object(seen, (loop.signals, loop.diagnostics, loop.resets_done))
    return {"seen": seen}


def explain(order, progress):
    """Rank 1 fails with a reason, rank 0 would go on for ever."""
    if rank() == 1:
        raise DataError("the file is empty", where="pairs.jsonl", fix="Fill it.")
    time.sleep(600)


def crash(order, progress):
    """Rank 1 fails as a programme does."""
    if rank() == 1:
        raise ZeroDivisionError("a number by zero")
    time.sleep(600)


def fill_memory(order, progress):
    """Rank 1 wants more than its GPU has."""
    import torch

    if rank() == 1:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
    time.sleep(600)


def fsdp_plugin(order, progress):
    """What accelerate reads from the environment."""
    from accelerate import FullyShardedDataParallelPlugin

    plugin = FullyShardedDataParallelPlugin()
    names = ("fsdp_version", "reshard_after_forward", "cpu_ram_efficient_loading", "state_dict_type")
    seen = {name: str(getattr(plugin, name)) for name in names}
    return {**seen, "auto_wrap_policy": plugin.auto_wrap_policy.__name__}


def die(order, progress):
    """Rank 1 is killed as when memory runs out."""
    if rank() == 1:
        os.write(1, b"the last words of rank 1\n")
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


def linger(order, progress):
    """Every rank leaves its process id and stays."""
    Path(order["folder"], f"pid.{rank()}").write_text(str(os.getpid()))
    progress(1, 2)
    time.sleep(600)
