"""LoRR around a trainer that is driven by its command line and knows nothing of it.

A replay is one run of the trainer; it starts from the checkpoint of the replay before. A reset is an
interpolation of saved weights between two runs. The SFT term is an option of the trainer. Nothing can happen
inside a run, and no moments of the optimizer outlive it; ``in_process`` says so to the plan, which refuses
suites that ask for it.

A finished replay lies in ``checkpoints/replay-<number>``, reset applied, under a seal. It is written beside
and renamed; a replay that was cut off or damaged is done again.
"""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.errors import ModelError, StageError
from lorr_bench.lorr.divergence import check_weights
from lorr_bench.ports.trainer import KnownSettings, RowKind, StartModel, TrainJob, TrainOutcome
from lorr_bench.store.seal import is_sealed, seal
from lorr_bench.tokens.special import begin_text, end_token
from lorr_bench.values import Pair, Row
from lorr_bench_adapters.external.program import last_lines, run_program
from lorr_bench_adapters.external.replay_run import ReplayRun
from lorr_bench_adapters.external.tokens import count_tokens, fit_texts
from lorr_bench_adapters.loading import count_parameters, load_model, load_trainable, save_model
from lorr_bench_adapters.saving import check_saving
from lorr_bench_adapters.settings import TrainingSettings

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

STATE: Final = "loop.json"
ADAPTER_WEIGHTS: Final = "adapter_model.safetensors"
OWN_REFERENCE: Final = "an external trainer computes its own reference"


@dataclass(frozen=True)
class Finished:
    """What a checkpoint knows about the replays up to it.

    Attributes:
        replay: The last of them; 0 is the start.
        optimizer_steps: Updates made.
        replays: Means of what was logged, one dictionary a replay.
        loop: State of the replay loop.
    """

    replay: int
    optimizer_steps: int
    replays: list[dict[str, float]]
    loop: dict[str, Any]


class CheckpointTrainer(ABC):
    """A method on such a trainer.

    A trainer's file says how to start it and how to read its log; a method's file adds the loss.
    """

    name: ClassVar[str]
    backend: ClassVar[str]
    version: ClassVar[int]
    source: ClassVar[str]
    rows: ClassVar[RowKind] = "pairs"
    needs_reference: ClassVar[bool] = False
    takes_sft_term: ClassVar[bool] = True
    online: ClassVar[bool] = False
    in_process: ClassVar[bool] = False
    holds_logits: ClassVar[bool] = True
    exact_accumulation: ClassVar[bool] = False  # a smaller last micro-batch weighs as much as a whole one
    shardings: ClassVar[tuple[str, ...]] = ()
    hyperparameters: ClassVar[type[TrainingSettings]]

    @abstractmethod
    def packages(self, hyperparameters: Any) -> dict[str, str]:
        """Versions that results depend on, in the trainer's environment."""

    @abstractmethod
    def variables(self, settings: Any) -> dict[str, str]:
        """The trainer's environment variables.

        Raises:
            MissingPackageError: The trainer is not installed.
        """

    @abstractmethod
    def command(self, run: ReplayRun) -> list[str]:
        """Write what the trainer reads into ``run.folder``; the program and its arguments.

        Raises:
            MissingPackageError: The trainer is not installed.
        """

    @abstractmethod
    def steps_done(self, run: ReplayRun) -> int:
        """Optimizer steps that the trainer has made so far, read from its files."""

    @abstractmethod
    def logged(self, run: ReplayRun) -> dict[str, float]:
        """Means of what the trainer logged, after it ended."""

    def known_settings(self, hyperparameters: TrainingSettings) -> KnownSettings:
        """What the core reads of the hyper-parameters."""
        return hyperparameters.known()

    def steps_per_pass(self, rows: int, hyperparameters: TrainingSettings) -> int:
        """Optimizer steps of one pass; the last, smaller batch counts."""
        return hyperparameters.steps_per_pass(rows)

    def reference_settings(self, hyperparameters: Any) -> dict[str, Any]:
        """Never asked.

        Raises:
            NotImplementedError: Always: the trainer computes its own reference.
        """
        raise NotImplementedError(OWN_REFERENCE)

    def reference(self, model: StartModel, rows: Sequence[Row], hyperparameters: Any, output: Path) -> None:
        """Never asked.

        Raises:
            NotImplementedError: Always: the trainer computes its own reference.
        """
        raise NotImplementedError(OWN_REFERENCE)

    def train(self, job: TrainJob) -> TrainOutcome:
        """Train replay by replay, from the last finished one on.

        Raises:
            SuiteError: The reset selects no tensor.
            DataError: A prompt alone reaches the maximum length, or a pair is none once it is cut.
            ModelError: The start model can't be loaded, or not saved.
            MissingPackageError: The trainer is not installed.
            DivergedError: The trainer left weights that are no numbers.
            StageError: The trainer failed, left no model, or made more or fewer steps than a pass has.
        """
        self.variables(job.hyperparameters)  # a missing trainer is told before the model is loaded
        return _Training(self, job).run()


