"""What a suite says about how it is run; nothing here changes what is computed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lorr_bench.spec.base import Model

MAX_DELAY_SECONDS = 300.0
Keep = Literal["last", "best", "none"]
Tracker = Literal["tensorboard", "wandb", "mlflow", "trackio"]


class Resources(Model):
    """What one worker of a pool asks of a cluster."""

    cpus: float = Field(1.0, ge=0, description="processor cores")
    gpus: float | None = Field(
        None, ge=0, description="GPUs, or a share of one; by default as many as the suite's processes need"
    )
    memory_gib: float | None = Field(None, gt=0, description="main memory that is reserved")


class PoolResources(Model):
    """What the workers of each pool ask of a cluster."""

    train: Resources = Field(default_factory=Resources, description="training and reward models")
    engine: Resources = Field(default_factory=Resources, description="generation and lm-eval")
    grade: Resources = Field(default_factory=Resources, description="grading, contamination and families")


class ExecutionSpec(Model):
    """How a suite is run: where, how much at a time, what is tried again, what is kept."""

    executor: Literal["local", "ray"] = Field("local", description="`local`: this machine; `ray`: a cluster")
    address: str | None = Field(
        None, description="Ray cluster: `auto`, `ray://host:10001`; by default one is started on this machine"
    )
    workers: int | None = Field(
        None,
        gt=0,
        description="training and engine stages at the same time, grading beside them; "
        "by default as many as devices, or cores up to 8, allow",
    )
    attempts: Annotated[int, Field(gt=0)] = Field(
        3, description="how often a stage is begun in all, over all runs of the suite"
    )
    retry_delay_seconds: float = Field(
        5.0, ge=0, description="wait before a second attempt; doubles with every further one, up to 5 minutes"
    )
    parts: Annotated[int, Field(gt=0)] = Field(
        1,
        description="engines that answer one collection or benchmark together, each a share of its prompts. "
        "Without GPUs only benchmarks of greedy answers are shared",
    )
    stage_timeout_minutes: float | None = Field(
        None, gt=0, description="a stage that takes longer is ended and tried again"
    )
    keep: Keep = Field(
        "last",
        description="weights that stay on the disk: `last` of every model, `best` seed of every arm and "
        "budget, or `none` once they are evaluated",
    )
    report_to: tuple[Tracker, ...] = Field((), description="experiment trackers")
    resources: PoolResources = Field(
        default_factory=PoolResources, description="what each worker asks of a Ray cluster"
    )

    def retry_delay(self, attempts: int) -> float:
        """Seconds before the next attempt.

        Args:
            attempts: How many there were, at least 1.
        """
        return min(self.retry_delay_seconds * 2.0 ** min(attempts - 1, 30), MAX_DELAY_SECONDS)
