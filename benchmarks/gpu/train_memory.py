"""Peak memory of trainings beside what the plan says of them: 1.5B parameters, DPO and ORPO, native and TRL.

Four pairs of 1,024 tokens a response, float32 weights that compute in bfloat16, no checkpointing. What is
allocated at most must not be above the formula, nor the formula more than 1.5 times above it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from jobs import (
    constant_reference,
    forget,
    long_pairs,
    peak,
    plan_of,
    scratch,
    start_model,
    train_some_steps,
)
from random_models import random_model
from script import Options, WrongError, run

from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.forecast.peak_memory import training_peak
from lorr_bench.forecast.workload import Workloads
from lorr_bench.plan.plan import Plan

GIB = 1 << 30
PAIRS = 4
STEPS = 2  # the moments are there from the first on
TOO_MUCH = 1.5


def measure(options: Options) -> str:
    """Ratio of the formula to what was allocated, and to what was reserved, of each training."""
    shape, length = ("toy", 64) if options.toy else ("1.5B", 1024)
    said, wrong = [], False
    with scratch() as folder:
        bench = Bench(Path(folder), options.shapes[0] if options.shapes else shape, length)
        for name in ("native.dpo", "trl.dpo", "native.orpo", "trl.orpo"):
            expected = bench.forecast(name)
            try:
                allocated, reserved = peak(partial(bench.train, name))
            except Exception as error:  # noqa: BLE001 - a GPU that is too small is a finding
                said.append(f"{name}: formula {expected / GIB:.2f} GiB, {type(error).__name__}: {error}")
                wrong = True
                error.__traceback__ = None
                forget()
                continue
            said.append(sentence(name, expected, allocated, reserved))
            wrong = wrong or (bool(allocated) and not allocated <= expected <= TOO_MUCH * allocated)
    if wrong:
        raise WrongError("; ".join(said))
    return "; ".join(said)


def sentence(name: str, expected: int, allocated: int, reserved: int) -> str:
    """What was measured of one training; without a GPU the formula alone."""
    formula = f"{name}: formula {expected / GIB:.2f} GiB"
    if not allocated:
        return formula
    return (
        f"{formula}, {expected / allocated:.2f} times {allocated / GIB:.2f} allocated "
        f"and {expected / reserved:.2f} times {reserved / GIB:.2f} reserved"
    )


class Bench:
    """Trains one model by several methods, and asks the plan what that takes."""

    def __init__(self, folder: Path, shape: str, length: int) -> None:
        self._folder, self._length = folder, length
        self._model = random_model(shape, folder, dtype="bfloat16")  # half the file; trained in float32
        forget()
        prompt = length // 8
        self._pairs = long_pairs(PAIRS * STEPS, prompt, length - prompt - 1)
        self._reference = folder / "reference.parquet"
        constant_reference(self._pairs, start_model(self._model), length, self._reference)
        self._plan = self._planned()

    def forecast(self, name: str) -> int:
        """Bytes of one GPU that the plan says a training needs."""
        by_digest = {stage.digest: stage for stage in self._plan.stages}
        stage = next(
            by_digest[digest]
            for point, digest in self._plan.training.items()
            if point.arm.startswith(name.replace(".", "_"))
        )
        training = Workloads(by_digest).of(stage).training
        size = read_model_size(str(self._model))
        assert training is not None
        assert size is not None
        expected = training_peak(size, training, on_gpu=True)
        assert expected is not None
        return expected.bytes

    def train(self, name: str) -> None:
        """Some steps, and no saving."""
        train_some_steps(
            STEPS,
            name,
            start_model(self._model),
            self._pairs,
            self._settings,
            self._folder / name,
            reference=self._reference,
        )

    @property
    def _settings(self) -> dict[str, Any]:
        return {
            "learning_rate": 1e-6,
            "per_device_train_batch_size": PAIRS,
            "max_length": self._length,
            "bf16": True,
        }

    def _planned(self) -> Plan:
        return plan_of(
            self._folder, self._model, self._pairs, dict(self._methods()), unique_pairs=len(self._pairs)
        )

    def _methods(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for backend in ("native", "trl"):
            for method in ("dpo", "orpo"):
                settings = {**self._settings, "adapter": method, "backend": backend}
                yield f"{backend}_{method}", settings


if __name__ == "__main__":
    run(measure, __doc__)
