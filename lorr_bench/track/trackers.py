"""Experiment trackers: one small class for each, behind one port.

Each is set up by its own environment variables, as its users expect; secrets come from there alone.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from lorr_bench.errors import MissingPackageError
from lorr_bench.track.history import TrackedRun

PROJECT: Final = "lorr-bench"
STEP: Final = "optimizer_steps"
MLFLOW_TAG: Final = "lorr_bench.run"
MAX_MLFLOW_METRICS: Final = 1000  # in one call of its REST interface
MAX_MLFLOW_PARAMETERS: Final = 100

Say = Callable[[str], None]


class Tracker(Protocol):
    """Writes one run after the other to an experiment tracker."""

    def open(self, run: TrackedRun) -> None:
        """Begin a run, or go on with it."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add values to the run, at the optimizer steps made by then."""

    def close(self) -> None:
        """End the run for now; what was logged is safe then."""


class TensorBoard:
    """Event files in a folder for each run: ``TENSORBOARD_LOGGING_DIR``, else ``OUTPUT/tensorboard``."""

    def __init__(self, output: Path, say: Say) -> None:
        del say
        self._folder = Path(os.environ.get("TENSORBOARD_LOGGING_DIR") or output / "tensorboard")
        self._writer: Any = None

    def open(self, run: TrackedRun) -> None:
        """Begin an event file; the first of a run holds its configuration."""
        words = re.sub(r"[^\w.+-]+", "_", run.name)
        folder = self._folder / f"{words}-{run.id[:8]}"
        files = len(list(folder.glob("*")))
        # The second and the host are in a file's name; two files of a run may be begun within one second.
        self._writer = _summary_writer()(str(folder), filename_suffix=f".{files}")
        if not files:
            text = json.dumps(run.config, indent=1)
            self._writer.add_text("config", "\n".join(f"    {line}" for line in text.splitlines()), 0)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add scalars."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write and close the file."""
        self._writer.close()


def _summary_writer() -> Any:
    """PyTorch's writer where TensorBoard is installed, else that of tensorboardX."""
    if importlib.util.find_spec("tensorboard") is not None:
        from torch.utils.tensorboard import SummaryWriter
    else:
        from tensorboardX import SummaryWriter
    return SummaryWriter


class WandB:
    """Weights & Biases, set up by its own variables; without a key its runs stay in ``OUTPUT/wandb``."""

    def __init__(self, output: Path, say: Say) -> None:
        os.environ.setdefault("WANDB_SILENT", "true")
        import wandb

        self._wandb: Any = wandb
        self._run: Any = None
        self._output = output
        self._mode = os.environ.get("WANDB_MODE")
        if self._mode is None and not wandb.login(prompt=False):
            self._mode = "offline"
            say(f"wandb has no API key: runs are kept in {output / 'wandb'}, `wandb sync` uploads them")

    def open(self, run: TrackedRun) -> None:
        """Begin or resume the run of this id, with nothing in it but what is logged."""
        self._run = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            group=run.group,
            name=run.name,
            id=run.id,
            config=dict(run.config),
            dir=os.environ.get("WANDB_DIR", str(self._output)),
            mode=self._mode,
            resume="allow",
            reinit="create_new",
            settings=self._wandb.Settings(
                console="off", disable_git=True, save_code=False, x_disable_stats=True, x_disable_meta=True
            ),
        )
        self._run.define_metric("*", step_metric=STEP)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row of the history."""
        self._run.log({**values, STEP: step})

    def close(self) -> None:
        """Send what is left."""
        self._run.finish()


class MLflow:
    """MLflow at ``MLFLOW_TRACKING_URI``, else in ``OUTPUT/mlflow.db``; a suite is an experiment."""

    def __init__(self, output: Path, say: Say) -> None:
        del say
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # by default it tries for minutes
        from mlflow import MlflowClient

        default = f"sqlite:///{(output / 'mlflow.db').absolute()}"
        self._client: Any = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or default)
        self._default_artifacts = None if os.environ.get("MLFLOW_TRACKING_URI") else (output / "mlartifacts")
        self._run = ""

    def open(self, run: TrackedRun) -> None:
        """Find the run by its tag, or create it with its parameters."""
        experiment = self._experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME") or run.group)
        found = self._client.search_runs([experiment], f"tags.`{MLFLOW_TAG}` = '{run.id}'")
        if found:
            self._run = found[0].info.run_id
            return
        created = self._client.create_run(
            experiment, run_name=run.name, tags={MLFLOW_TAG: run.id, "lorr_bench.suite": run.group}
        )
        self._run = created.info.run_id
        from mlflow.entities import Param

        parameters = [Param(_mlflow_name(name), str(value)) for name, value in flat(run.config)]
        for part in _parts(parameters, MAX_MLFLOW_PARAMETERS):
            self._client.log_batch(self._run, params=part)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add metrics."""
        from mlflow.entities import Metric

        metrics = [Metric(_mlflow_name(name), value, _now_ms(), step) for name, value in values.items()]
        for part in _parts(metrics, MAX_MLFLOW_METRICS):
            self._client.log_batch(self._run, metrics=part)

    def close(self) -> None:
        """Mark the run as finished."""
        self._client.set_terminated(self._run)

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = self._default_artifacts and self._default_artifacts.absolute().as_uri()
        return str(self._client.create_experiment(name, artifact_location=place))


class Trackio:
    """Trackio, on this machine or where its own variables say."""

    def __init__(self, output: Path, say: Say) -> None:
        del output, say
        import trackio

        self._trackio: Any = trackio
        self._run: Any = None

    def open(self, run: TrackedRun) -> None:
        """Begin or resume the run of this name."""
        self._run = self._trackio.init(
            project=os.environ.get("TRACKIO_PROJECT", PROJECT),
            name=f"{run.name} ({run.id[:8]})",
            group=run.group,
            config=dict(run.config),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Send what is left."""
        self._run.finish()


TRACKERS: Final[Mapping[str, Callable[[Path, Say], Tracker]]] = {
    "tensorboard": TensorBoard,
    "wandb": WandB,
    "mlflow": MLflow,
    "trackio": Trackio,
}
PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    "wandb": ("wandb",),
    "mlflow": ("mlflow",),
    "trackio": ("trackio",),
}
"""Modules of which one is needed."""


def check_packages(names: Iterable[str], variables: Mapping[str, str] = os.environ) -> None:
    """See that the trackers are installed.

    Args:
        names: Of the trackers.
        variables: The environment.

    Raises:
        MissingPackageError: One is not.
    """
    for name in names:
        found = any(importlib.util.find_spec(module) is not None for module in PACKAGES[name])
        if name == "mlflow" and not variables.get("MLFLOW_TRACKING_URI"):
            found = found and importlib.util.find_spec("sqlalchemy") is not None  # mlflow-skinny has no store
        if not found:
            raise MissingPackageError(
                f"the tracker {name} is not installed",
                where="execution.report_to",
                fix=f"Install it: pip install {name}",
            )


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings as pairs of dotted name and value."""
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        inner = isinstance(value, Mapping) and value
        pairs += flat(value, f"{prefix}{name}.") if inner else [(f"{prefix}{name}", value)]
    return pairs


def _mlflow_name(name: str) -> str:
    """A name with the characters that MLflow allows."""
    return re.sub(r"[^\w.\- /]", "_", name)


def _parts(values: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [values[first : first + size] for first in range(0, len(values), size)]


def _now_ms() -> int:
    return int(time.time() * 1000)
