"""Collect: prompts → sampled answers → verdicts → preference pairs; or pairs that are there already."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from lorr_bench.data.chat_writer import ChatWriter
from lorr_bench.data.pairs import PairFile, load_pair_file, write_pairs
from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.errors import DataError
from lorr_bench.lorr.schedule import replay_order
from lorr_bench.plan.kinds.collect import Collect
from lorr_bench.plan.kinds.import_pairs import ImportPairs
from lorr_bench.stages.pairs.answers import grade_answers
from lorr_bench.stages.pairs.kept import Kept
from lorr_bench.stages.pairs.paired import keep_pairs
from lorr_bench.stages.pairs.sampling import answer_problems
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome
from lorr_bench.values import Pair


def collect(task: Task[Collect]) -> Outcome:
    """Sample, grade, pair; keeps every answer in ``answers.jsonl`` and the pairs in ``pairs.jsonl``.

    Where it extends another collection, that one's answers and pairs come first, as they are, and only the
    prompts behind them are asked.

    Raises:
        DataError: The prompts can't be read, none fits the context, or none has two answers that the pair
            rule tells apart.
        StageError: The engine does not hold the model.
    """
    earlier = Kept.read(task.inputs.get("collection"))
    answered = answer_problems(task, len(earlier.prompts))
    with task.clock.part("grade"):
        scores = grade_answers(task.stage.parameters, answered)
    return keep_pairs(task, earlier, answered, scores)


def import_pairs(task: Task[ImportPairs]) -> Outcome:
    """Read ready-made pairs, each once, in an order that the seed decides.

    Raises:
        DataError: The set can't be read or holds no pair, or fewer than the largest data budget.
        ModelError: It holds conversations, and the model has no chat template.
    """
    file = load_pair_file(task.stage.file, Path(), chat_writer(task.stage))
    _check_number(task.stage, file)
    pairs = shuffled_pairs(file.pairs, task.stage.parameters.seed)
    write_pairs(task.output / "pairs.jsonl", pairs)
    for line in file.notices:
        task.notice(f"{task.stage.label}: {line}")
    not_told = task.stage.template_model is not None  # else the plan has told
    if not_told and task.stage.setting.asked_in_template and not file.in_template:
        task.notice(f"{task.stage.label}: {BARE_STRINGS}")
    return Outcome(
        metrics={
            "pairs": len(pairs),
            "dropped": file.dropped,
            "repeated_pairs": file.repeated,
            "rows": file.rows,
            "left_out": dict(file.left_out),
            "in_template": file.in_template,
        }
    )


BARE_STRINGS: Final = (
    "the pairs are bare strings, and a benchmark asks in the model's chat template: what is trained is not "
    "what is asked for. `data.pairs.chat_template: true` trains in the template, too."
)


def chat_writer(stage: ImportPairs) -> Callable[[], ChatWriter] | None:
    """What makes the writer of a stage's conversations; None where its rows are known to be strings."""
    model, template = stage.template_model, stage.parameters.template
    if model is None or template is None:
        return None
    return lambda: ChatWriter(load_tokenizer(model), template.chat.told)


def _check_number(stage: ImportPairs, file: PairFile) -> None:
    budget = stage.setting.unique_pairs
    if len(file.pairs) < budget:
        raise DataError(
            f"the budget is {budget} pairs, the set has {len(file.pairs)}; {file.repeated} rows repeat one "
            f"before them, {file.dropped} are no pairs{f' ({file.reasons})' if file.dropped else ''}",
            where=stage.setting.source,
            fix="Lower budget.unique_pairs, or give a set with more pairs in data.pairs.",
        )


def shuffled_pairs(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """The pairs in the order of the seed, so that a smaller budget is a subset of a larger one."""
    order = replay_order(len(pairs), seed, 0)
    return [dataclasses.replace(pairs[row], prompt_index=place) for place, row in enumerate(order)]
