"""Refresh: new responses from the current policy for a share of the pairs, before a replay."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from lorr_bench.data.fitting import FittedPairs, fit_pairs
from lorr_bench.data.pairs import pair_content, read_pairs, write_pairs
from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.plan.kinds.answers.pairs import RefreshScored
from lorr_bench.plan.kinds.answers.sample import Sample
from lorr_bench.plan.kinds.collect import SamplingStage
from lorr_bench.plan.kinds.refresh import Refresh, Refreshed
from lorr_bench.plan.stage import Stage
from lorr_bench.stages.pairs.answered import Answered
from lorr_bench.stages.pairs.answers import Scores, grade_answers
from lorr_bench.stages.pairs.paired import pairs_of
from lorr_bench.stages.pairs.sampling import load_problems, sample_answers
from lorr_bench.stages.task import Task
from lorr_bench.stages.training.selection import PAIRS_FILE, reasons
from lorr_bench.store.record import Outcome
from lorr_bench.values import Pair

HELD_OUT: Final = 64
"""Pairs beyond the budget that are kept, for the diagnostics."""

RefreshingStage = Refresh | Sample | RefreshScored
"""What draws rows of a round's pairs."""


@dataclass(frozen=True)
class Rows:
    """The pairs of a round, and those of them that are made anew.

    Attributes:
        pairs: All.
        usable: Those of the budget.
        drawn: Of these.
    """

    pairs: Sequence[Pair]
    usable: FittedPairs
    drawn: Sequence[Pair]

    @classmethod
    def read(cls, task: Task[RefreshingStage], refreshed: Refreshed) -> Self:
        """The rows that a stage draws of its input ``pairs``."""
        pairs = read_pairs(task.inputs["pairs"] / PAIRS_FILE)
        usable = _fit(task, refreshed, pairs, refreshed.unique_pairs)
        seed = task.stage.parameters.seed
        drawn = draw_rows(len(usable.pairs), refreshed.rollout_ratio, seed, refreshed.replay)
        return cls(pairs, usable, [usable.pairs[row] for row in drawn])


def refresh(task: Task[Refresh]) -> Outcome:
    """Draw rows, sample new answers to their prompts, grade and pair these up; other rows stay.

    A row whose new answers give no pair, or one that is there already, stays as it is; its answers are
    charged all the same.

    Raises:
        DataError: The problems can't be read.
        StageError: The engine does not hold the model.
    """
    asked = task.stage.parameters
    rows = Rows.read(task, asked.refreshed)
    answered = _answer(task, rows.drawn)
    with task.clock.part("grade"):
        scores = grade_answers(asked, answered)
    return _replace(task, asked.refreshed, rows, answered, scores)


def refresh_scored(task: Task[RefreshScored]) -> Outcome:
    """The same with answers and scores that are stored already."""
    asked = task.stage.parameters
    answered = Answered.read(task.inputs["answers"])
    scores = Scores(answered.read_scores(task.inputs["scores"]), None)
    return _replace(task, asked.refreshed, Rows.read(task, asked.refreshed), answered, scores)


def answer_rows(task: Task[Sample], refreshed: Refreshed) -> Answered:
    """New answers to the prompts of the rows that are drawn.

    Raises:
        DataError: The problems can't be read.
        StageError: The engine does not hold the model.
    """
    return _answer(task, Rows.read(task, refreshed).drawn)


def _answer(task: Task[SamplingStage], drawn: Sequence[Pair]) -> Answered:
    """The engine starts where there is something to ask."""
    if not drawn:
        return Answered([], [], [])
    known = {problem.id: problem for problem in load_problems(task.stage)}
    problems = [known[pair.id] for pair in drawn]
    prompts = [
        dataclasses.replace(problem, text=pair.prompt) for problem, pair in zip(problems, drawn, strict=True)
    ]
    return Answered(problems, prompts, sample_answers(task, task.engine(), prompts))


def _replace(
    task: Task[Refresh | RefreshScored], refreshed: Refreshed, rows: Rows, answered: Answered, scores: Scores
) -> Outcome:
    """Write the pairs of the round with those in it that the new answers give."""
    places = {pair.id: pair.prompt_index for pair in rows.drawn}
    made = [
        dataclasses.replace(pair, prompt_index=places[pair.id])
        for pair in pairs_of(task.stage.parameters, answered, scores)
    ]
    new = _new_pairs(made, rows.pairs)
    fitted = _fit(task, refreshed, new, len(new))
    fresh = {pair.id: pair for pair in fitted.pairs}
    usable = rows.usable
    kept = [fresh.get(pair.id, pair) for pair in usable.pairs]
    write_pairs(task.output / PAIRS_FILE, [*kept, *rows.pairs[usable.seen :][-HELD_OUT:]])
    _tell(task, len(made) - len(new), fitted, refreshed.max_length)
    metrics = {
        "drawn": len(rows.drawn),
        "refreshed": len(fresh),
        "repeated_pairs": len(made) - len(new),
        "left_out_pairs": fitted.left_out,
    }
    spend = {**answered.spend, **_trained(fitted)} if rows.drawn else {}
    return Outcome(metrics=metrics, spend=spend, parts=task.clock.parts)


def _fit(
    task: Task[RefreshingStage], refreshed: Refreshed, pairs: Sequence[Pair], wanted: int
) -> FittedPairs:
    """The first usable pairs, by the length that the method trains with."""
    if refreshed.max_length is None:
        return FittedPairs(pairs=list(pairs[:wanted]), seen=len(pairs[:wanted]))
    return fit_pairs(pairs, load_tokenizer(task.start_model), refreshed.max_length, wanted)


def _trained(fresh: FittedPairs) -> dict[str, float]:
    """What the new pairs that are trained on add to the ledger."""
    return {
        "unique_pairs": len(fresh.pairs),
        "cut_responses": sum(fresh.chosen_cut) + sum(fresh.rejected_cut),
        "left_out_pairs": fresh.left_out,
    }


def _tell(task: Task[Stage], repeated: int, fitted: FittedPairs, max_length: int | None) -> None:
    if repeated:
        task.tell(f"{repeated} new pairs repeat another one; the old ones stay.")
    for reason in reasons(fitted, max_length):
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
