"""What every stage is given."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from lorr_bench.errors import StageError, UnprovenError
from lorr_bench.events import ENGINE_START
from lorr_bench.generate.engine import Engine, EngineSettings
from lorr_bench.generate.fingerprint import Fingerprint, read_fingerprint
from lorr_bench.plan.identity.hub_model import on_this_machine
from lorr_bench.plan.kinds.model import EngineOptions, EngineStage, Generator, ModelStage
from lorr_bench.plan.stage import START_ROLE, Role, Stage
from lorr_bench.ports.trainer import Progress, StartModel
from lorr_bench.store.record import RECORD_FILE, Record

FRESH_ENGINE: Final = "fresh-engine"
"""File in the scratch folder of a stage whose model a running engine could not be shown to hold."""

S_co = TypeVar("S_co", bound=Stage, covariant=True)


class Clock:
    """Seconds of named parts.

    Args:
        entered: Told the name of a part when it begins.

    Attributes:
        parts: Seconds by name.
    """

    def __init__(self, entered: Callable[[str], None] = lambda _: None) -> None:
        self._entered = entered
        self.parts: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the time spent inside to the part."""
        self._entered(name)
        started = time.perf_counter()
        try:
            yield
        finally:
            self.parts[name] = self.parts.get(name, 0.0) + time.perf_counter() - started

    def move(self, source: str, target: str, seconds: float) -> None:
        """Count some of a part's seconds under another name."""
        self.parts[source] -= seconds
        self.parts[target] = self.parts.get(target, 0.0) + seconds


class EngineRoom:
    """Starts the generation engine when the first stage asks for it, and keeps it."""

    def __init__(self, start: Callable[[str, str | None, EngineSettings], Engine] = Engine) -> None:
        self._start = start
        self._engine: Engine | None = None

    def holding(self, task: Task[ModelStage], generator: Generator, options: EngineOptions) -> Engine:
        """The engine of this process, proven to hold the model of a stage.

        Args:
            task: The stage.
            generator: What it generates with.
            options: How that is started.

        The seconds of its start are the part ``engine_start``, those of swap and proof ``load``. Where the
        proof fails a fresh engine is started on the model, once: here, or on a GPU in the process of the next
        attempt.

        Raises:
            UnprovenError: The next attempt starts a fresh engine.
            StageError: The fresh engine does not hold the model either.
        """
        settings = _settings(task.stage, generator, options)
        expected = read_fingerprint(task.fingerprint_folder).within(settings.dtype)
        wanted = task.scratch / FRESH_ENGINE
        engine, fresh = self._engine, False
        if engine is None:
            fresh = wanted.exists()
            engine = self._started(task, task.model if fresh else task.start_model, settings)
        if (fault := _fault(task, engine, expected)) is None:
            return engine
        if not fresh:
            task.notice(f"{task.stage.label}: {fault}. Starting a fresh engine.")
            self._engine = None
            if not engine.replaceable:
                wanted.parent.mkdir(parents=True, exist_ok=True)
                wanted.touch()
                raise UnprovenError(
                    fault,
                    where=task.stage.label,
                    fix="The next attempt starts a fresh engine on the model, in a new process.",
                )
            engine.close()
            engine = self._started(task, task.model, settings)
            fault = _fault(task, engine, expected)
        if fault is None:
            return engine
        raise StageError(
            f"{fault}, also in a fresh engine",
            where=task.stage.label,
            fix="Nothing was measured. Try engine.enforce_eager: true or another engine.dtype; where "
            "vLLM and transformers differ on a family of models, no score of vLLM can be believed.",
        )

    def rest(self) -> None:
        """Let the engine sleep, if there is one: others have its memory of a GPU until a stage asks."""
        if self._engine is not None:
            self._engine.sleep()

    def _started(self, task: Task[ModelStage], model: StartModel, settings: EngineSettings) -> Engine:
        with task.clock.part(ENGINE_START):
            self._engine = self._start(model.path, model.revision, settings)
            if model == task.start_model:
                # Says how exact this engine is; whether that is enough is decided where the model is used.
                self._engine.disagreement(read_fingerprint(task.inputs[START_ROLE]).within(settings.dtype))
        return self._engine


def _fault(task: Task[ModelStage], engine: Engine, expected: Fingerprint) -> str | None:
    """Load the model of a stage into the engine, and say how it contradicts the fingerprint."""
    with task.clock.part("load"):
        engine.load(task.model.path, task.model.revision)
        return engine.disagreement(expected)


def _settings(stage: ModelStage, generator: Generator, options: EngineOptions) -> EngineSettings:
    weights = stage.parameters.weights
    return EngineSettings(
        dtype=generator.dtype_for(weights),
        max_model_len=generator.max_model_len,
        trust_remote_code=weights.trust_remote_code,
        kv_cache_gib=options.kv_cache_gib,
        gpu_memory_utilization=options.gpu_memory_utilization,
        enforce_eager=options.enforce_eager,
        tensor_parallel_size=options.tensor_parallel_size,
        batch_invariant=bool(generator.batch_invariant),
    )


@dataclass(frozen=True)
class Task(Generic[S_co]):
    """One stage to run.

    Attributes:
        stage: What to do.
        inputs: Folders of the input stages, by the part they play.
        output: An empty folder to fill.
        scratch: A folder for what survives an interruption; the stage makes it if it needs one.
        engines: Where the generation engine comes from.
        progress: Told how far the work is.
        notice: Told what the user should know of.
        clock: Measures parts of the stage.
        parts: Folders of the stages that answered a share of the prompts each; none where nobody did.
    """

    stage: S_co
    inputs: Mapping[Role, Path]
    output: Path
    scratch: Path
    engines: EngineRoom
    progress: Progress
    notice: Callable[[str], None] = lambda _: None
    clock: Clock = field(default_factory=Clock)
    parts: Sequence[Path] = ()

    @property
    def start_model(self: Task[ModelStage]) -> StartModel:
        """The start model of the suite, as a folder of this machine.

        Raises:
            ModelError: The Hub does not give what is missing of it here.
        """
        return on_this_machine(self.stage.start_model)

    @property
    def model(self: Task[ModelStage]) -> StartModel:
        """The model that the stage works on.

        That of the input ``model``, else that of the input ``primed``, else the suite's start model.
        """
        trained = self.inputs.get("model") or self.inputs.get("primed")
        if trained is None:
            return self.start_model
        return dataclasses.replace(self.start_model, path=str(trained / "model"), revision=None)

    @property
    def fingerprint_folder(self) -> Path:
        """Where the fingerprint of the model lies."""
        return self.inputs["model" if "model" in self.inputs else START_ROLE]

    def engine(self: Task[EngineStage]) -> Engine:
        """The generation engine, holding the model that the stage works on.

        Raises:
            StageError: No engine gives the log-probabilities of the model that was saved.
        """
        return self.engines.holding(self, self.stage.parameters.generator, self.stage.setting.options)

    def record_of(self, role: Role) -> Record:
        """The record of an input stage."""
        if role not in self._records:
            text = (self.inputs[role] / RECORD_FILE).read_text("utf-8")
            self._records[role] = Record.from_dict(json.loads(text))
        return self._records[role]

    @cached_property
    def _records(self) -> dict[Role, Record]:
        """Those that were read."""
        return {}

    def tell(self, text: str) -> None:
        """Write a line to the log of the stage, to which the worker sends everything that is printed."""
        print(f"{self.stage.label}: {text}", flush=True)  # noqa: T201

    def write_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write a JSONL file into the output folder."""
        with (self.output / name).open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
