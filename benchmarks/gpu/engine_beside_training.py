"""An engine that starts while a training holds most of the GPU, and after the training has ended.

A process of its own trains the shape of 500M with AdamW in float32 for one step and then holds three
quarters of the GPU, as a training of long sequences does. The engine can't start beside it. Its error has
to be one after which a run tries again, and once the training has ended, a start in a new process has to
work.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from engines import ours, prompts, said, settings, timed, used_gib
from random_models import random_model
from script import Options, WrongError, run

from lorr_bench.errors import LorrBenchError

HELD_SHARE: Final = 0.75
ENGINE_SHARE: Final = 0.45
"""What a suite has that says nothing."""


def measure(options: Options) -> str:
    """On a CPU there is no memory of a GPU to be short of: the start after the training is tried alone."""
    shape = "toy" if options.toy else "500M"
    with tempfile.TemporaryDirectory() as folder:
        model = random_model(shape, Path(folder))
        here, there = multiprocessing.get_context("spawn").Pipe()
        training = multiprocessing.get_context("spawn").Process(
            target=train_and_hold, args=(model, there), name="the training"
        )
        training.start()
        try:
            held = _wait(here, training)
            beside, lasting = _try(model) if options.device == "cuda" else ("not tried on a CPU", False)
        finally:
            here.send("end")
            training.join()
        after, seconds = timed(lambda: _answers_in_a_new_process(model))
    told = f"training held {held}; engine beside it: {beside}; after it: {after} answers in {seconds:.1f} s"
    if lasting:
        raise WrongError(f"a run would end the arm for want of memory that is free later: {told}")
    return told


def train_and_hold(model: Path, told: Connection) -> None:
    """One step of training, then hold memory until told to end; runs in a process of its own."""
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    policy = AutoModelForCausalLM.from_pretrained(model).to(device)
    optimizer = torch.optim.AdamW(policy.parameters())
    tokens = torch.arange(64, device=device).repeat(2, 1)
    policy(input_ids=tokens, labels=tokens).loss.backward()
    optimizer.step()
    ballast = []
    if device == "cuda":
        free, total = torch.cuda.mem_get_info()
        more = int(HELD_SHARE * total) - (total - free)
        ballast.append(torch.empty(max(0, more), dtype=torch.uint8, device=device))
    told.send(f"{used_gib():.1f} GiB")
    told.recv()
    del ballast


def _wait(here: Connection, process: multiprocessing.process.BaseProcess) -> str:
    """What a process tells, once it tells it."""
    while not here.poll(1):
        if not process.is_alive() and not here.poll():
            raise WrongError(f"{process.name} ended with exit code {process.exitcode}")
    return str(here.recv())


def _try(model: Path) -> tuple[str, bool]:
    """What a start beside the training says, and whether a run would not try it again."""
    try:
        with ours(model, settings(share=ENGINE_SHARE)):
            return "it started all the same", False
    except LorrBenchError as error:
        words = " ".join(str(error).split())[:300]
        return f"{type(error).__name__} ({words})", not error.may_pass
    except Exception as error:  # noqa: BLE001 - not one of ours: a run tries again in a new process
        return f"{type(error).__name__} ({' '.join(str(error).split())[:300]})", False


def _answers_in_a_new_process(model: Path) -> int:
    """How many answers a start after the training gives; a run tries again in a new process too."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    engine = multiprocessing.get_context("spawn").Process(
        target=answer, args=(model, there), name="the engine"
    )
    engine.start()
    count = int(_wait(here, engine))
    engine.join()
    return count


def answer(model: Path, told: Connection) -> None:
    """Start the engine and tell how many answers it gives."""
    with ours(model, settings(share=ENGINE_SHARE)) as engine:
        count = len(said(engine.llm, prompts(4)).answers)
    told.send(count)


if __name__ == "__main__":
    run(measure, __doc__)
