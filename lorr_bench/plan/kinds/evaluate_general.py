"""Evaluate a model on tasks of lm-eval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from lorr_bench.plan.kinds.model import EngineParameters, EngineSetting, EngineStage
from lorr_bench.plan.kinds.prompts import ChatTemplate
from lorr_bench.plan.stage import Kind, Role, Source, Stage, Work

# Raise it when the score of a group could change: what names no group keeps its digest.
GROUP_SCORING: Final = 2


@dataclass(frozen=True, kw_only=True)
class EvaluateGeneralParameters(EngineParameters):
    """What decides the scores; ``GeneralBenchmark`` describes what a suite says of it.

    Attributes:
        lm_eval: Version of lm-eval.
        task_files: Identity of the folder of the suite's own task files; None where there is none.
        nano_tasks: Identity of the embedded tasks.
        data_files: Identity of files outside that folder; None where none is read.
        data_sets: Commits of the Hub, by ``name@revision``; None while it is not known what the tasks read.
        seed: Of lm-eval's draws.
        chat: What the model's chat template is told; None where questions are bare text.
        system_instruction: Text before every question; None for none.
        fewshot_as_multiturn: Whether examples are turns of their own; None where there is no template.
        group_scoring: ``GROUP_SCORING`` where a task is a group; None where none is known to be one.
    """

    tasks: tuple[str, ...]
    num_fewshot: int | None
    metric: str | None
    limit: int | None
    lm_eval: str
    task_files: str | None
    nano_tasks: str
    data_files: str | None
    data_sets: Mapping[str, str | None] | None
    seed: int
    chat: ChatTemplate | None = None
    system_instruction: str | None = None
    fewshot_as_multiturn: bool | None = None
    group_scoring: int | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluateGeneralSetting(EngineSetting):
    """Where task files lie.

    Attributes:
        source: Always None: tasks name what they read. Records have the key.
        include_path: Folder of the suite's own task files.
        trust_task_files: Whether they may run code.
        task_start: The folder from which their relative paths count; None where they have none.
    """

    source: str | None
    include_path: str | None
    trust_task_files: bool
    task_start: str | None


@dataclass(frozen=True, kw_only=True)
class EvaluateGeneral(EngineStage):
    """Scores of lm-eval's tasks."""

    kind: ClassVar[Kind] = "evaluate_general"
    version: ClassVar[int] = 4
    entry_point: ClassVar[str] = "lorr_bench.stages.measuring.evaluate_general:evaluate_general"
    roles: ClassVar[frozenset[Role]] = frozenset(("start", "model"))

    parameters: EvaluateGeneralParameters
    setting: EvaluateGeneralSetting

    def work(self, inputs: Mapping[Role, Stage]) -> Work:  # noqa: ARG002 - they do not tell
        """How many questions a task has is known to lm-eval alone."""
        asked = self.parameters
        return self.generation(None, None, (asked.tasks, asked.num_fewshot, asked.limit, asked.metric))

    def sources(self) -> Iterator[Source]:
        """The model, and the suite's own task files."""
        yield from super().sources()
        if self.setting.include_path is not None:
            yield Source(self.setting.include_path, self.parameters.task_files, "tasks")
