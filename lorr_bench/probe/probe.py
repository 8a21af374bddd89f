"""`lorr-bench plan --probe`: whether memory will do, found out on fake data before hours are spent.

The engine is started and answers a prompt that fills its context. While it holds its memory, as in a run, the
train stage that needs the most takes two optimizer steps of sequences of the full length: the first makes
Adam's moments, so the second has everything in memory at once. Workers, stages and adapters are those of a
run; results go to a store of their own, which is removed.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

from lorr_bench.data.pairs import write_pairs
from lorr_bench.devices import usable_cores, visible_gpus
from lorr_bench.events import Ended, Failed, InPassing, StageEvent
from lorr_bench.forecast.estimates import Estimates, Largest
from lorr_bench.forecast.forecast import Forecast
from lorr_bench.plan.identity.hub_model import on_this_machine
from lorr_bench.plan.identity.origins import Origin, file_digest
from lorr_bench.plan.kinds.answer_math import AnswerMath, AnswerMathParameters, AnswerMathSetting
from lorr_bench.plan.kinds.import_pairs import ImportPairs, ImportPairsParameters, ImportPairsSetting
from lorr_bench.plan.kinds.model import EngineStage, ModelStage
from lorr_bench.plan.kinds.prompts import ProblemRows, PromptSource, Round
from lorr_bench.plan.kinds.registry import KINDS
from lorr_bench.plan.kinds.train import ResetParameters, Train
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import START_ROLE, Role, Stage
from lorr_bench.ports.trainer import TrainerAdapter
from lorr_bench.probe.fake_data import fake_answers, fake_pairs, fake_prompts, repeatable_texts
from lorr_bench.run.executor import Order
from lorr_bench.run.local import LocalExecutor
from lorr_bench.spec.sources import PromptSpec
from lorr_bench.stages.training.rows import ANSWERS_FILE, PROMPTS_FILE
from lorr_bench.stages.training.selection import PAIRS_FILE
from lorr_bench.store.disk import storage_error
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

STEPS: Final = 2
MAX_ACCUMULATION: Final = 2
"""More micro-batches an update need no more memory: gradients are there from the second one on."""
NEVER: Final = 1 << 31
"""Period of a reset that keeps its anchor and never comes."""
HELD_OUT: Final = 4
"""Pairs beyond the budget, for the diagnostics."""
SPECIAL_TOKENS: Final = 4
"""Room for what a tokenizer puts around a prompt that must stay below the maximum length."""
ENGINE_KINDS: Final = [kind for kind, stage in KINDS.items() if issubclass(stage, EngineStage)]


Step = tuple[Stage, dict[Role, Stage]]
"""A stage to try, and the stages that it reads."""


class Workers(Protocol):
    """The part of an executor that a probe needs."""

    def begin(self, order: Order) -> str:
        """Begin a stage."""

    def next_event(self, timeout_seconds: float | None) -> StageEvent | None:
        """The next event."""

    def stop(self) -> None:
        """End all workers."""


@dataclass(frozen=True)
class Probed:
    """What came of a probe.

    Attributes:
        label: What was tried, in words.
        failure: Why it failed; empty where it did not.
        seconds: How long it took.
        peak_memory_bytes: Measured; None for the engine, which nobody measures, and after a failure.
        expected_bytes: Estimated before; None where that is unknown.
    """

    label: str
    failure: str
    seconds: float
    peak_memory_bytes: int | None
    expected_bytes: float | None


def probe_plan(plan: Plan, forecast: Forecast, store: Store, own: Mapping[str, str]) -> Iterator[Probed]:
    """Try the largest stages of a plan in worker processes of this machine.

    Args:
        plan: The plan.
        forecast: Of the plan.
        store: Where results will lie.
        own: The environment, for the GPUs that may be used.

    Raises:
        ModelError: No fake data can be made for the start model.
        StoreError: Nothing can be written beside the results.
    """
    yield from probe(
        plan, forecast.estimates, store, LocalExecutor(plan.suite, visible_gpus(own), usable_cores())
    )


def probe(plan: Plan, estimates: Estimates, store: Store, workers: Workers) -> Iterator[Probed]:
    """Try the largest stages of a plan, the engine first; each as soon as it is over.

    Args:
        plan: The plan.
        estimates: Say which stages are the largest.
        store: Where the suite's results will lie; the probe writes beside them and cleans up.
        workers: Run the stages; ended afterwards.

    Raises:
        ModelError: The start model has no tokenizer, or none that fake data can be made for.
        StoreError: Nothing can be written there.
    """
    folder = _new_folder(store.root)
    bench = _Bench(Store(folder / "store"), folder, workers)
    try:
        stages = {stage.digest: stage for stage in plan.stages}
        engine = max(filter(None, map(estimates.largest, ENGINE_KINDS)), key=_need, default=None)
        if engine is not None:
            yield bench.engine(engine, stages)
        training = estimates.largest("train")
        if training is not None:
            yield bench.training(training, stages)
    except OSError as error:
        raise storage_error(error, folder) from error
    finally:
        workers.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _new_folder(root: Path) -> Path:
    try:
        root.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="probe-", dir=root))
    except OSError as error:
        raise storage_error(error, root) from error


def _need(largest: Largest) -> float:
    return largest.memory.figure.value or 0


class _Bench:
    """Runs stages in a store of their own."""

    def __init__(self, store: Store, folder: Path, workers: Workers) -> None:
        self._store, self._folder, self._workers = store, folder, workers

    def engine(self, largest: Largest, stages: Mapping[str, Stage]) -> Probed:
        planned = largest.stage
        assert isinstance(planned, EngineStage)
        tokenizer, file = _tokenizer(planned), self._folder / PROMPTS_FILE
        prompt = full_prompt(tokenizer, context_of(planned, tokenizer))
        file.write_text(json.dumps({"problem": prompt, "answer": "1"}) + "\n", "utf-8")
        stage = engine_stage(planned, Origin(str(file), file_digest(file, "probe")))
        label = f"the engine for `{planned.label}`, a prompt of the full context"
        start = stages[stage.inputs[START_ROLE]]
        return self._tried(label, [(start, {}), (stage, {START_ROLE: start})], largest)

    def training(self, largest: Largest, stages: Mapping[str, Stage]) -> Probed:
        planned = largest.stage
        assert isinstance(planned, Train)
        pairs, train = fake_collection(planned), training_stage(planned)
        self._write_collection(pairs, planned, train.parameters.unique_pairs)
        steps: list[Step] = []
        inputs: dict[Role, Stage] = {"pairs": pairs}
        if "reference" in planned.inputs:
            reference = replace(stages[planned.inputs["reference"]], inputs={"pairs": pairs.digest})
            steps.append((reference, {"pairs": pairs}))
            inputs["reference"] = reference
        if START_ROLE in planned.inputs:
            inputs[START_ROLE] = stages[planned.inputs[START_ROLE]]  # done by the engine's own probe
        label = f"{STEPS} optimizer steps of `{planned.label}`, sequences of the full length"
        return self._tried(label, [*steps, (train, inputs)], largest)

    def _write_collection(self, stage: ImportPairs, planned: Train, unique_pairs: int) -> None:
        known = planned.known_settings
        length = known.max_length or 1
        prompt_tokens = 1 if known.max_completion_length is None else self._prompt_tokens(planned)
        pairs = fake_pairs(
            _tokenizer(planned), unique_pairs + HELD_OUT, prompt_tokens=prompt_tokens, length=length
        )
        with self._store.writing(stage) as draft:
            write_pairs(draft.folder / PAIRS_FILE, pairs)
            for name, rows in ((ANSWERS_FILE, fake_answers(pairs)), (PROMPTS_FILE, fake_prompts(pairs))):
                (draft.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
            draft.commit(Outcome())

    @staticmethod
    def _prompt_tokens(planned: Train) -> int:
        """Tokens of an online method's longest prompt; the context of an engine holds its answer, too."""
        known, generator = planned.known_settings, planned.parameters.generator
        longest = (known.max_length or 1) - SPECIAL_TOKENS
        if generator is None or generator.max_model_len is None:
            return longest
        return min(longest, generator.max_model_len - (known.max_completion_length or 0) - SPECIAL_TOKENS)

    def _tried(self, label: str, steps: Sequence[Step], largest: Largest) -> Probed:
        started, failure = time.perf_counter(), ""
        for stage, inputs in steps:
            failure = failure or self._run(stage, inputs)
        record = None if failure else self._store.read(steps[-1][0])
        peak = record.outcome.spend.get("peak_memory_bytes") if record else None
        return Probed(
            label=label,
            failure=failure,
            seconds=time.perf_counter() - started,
            peak_memory_bytes=None if peak is None else int(peak),
            expected_bytes=largest.memory.figure.value,
        )

    def _run(self, stage: Stage, inputs: Mapping[Role, Stage]) -> str:
        """Why the stage failed; empty where it did not."""
        self._workers.begin(Order(stage, inputs, self._store.location, self._folder / f"{stage.kind}.log"))
        while True:
            event = self._workers.next_event(None)
            if isinstance(event, Ended):
                return ""
            if isinstance(event, Failed):
                return event.reason
            if not isinstance(event, InPassing | None):
                return f"the probe's own store is in use: {event}"


