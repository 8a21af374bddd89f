"""Pairs of scored answers, and what a collection keeps of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lorr_bench.data.pairing import pair_up
from lorr_bench.errors import DataError
from lorr_bench.plan.kinds.answers.pairs import Collection
from lorr_bench.plan.kinds.collect import Collect, PairingParameters
from lorr_bench.plan.stage import Stage
from lorr_bench.stages.pairs.answered import Answered
from lorr_bench.stages.pairs.answers import Scores, scored_rows
from lorr_bench.stages.pairs.kept import Kept
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome
from lorr_bench.values import MAX_TRUNCATED_SHARE, Completion, Pair, Prompt


def pairs_of(asked: PairingParameters, answered: Answered, scores: Scores) -> list[Pair]:
    """The pairs that a stage's rule makes of scored answers."""
    return pair_up(
        answered.prompts,
        answered.completions,
        scores.values,
        rule=asked.pair_rule,
        seed=asked.seed,
        truncated=asked.truncated == "pair",
    )


def keep_pairs(task: Task[Collection], earlier: Kept, answered: Answered, scores: Scores) -> Outcome:
    """Pair up the answers of a collection, behind those that it extends, and write its files.

    Raises:
        DataError: No prompt has two answers that the pair rule tells apart.
    """
    asked = task.stage.parameters
    made = pairs_of(asked, answered, scores)
    rows = scored_rows(answered.prompts, answered.completions, scores, asked.truncated == "pair")
    kept = earlier.and_then(rows, list(_costs(answered.prompts, answered.completions)), made)
    repeated = len(earlier.pairs) + len(made) - len(kept.pairs)
    _tell_repeats(task, repeated)
    _tell_truncated(task, kept.truncated_share)
    kept.write(task)
    if not kept.pairs:
        raise DataError(
            f"pair_rule {asked.pair_rule} finds no pair among the answers to {kept.answered} prompts",
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
        spend={"prompts": sum(bool(row) for row in answered.completions), **answered.spend},
        parts=task.clock.parts,
    )


def _repeated_before(task: Task[Collection]) -> int:
    """Pairs that the collection left out which this one extends."""
    if "collection" not in task.inputs:
        return 0
    return int(task.record_of("collection").outcome.metrics["repeated_pairs"])


def _tell_truncated(task: Task[Collection], share: float) -> None:
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


def _costs(
    prompts: Sequence[Prompt], completions: Sequence[Sequence[Completion]]
) -> Iterator[dict[str, Any]]:
    for prompt, row in zip(prompts, completions, strict=True):
        yield {
            "id": prompt.id,
            "answers": len(row),
            "generated_tokens": sum(completion.tokens for completion in row),
        }


def _summary(stage: Collection, kept: Kept) -> dict[str, float]:
    """The share of right answers, or a reward model's mean score and how many answers it could not read."""
    if isinstance(stage, Collect):
        return {"correct_share": kept.correct_share}
    scored = kept.scores
    return {
        "mean_score": sum(scored) / len(scored),  # some are scored, or there would be no pairs
        "unscored_share": 1 - len(scored) / len(kept.answers),
    }


def _advice(stage: Collection, kept: Kept) -> str:
    if not isinstance(stage, Collect):
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
