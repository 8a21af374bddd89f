"""Refresh: new responses from the current policy for a share of the pairs, before a replay."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from typing import Final

from lorr_bench.data.pairing import pair_up
from lorr_bench.data.pairs import pair_content, read_pairs, write_pairs
from lorr_bench.stages.answers import score_answers
from lorr_bench.stages.collect import load_problems, sample_answers
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome
from lorr_bench.values import Pair, Prompt

HELD_OUT: Final = 64
"""Pairs beyond the budget that are kept, for the diagnostics."""


def refresh(task: Task) -> Outcome:
    """Draw rows, sample new answers to their prompts, and pair these up; other rows stay.

    A row whose new answers give no pair, or one that is there already, stays as it is; its answers are
    charged all the same.
    """
    params = task.stage.params
    pairs = read_pairs(task.inputs["pairs"] / "pairs.jsonl")
    budget = min(params["unique_pairs"], len(pairs))
    drawn = draw_rows(budget, params["rollout_ratio"], params["seed"], params["replay"])
    made, spend = _fresh_pairs(task, [pairs[row] for row in drawn]) if drawn else ([], {})
    fresh = _new_pairs(made, pairs)
    refreshed = [fresh.get(pair.id, pair) for pair in pairs[:budget]]
    write_pairs(task.output / "pairs.jsonl", [*refreshed, *pairs[budget:][-HELD_OUT:]])
    if len(fresh) < len(made):
        task.tell(f"{len(made) - len(fresh)} new pairs repeat another one; the old ones stay.")
    metrics = {"drawn": len(drawn), "refreshed": len(fresh), "repeated_pairs": len(made) - len(fresh)}
    return Outcome(metrics=metrics, spend={**spend, **_trained(spend, fresh)}, parts=task.clock.parts)


def _trained(spend: Mapping[str, float], fresh: Mapping[str, Pair]) -> dict[str, float]:
    """The new pairs that are trained on; nothing where none were asked for."""
    return {"unique_pairs": len(fresh)} if spend else {}


def _new_pairs(made: Sequence[Pair], pairs: Sequence[Pair]) -> dict[str, Pair]:
    """Those of the pairs made that are neither there already nor made before, by id."""
    taken, fresh = {pair_content(pair) for pair in pairs}, {}
    for pair in made:
        if pair_content(pair) not in taken:
            taken.add(pair_content(pair))
            fresh[pair.id] = pair
    return fresh


def draw_rows(rows: int, ratio: float, seed: int, replay: int) -> list[int]:
    """Rows to refresh: each with probability ``ratio``, drawn anew for every replay."""
    rng = random.Random(f"refresh/{seed}/{replay}")  # noqa: S311 - reproducible, nothing secret
    return [row for row in range(rows) if rng.random() < ratio]


def _fresh_pairs(task: Task, pairs: Sequence[Pair]) -> tuple[list[Pair], dict[str, float]]:
    """New pairs under the ids of the old ones, and what their answers cost."""
    params = task.stage.params
    problems = _problems_of(task, pairs)
    prompts = [
        dataclasses.replace(problem, text=pair.prompt) for problem, pair in zip(problems, pairs, strict=True)
    ]
    completions = sample_answers(task, prompts)
    with task.clock.part("grade"):
        scores = score_answers(task.stage, problems, completions)
    made = pair_up(prompts, completions, scores.values, rule=params["pair_rule"], seed=params["seed"])
    places = {pair.id: pair.prompt_index for pair in pairs}
    spend: dict[str, float] = {
        "verifier_calls": sum(len(row) for row in completions),
        "generated_tokens": sum(answer.tokens for row in completions for answer in row),
    }
    return [dataclasses.replace(pair, prompt_index=places[pair.id]) for pair in made], spend


def _problems_of(task: Task, pairs: Sequence[Pair]) -> list[Prompt]:
    known = {problem.id: problem for problem in load_problems(task)}
    return [known[pair.id] for pair in pairs]