def fake_collection(planned: Train) -> ImportPairs:
    """The stage that stands for the pairs of a planned train stage."""
    return ImportPairs(
        label="fake pairs",
        parameters=ImportPairsParameters(
            source=f"fake pairs for {planned.digest}",
            revision=None,
            split="train",
            prompt_column="prompt",
            chosen_column="chosen",
            rejected_column="rejected",
            seed=0,
        ),
        setting=ImportPairsSetting(source=PAIRS_FILE, unique_pairs=planned.parameters.unique_pairs),
    )


def training_stage(planned: Train) -> Train:
    """A train stage of two optimizer steps that needs as much memory as the planned one.

    One replay, with the largest SFT weight; a reset's anchor is kept, though the reset never comes. A signal
    is measured in small passes without gradients, and left out. The real micro-batch; at most two of them an
    update.

    Args:
        planned: The train stage.
    """
    adapter, parameters = planned.adapter, planned.parameters
    settings = {**parameters.hyperparameters}
    if not adapter.online and (planned.known_settings.gradient_accumulation_steps or 1) > MAX_ACCUMULATION:
        settings["gradient_accumulation_steps"] = MAX_ACCUMULATION
    few = replace(planned, parameters=replace(parameters, hyperparameters=settings))
    processes = parameters.processes.number
    changed = replace(
        few.parameters,
        sft_weights=(max(parameters.sft_weights),),
        reset=_resting(parameters.reset, adapter),
        adaptive=None,
        round=Round(1, 1),
        stop_after=1,
        unique_pairs=pairs_of_steps(adapter, few.hyperparameters, processes),
    )
    start: dict[Role, str] = {role: digest for role, digest in planned.inputs.items() if role == START_ROLE}
    return Train(
        label=f"probe of {planned.label}",
        parameters=changed,
        setting=replace(planned.setting, save_steps=0),
        inputs={**start, "pairs": fake_collection(planned).digest},
    )


