"""Collect: prompts → sampled answers → scores → preference pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from lorr_bench.data.chat_writer import ChatWriter
from lorr_bench.data.pairing import pair_up
from lorr_bench.data.pairs import PairFile, load_pair_file, write_pairs
from lorr_bench.data.prompts import load_prompts
from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.errors import DataError
from lorr_bench.generate.engine import Engine, Sampling
from lorr_bench.lorr.schedule import replay_order
from lorr_bench.plan.kinds.collect import Collect, SamplingStage
from lorr_bench.plan.kinds.import_pairs import ImportPairs
from lorr_bench.plan.stage import Stage
from lorr_bench.stages.asking import ask, tell_unasked
from lorr_bench.stages.pairs.answers import Scores, score_answers, scored_rows
from lorr_bench.stages.pairs.kept import Kept
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome
from lorr_bench.values import MAX_TRUNCATED_SHARE, Completion, Pair, Prompt


def collect(task: Task[Collect]) -> Outcome:
    """Sample, score, pair; keeps every answer in ``answers.jsonl`` and the pairs in ``pairs.jsonl``.

    Where it extends another collection, that one's answers and pairs come first, as they are, and only the
    prompts behind them are asked.

    Raises:
        DataError: The prompts can't be read, none fits the context, or none has two answers that the pair
            rule tells apart.
        ModelError: The reward model can't be loaded or used.
        StageError: The engine does not hold the model.
    """
    earlier = Kept.read(task.inputs.get("collection"))
    # Before the engine starts: rows that can't be read are told at once.
    problems = load_problems(task.stage)[len(earlier.prompts) :]
    engine = task.engine()
    prompts = _in_template(task.stage, engine, problems)
    completions = sample_answers(task, engine, prompts)
    if not earlier.answers and not any(completions):
        raise DataError(
            f"none of {len(prompts)} prompts leaves room for an answer in {engine.context} tokens",
            where=task.stage.label,
            fix="Raise engine.max_model_len, shorten data.collect.template, or give shorter problems.",
        )
    scores, made = score_and_pair(task, problems, prompts, completions)
    truncated = task.stage.parameters.truncated == "pair"
    answers = scored_rows(prompts, completions, scores, truncated)
    kept = earlier.and_then(answers, list(_costs(prompts, completions)), made)
    repeated = len(earlier.pairs) + len(made) - len(kept.pairs)
    _tell_repeats(task, repeated)
    _tell_truncated(task, kept.truncated_share)
    kept.write(task)
    if not kept.pairs:
        raise DataError(
            f"pair_rule {task.stage.parameters.pair_rule} finds no pair among the answers to "
            f"{kept.answered} prompts",
            where=task.stage.label,
            fix=_advice(task.stage, kept),
        )
    return Outcome(
        metrics={
            "prompts": kept.answered,
            "left_out_prompts": len(kept.prompts) - kept.answered,
            "pairs": len(kept.pairs),
            "repeated_pairs": repeated + _repeated_before(task),
            **_summary(task.stage, kept),
            "truncated_share": kept.truncated_share,
        },
        spend={
            "prompts": sum(bool(row) for row in completions),
            "verifier_calls": sum(len(row) for row in completions),
            "generated_tokens": sum(c.tokens for row in completions for c in row),
        },
        parts=task.clock.parts,
    )


def _in_template(stage: Collect, engine: Engine, problems: Sequence[Prompt]) -> Sequence[Prompt]:
    """What is asked. A reward model has a template of its own, so the problems are kept without this one."""
    chat = stage.parameters.chat
    if chat is None:
        return problems
    return [dataclasses.replace(one, text=engine.chat(one.text, chat.told)) for one in problems]


def _repeated_before(task: Task[Collect]) -> int:
    """Pairs that the collection left out which this one extends."""
    if "collection" not in task.inputs:
        return 0
    return int(task.record_of("collection").outcome.metrics["repeated_pairs"])


def score_and_pair(
    task: Task[SamplingStage],
    problems: Sequence[Prompt],
    prompts: Sequence[Prompt],
    completions: Sequence[Sequence[Completion]],
) -> tuple[Scores, list[Pair]]:
    """Scores of sampled answers, and the pairs that the stage's rule makes of them.

    Args:
        task: Of a stage that samples.
        problems: What was asked, without any chat template.
        prompts: The same as the model was given it.
        completions: The answers to each.

    Raises:
        ModelError: The reward model can't be loaded or used.
    """
    with task.clock.part("grade"):
        scores = score_answers(task.stage, problems, completions)
    asked = task.stage.parameters
    pairs = pair_up(
        prompts,
        completions,
        scores.values,
        rule=asked.pair_rule,
        seed=asked.seed,
        truncated=asked.truncated == "pair",
    )
    return scores, pairs


def sample_answers(
    task: Task[SamplingStage], engine: Engine, prompts: Sequence[Prompt]
) -> list[list[Completion]]:
    """Answers of the stage's model to each prompt, drawn as its parameters say.

    A prompt that leaves no room for an answer in the model's context is not asked, is named in the log, and
    gets no answers.
    """
    asked = task.stage.parameters
    sampling = Sampling(
        n=asked.num_samples,
        temperature=asked.temperature,
        top_p=asked.top_p,
        max_tokens=asked.max_tokens,
        seed=asked.seed,
        purpose=task.stage.purpose,
    )
    with task.clock.part("generate"):
        completions = ask(engine, prompts, sampling, task.progress)
    tell_unasked(task, engine, prompts, completions)
    return completions


def load_problems(stage: SamplingStage) -> Sequence[Prompt]:
    """The problems of the seed, without chat template; of one round those that belong to it.

    Raises:
        DataError: They can't be read.
    """
    asked = stage.parameters
    spec = asked.prompts.spec(stage.setting.source)
    problems = load_prompts(spec, folder=Path(), count=asked.num_prompts, seed=asked.seed, shuffle=True)
    return problems if asked.part is None else asked.part.of(problems)


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


def _tell_truncated(task: Task[Collect], share: float) -> None:
    """Say how many answers the token limit ended: to the user, where they are many."""
    if not share:
        return
    asked = task.stage.parameters
    fate = "are paired all the same, without an end" if asked.truncated == "pair" else "are not paired"
    said = (
        f"{share:.1%} of the answers reached max_tokens = {asked.max_tokens} and {fate} "
        "(data.collect.truncated)"
    )
    task.tell(f"{said}.")
    if share > MAX_TRUNCATED_SHARE:
        task.notice(f"{task.stage.label}: {said}. Raise max_tokens, or see why the model does not stop.")


def _tell_repeats(task: Task[Stage], repeated: int) -> None:
    if repeated:
        task.tell(f"{repeated} pairs repeat one before them, and were left out.")


def shuffled_pairs(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """The pairs in the order of the seed, so that a smaller budget is a subset of a larger one."""
    order = replay_order(len(pairs), seed, 0)
    return [dataclasses.replace(pairs[row], prompt_index=place) for place, row in enumerate(order)]


def _costs(
    prompts: Sequence[Prompt], completions: Sequence[Sequence[Completion]]
) -> Iterator[dict[str, Any]]:
    for prompt, row in zip(prompts, completions, strict=True):
        yield {
            "id": prompt.id,
            "answers": len(row),
            "generated_tokens": sum(completion.tokens for completion in row),
        }


def _summary(stage: Collect, kept: Kept) -> dict[str, float]:
    """The share of right answers, or a reward model's mean score and how many answers it could not read."""
    if stage.parameters.reward_model is None:
        return {"correct_share": kept.correct_share}
    scored = kept.scores
    return {
        "mean_score": sum(scored) / len(scored),  # some are scored, or there would be no pairs
        "unscored_share": 1 - len(scored) / len(kept.answers),
    }


def _advice(stage: Collect, kept: Kept) -> str:
    if stage.parameters.reward_model is not None:
        return (
            "The reward model gave all answers to a prompt the same score or none: raise num_samples, the "
            "temperature or reward_model.max_length."
        )
    if kept.correct_share == 0:
        return (
            f"No answer was right, and {kept.final_answers} answers held a final answer at all: check prompt "
            "template, max_tokens and the answer column, or start from a stronger model."
        )
    if kept.correct_share == 1:
        return "Every answer was right: use harder problems or a higher temperature."
    return "Raise num_samples, num_prompts or the temperature."
