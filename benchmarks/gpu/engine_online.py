"""GRPO and RLOO whose answers the suite's engine draws: from the right weights, in which room, how fast.

The embedded model trains for six updates; each answer's log-probabilities, as the engine drew it, stand
beside those of transformers with the weights of that update (`tests/witness/colocated_work.py`). An engine
that keeps the start's weights has to be seen. Then GRPO with a random model of 500M in bfloat16, its answers
drawn by the engine and by transformers' own generate: seconds of an update, memory while the engine sleeps.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from engines import apart, ours, settings, used_gib
from random_models import random_model
from script import Options, WrongError, run

from lorr_bench.data.nano.problems import problems
from lorr_bench.generate.engine import Engine
from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.values import Prompt

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "witness"))

from colocated_work import Watched, trained

ALLOWED_NATS: Final = 0.1
"""Of one token, between a float32 engine on a GPU and transformers on a CPU."""
SEEN: Final = 10 * ALLOWED_NATS
STALE: Final = "stale weights"
WARM_UP, TIMED = 1, 3


class Stale(Watched):  # type: ignore[misc] # a witness of the tests has no types
    """An engine that is given the start's weights, whatever was trained."""

    def take(self, tensors: Iterable[tuple[str, Any]]) -> None:
        """Hold what was trained against the answers, and give the engine its first weights again."""
        tensors = list(tensors)
        if not hasattr(self, "start"):
            self.start = [(name, tensor.detach().clone()) for name, tensor in tensors]
        weights = {name: tensor.detach().cpu() for name, tensor in tensors}
        self.model.load_state_dict(weights, strict=False)
        self.engine.take(iter(self.start))


class Timed:
    """The engine, with the seconds that it took and the memory that it gave back whenever it slept."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.context = engine, engine.context
        self.asleep: list[float] = []
        self.seconds = {"weights": 0.0, "answers": 0.0, "sleep": 0.0}

    @property
    def sleeps(self) -> bool:
        """As of the engine."""
        return self._engine.sleeps

    def take(self, tensors: Iterable[tuple[str, Any]]) -> None:
        """As of the engine."""
        self._time("weights", lambda: self._engine.take(tensors))

    def draw(self, *arguments: Any) -> Any:
        """As of the engine."""
        return self._time("answers", lambda: self._engine.draw(*arguments))

    def sleep(self) -> None:
        """As of the engine."""
        before = used_gib()
        self._time("sleep", self._engine.sleep)
        self.asleep.append(before - used_gib())

    def _time(self, what: str, work: Any) -> Any:
        began = time.perf_counter()
        given = work()
        self.seconds[what] += time.perf_counter() - began
        return given


def measure(options: Options) -> str:
    """Right answers of the embedded model first, then time and room."""
    with tempfile.TemporaryDirectory() as folder:
        return f"{apart(_right, Path(folder))}; {apart(_fast, Path(folder), options)}"


def _rows(count: int) -> list[Prompt]:
    asked = itertools.islice(problems("train", 6), count)
    return [Prompt(str(number), one.text, str(one.answer)) for number, one in enumerate(asked)]


def _right(folder: Path) -> str:
    rows = _rows(12)
    distances = {}
    with ours(NANO_MODEL, settings(context=128)) as engine:
        ways = {
            "grpo": ("grpo", Watched, {}),
            "grpo, lora": ("grpo", Watched, {"lora": {"r": 4}}),
            "rloo": ("rloo", Watched, {}),
            STALE: ("grpo", Stale, {}),
        }
        for name, (method, watched, more) in ways.items():
            found = trained(folder / name, method, rows, watched(engine, str(NANO_MODEL)), more)
            distances[name] = found["apart"]
    return _judge(distances)


def _judge(distances: dict[str, float]) -> str:
    said = ", ".join(f"{name} {nats:.1g}" for name, nats in distances.items())
    if max(nats for name, nats in distances.items() if name != STALE) > ALLOWED_NATS:
        raise WrongError(f"the engine draws with other weights: nats from transformers: {said}")
    if distances[STALE] < SEEN:
        raise WrongError(f"weights of the start could not be seen: nats from transformers: {said}")
    return f"largest nats from transformers: {said}"


def _fast(folder: Path, options: Options) -> str:
    model = random_model("toy" if options.toy else "500M", folder, dtype="bfloat16")
    told = []
    share, dtype = (0.3, "float32") if options.toy else (0.45, "bfloat16")
    with ours(model, settings(dtype, share=share)) as engine:
        awake = used_gib()
        timed = Timed(engine)
        seconds, highest = _updates(folder / "engine", model, options, timed)
        parts = ", ".join(f"{part} {each:.1f}" for part, each in timed.seconds.items())
        slept = f"{statistics.median(timed.asleep):.1f} of {awake:.1f} GiB given back asleep"
        told.append(
            f"engine {seconds:.2f} s an update ({parts} s in all), {slept}, {highest:.1f} GiB allocated"
        )
    seconds, highest = _updates(folder / "generate", model, options, None)
    told.append(f"transformers {seconds:.2f} s an update, {highest:.1f} GiB allocated")
    return "; ".join(told)


class _EnoughError(BaseException):
    """Ends a training from outside."""


def _updates(folder: Path, model: Path, options: Options, engine: Timed | None) -> tuple[float, float]:
    """Seconds of an update at the median, and GiB that the training allocated at most."""
    import torch

    answers, tokens = (4, 16) if options.toy else (64, 256)
    adapter = load_adapter("trl.grpo")
    rows = _rows((WARM_UP + TIMED + 1) * answers // 4)
    (folder / "checkpoints").mkdir(parents=True)
    ticks: list[float] = []

    def tick(done: int, total: int, tokens: int = 0) -> None:  # noqa: ARG001 - what TRL is told
        ticks.append(time.perf_counter())
        if done > WARM_UP + TIMED - 1:
            raise _EnoughError

    on_gpu = options.device == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    with suppress(_EnoughError):
        adapter.train(
            TrainJob(
                model=StartModel(str(model), None, "float32", trust_remote_code=False),
                reference=None,
                rows=rows,
                output=folder / "model",
                checkpoints=folder / "checkpoints",
                save_steps=0,
                stop_after=1,
                seed=0,
                loop=ReplayLoop(rows=len(rows), seed=0, sft_weights=(0.0,), reset=None),
                hyperparameters=adapter.hyperparameters.model_validate(
                    {
                        "per_device_train_batch_size": answers,
                        "num_generations": 4,
                        "max_completion_length": tokens,
                        "learning_rate": 1e-6,
                        "bf16": on_gpu,
                    }
                ),
                progress=tick,
                engine=(lambda: engine) if engine else None,
            )
        )
    gc.collect()
    highest = torch.cuda.max_memory_allocated() / 2**30 if on_gpu else 0.0
    return statistics.median(list(_between(ticks))[WARM_UP - 1 :]), highest


def _between(ticks: list[float]) -> Iterator[float]:
    return (later - earlier for earlier, later in itertools.pairwise(ticks))


if __name__ == "__main__":
    run(measure, __doc__)
