"""Refresh: new responses from the current policy for a share of the pairs, before a replay."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from typing import Final

from lorr_bench.data.fitting import FittedPairs, fit_pairs
from lorr_bench.data.pairs import pair_content, read_pairs, write_pairs
from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.plan.kinds.refresh import Refresh
from lorr_bench.stages.pairs.collect import load_problems, sample_answers, score_and_pair
from lorr_bench.stages.task import Task
from lorr_bench.stages.training.selection import reasons
from lorr_bench.store.record import Outcome
from lorr_bench.values import Pair, Prompt

HELD_OUT: Final = 64
"""Pairs beyond the budget that are kept, for the diagnostics."""


def refresh(task: Task[Refresh]) -> Outcome:
    """Draw rows, sample new answers to their prompts, and pair these up; other rows stay.

    A row whose new answers give no pair, or one that is there already, stays as it is; its answers are
    charged all the same.
    """
    asked = task.stage.parameters
    pairs = read_pairs(task.inputs["pairs"] / "pairs.jsonl")
    usable = _fit(task, pairs, asked.unique_pairs)
    drawn = draw_rows(len(usable.pairs), asked.rollout_ratio, asked.seed, asked.replay)
    made, spend = _fresh_pairs(task, [usable.pairs[row] for row in drawn]) if drawn else ([], {})
    new = _new_pairs(made, pairs)
    fitted = _fit(task, new, len(new))
    fresh = {pair.id: pair for pair in fitted.pairs}
    refreshed = [fresh.get(pair.id, pair) for pair in usable.pairs]
    write_pairs(task.output / "pairs.jsonl", [*refreshed, *pairs[usable.seen :][-HELD_OUT:]])
    _tell(task, len(made) - len(new), fitted)
    metrics = {
        "drawn": len(drawn),
        "refreshed": len(fresh),
        "repeated_pairs": len(made) - len(new),
        "left_out_pairs": fitted.left_out,
    }
    return Outcome(
        metrics=metrics, spend={**spend, **_trained(fitted)} if drawn else {}, parts=task.clock.parts
    )


def _fit(task: Task[Refresh], pairs: Sequence[Pair], wanted: int) -> FittedPairs:
    """The first usable pairs, by the length that the method trains with."""
    max_length = task.stage.parameters.max_length
    if max_length is None:
        return FittedPairs(pairs=list(pairs[:wanted]), seen=len(pairs[:wanted]))
    return fit_pairs(pairs, load_tokenizer(task.start_model), max_length, wanted)


def _trained(fresh: FittedPairs) -> dict[str, float]:
    """What the new pairs that are trained on add to the ledger."""
    return {
        "unique_pairs": len(fresh.pairs),
        "cut_responses": sum(fresh.chosen_cut) + sum(fresh.rejected_cut),
        "left_out_pairs": fresh.left_out,
    }


def _tell(task: Task[Refresh], repeated: int, fitted: FittedPairs) -> None:
    if repeated:
        task.tell(f"{repeated} new pairs repeat another one; the old ones stay.")
    for reason in reasons(fitted, task.stage.parameters.max_length):
        task.tell(f"new pairs left out, the old ones stay: {reason}.")


def _new_pairs(made: Sequence[Pair], pairs: Sequence[Pair]) -> list[Pair]:
    """Those of the pairs made that are neither there already nor made before."""
    taken, new = {pair_content(pair) for pair in pairs}, []
    for pair in made:
        if pair_content(pair) not in taken:
            taken.add(pair_content(pair))
            new.append(pair)
    return new


def draw_rows(rows: int, ratio: float, seed: int, replay: int) -> list[int]:
    """Rows to refresh: each with probability ``ratio``, drawn anew for every replay."""
    rng = random.Random(f"refresh/{seed}/{replay}")  # noqa: S311 - reproducible, nothing secret
    return [row for row in range(rows) if rng.random() < ratio]


def _fresh_pairs(task: Task[Refresh], pairs: Sequence[Pair]) -> tuple[list[Pair], dict[str, float]]:
    """New pairs under the ids of the old ones, and what their answers cost."""
    problems = _problems_of(task.stage, pairs)
    prompts = [
        dataclasses.replace(problem, text=pair.prompt) for problem, pair in zip(problems, pairs, strict=True)
    ]
    completions = sample_answers(task, task.engine(), prompts)
    _, made = score_and_pair(task, problems, prompts, completions)
    places = {pair.id: pair.prompt_index for pair in pairs}
    spend: dict[str, float] = {
        "verifier_calls": sum(len(row) for row in completions),
        "generated_tokens": sum(answer.tokens for row in completions for answer in row),
    }
    return [dataclasses.replace(pair, prompt_index=places[pair.id]) for pair in made], spend


def _problems_of(stage: Refresh, pairs: Sequence[Pair]) -> list[Prompt]:
    known = {problem.id: problem for problem in load_problems(stage)}
    return [known[pair.id] for pair in pairs]