class _Training:
    """One job, replay by replay."""

    def __init__(self, trainer: CheckpointTrainer, job: TrainJob) -> None:
        self._trainer = trainer
        self._job = job
        self._start = job.checkpoints / "start"
        self._tokenizer = load_tokenizer(job.model)
        rows = cast("Sequence[Pair]", job.rows)
        self._pairs = fit_texts(rows, self._tokenizer, job.hyperparameters.max_length)
        self._steps = trainer.steps_per_pass(len(job.rows), job.hyperparameters)
        self._tokens = count_tokens(self._pairs, self._tokenizer)

    def run(self) -> TrainOutcome:
        job = self._job
        self._write_start()
        model = load_trainable(job.model, job.hyperparameters.lora, job.seed)
        parameters, frozen = count_parameters(model)
        job.loop.start(model)
        del model  # the trainer needs the memory
        done = self._restore()
        while done.replay < min(job.stop_after, job.loop.replays) and not job.loop.ended:
            done = self._replay(done.replay + 1, done)
        trained = self._load(self._kept(done.replay))
        save_model(trained, self._tokenizer, job.model, job.output)
        return TrainOutcome(
            optimizer_steps=done.optimizer_steps,
            train_tokens=self._tokens * done.replay,
            parameters=parameters,
            frozen_parameters=frozen,
            replays=tuple(done.replays),
        )

    def _write_start(self) -> None:
        """The start model as a folder of its own, so that a Hub id, revision and type are settled once."""
        if not is_sealed(self._start):
            model = load_model(self._job.model)
            check_saving(model, self._tokenizer, self._job.output)
            self._write(model, self._start)

    def _kept(self, replay: int) -> Path:
        return self._job.checkpoints / f"replay-{replay}" if replay else self._start

    def _restore(self) -> Finished:
        """The last finished replay; the loop goes on from there."""
        for replay in range(self._job.loop.replays, 0, -1):
            if is_sealed(self._kept(replay)):
                done = Finished(**json.loads((self._kept(replay) / STATE).read_text("utf-8")))
                self._job.loop.restore(done.loop)
                return done
        return Finished(0, 0, [], self._job.loop.state())

    def _replay(self, replay: int, done: Finished) -> Finished:
        run = self._new_run(replay)
        log = self._job.checkpoints / f"replay-{replay}.log"
        total = self._steps * self._job.loop.replays

        def watch() -> None:
            self._job.progress(done.optimizer_steps + self._trainer.steps_done(run), total)

        command = self._trainer.command(run)
        run_program(command, variables=self._trainer.variables(run.settings), log=log, watch=watch)
        self._check_steps(run, log)
        return self._keep(replay, done, run, log)

    def _check_steps(self, run: ReplayRun, log: Path) -> None:
        """The budget counts on a pass over all rows at the suite's batch size."""
        if (steps := self._trainer.steps_done(run)) != self._steps:
            raise StageError(
                f"the trainer made {steps} optimizer steps where a pass has {self._steps}",
                where=str(log),
                fix="Look there for rows that it left out, or for further devices that it used.",
            )

    def _new_run(self, replay: int) -> ReplayRun:
        job = self._job
        folder = job.checkpoints / f"replay-{replay}.run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        before = self._kept(replay - 1)
        goes_on_with_adapter = job.hyperparameters.lora is not None and replay > 1
        return ReplayRun(
            start=self._start,
            model=self._start if job.hyperparameters.lora else before,
            adapter=before if goes_on_with_adapter else None,
            rows=[self._pairs[number] for number in job.loop.order(replay)],
            sft_weight=job.loop.sft_weight(replay),
            seed=job.seed,
            settings=job.hyperparameters,
            trust_remote_code=job.model.trust_remote_code,
            begin=begin_text(self._tokenizer),
            end=end_token(self._tokenizer),
            folder=folder,
        )

    def _keep(self, replay: int, done: Finished, run: ReplayRun, log: Path) -> Finished:
        """Apply the reset to the saved weights, and keep the result as the replay's checkpoint."""
        from torch.optim import SGD

        model = self._trained(run, log)
        check_weights(model)
        # Moments of the optimizer ended with the trainer's process; the loop wants one to clear.
        no_moments = SGD(p for p in model.parameters() if p.requires_grad)
        self._job.loop.finish(replay, model, no_moments)
        finished = Finished(
            replay=replay,
            optimizer_steps=done.optimizer_steps + self._steps,
            replays=[*done.replays, self._trainer.logged(run)],
            loop=self._job.loop.state(),
        )
        self._write(model, self._kept(replay), finished)
        shutil.rmtree(run.folder)
        if done.replay:
            shutil.rmtree(self._kept(done.replay))
        return finished

    def _trained(self, run: ReplayRun, log: Path) -> PreTrainedModel | PeftModel:
        try:
            return self._load(run.output)
        except (ModelError, OSError, ValueError) as error:
            raise StageError(
                f"the trainer ended well but left no model that loads; its last lines:\n{last_lines(log)}",
                where=str(run.output),
                fix=f"All it printed is in {log}.",
            ) from error

    def _load(self, folder: Path) -> PreTrainedModel | PeftModel:
        if self._job.hyperparameters.lora is None:
            return load_model(replace(self._job.model, path=str(folder), revision=None))
        from peft import PeftModel

        if not (folder / ADAPTER_WEIGHTS).is_file():  # PEFT would take a pickle instead
            raise ModelError(
                f"there is no {ADAPTER_WEIGHTS}",
                where=str(folder),
                fix="Let the trainer save safetensors; pickled weights are never loaded.",
            )
        return PeftModel.from_pretrained(load_model(self._job.model), str(folder), is_trainable=True)

    def _write(self, model: Any, folder: Path, finished: Finished | None = None) -> None:
        draft = folder.with_name(f"{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        model.save_pretrained(str(draft))
        self._tokenizer.save_pretrained(str(draft))
        if finished is not None:
            (draft / STATE).write_text(json.dumps(asdict(finished)), "utf-8")
        seal(draft)
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        draft.rename(folder)
