"""Ask a model, and leave out the prompts that its context has no room for."""

from __future__ import annotations

from collections.abc import Sequence

from lorr_bench.data.fitting import LeftOut, named_rows
from lorr_bench.generate.engine import Engine, Sampling
from lorr_bench.plan.stage import Stage
from lorr_bench.ports.trainer import Progress
from lorr_bench.stages.part_answers import put_together
from lorr_bench.stages.task import Task
from lorr_bench.values import Completion, Prompt


def ask(
    task: Task[Stage], engine: Engine, prompts: Sequence[Prompt], sampling: Sampling, progress: Progress
) -> list[list[Completion]]:
    """Answers to each prompt; none to a prompt that leaves no room for one.

    Two prompts of the same text are asked both, and have answers of their own. Where the stage was answered
    in parts, nobody is asked.

    Raises:
        StageError: The parts were made for other prompts.
    """
    if task.parts:
        return put_together(task.parts, sampling, len(prompts))
    fits = [engine.fits(prompt.text) for prompt in prompts]
    fitting = [prompt for prompt, fit in zip(prompts, fits, strict=True) if fit]
    texts, names = [prompt.text for prompt in fitting], [prompt.id for prompt in fitting]
    found = iter(engine.generate(texts, sampling, progress, names) if fitting else [])
    return [next(found) if fit else [] for fit in fits]


def tell_unasked(
    task: Task[Stage], engine: Engine, prompts: Sequence[Prompt], completions: Sequence[Sequence[Completion]]
) -> None:
    """Name the prompts without answers in the log, each with its length."""
    unasked = [prompt for prompt, row in zip(prompts, completions, strict=True) if not row]
    if unasked:
        named = named_rows(LeftOut(prompt.id, engine.count_tokens(prompt.text)) for prompt in unasked)
        task.tell(
            f"{len(unasked)} of {len(prompts)} prompts leave no room for an answer in a context of "
            f"{engine.context} tokens, and were not asked: {named}."
        )