def _resting(reset: ResetParameters | None, adapter: TrainerAdapter) -> ResetParameters | None:
    """The reset with a period that never ends; another program resets between replays, and here is one."""
    if reset is None or not adapter.in_process:
        return None
    return replace(reset, period=NEVER)


def pairs_of_steps(adapter: TrainerAdapter, settings: Any, processes: int) -> int:
    """The most pairs that give two optimizer steps, so that both are whole.

    Args:
        adapter: Says how many steps a number of rows gives.
        settings: Its hyper-parameters.
        processes: That share each step between them.
    """
    rows_each = 2 if adapter.rows == "labels" else 1
    too_many = (
        pairs
        for pairs in count(1)
        if adapter.steps_per_pass(math.ceil(pairs * rows_each / processes), settings) > STEPS
    )
    return next(too_many) - 1


def engine_stage(planned: EngineStage, prompts: Origin) -> AnswerMath:
    """A stage that starts the engine as the planned one does, and asks it for one token.

    Args:
        planned: A stage of the engine.
        prompts: File with the problem to ask.
    """
    rows = ProblemRows.of(PromptSpec(source=prompts.path), prompts)
    return AnswerMath(
        label="probe of the engine",
        parameters=AnswerMathParameters(
            weights=planned.parameters.weights,
            generator=planned.parameters.generator,
            prompts=PromptSource(rows=rows, template="{problem}", chat_template=False),
            limit=1,
            max_tokens=1,
            greedy=True,
            repeats=0,
            stop=(),
            temperature=1.0,
            top_p=1.0,
            seed=0,
        ),
        setting=AnswerMathSetting(
            place=planned.setting.place, options=planned.setting.options, source=prompts.path, sizes=()
        ),
        inputs={START_ROLE: planned.inputs[START_ROLE]},
    )


def _tokenizer(stage: ModelStage) -> Any:
    from transformers import AutoTokenizer

    model = on_this_machine(stage.start_model)
    return AutoTokenizer.from_pretrained(model.path, **model.origin)


def context_of(stage: EngineStage, tokenizer: Any) -> int:
    """Tokens of the engine's context."""
    return int(stage.parameters.generator.max_model_len or tokenizer.model_max_length)


def full_prompt(tokenizer: Any, context: int) -> str:
    """The longest prompt of repeated text that leaves room for one token.

    Args:
        tokenizer: A Hugging Face tokenizer.
        context: Tokens of prompt and answer.
    """
    text, _ = repeatable_texts(tokenizer)
    around = len(tokenizer(text)["input_ids"]) - 1
    return text * max(1, context - 1 - around)
