"""A collection that a reward model scores, in stages of their own: answers, scores, pairs.

What is drawn is stored before the reward model is loaded, so a failure there costs no answers.
"""

from __future__ import annotations

from lorr_bench.grade.reward import score_many
from lorr_bench.plan.kinds.answers.pairs import PairScored
from lorr_bench.plan.kinds.answers.sample import Sample
from lorr_bench.plan.kinds.answers.score import Score
from lorr_bench.stages.pairs.answered import Answered, Scored
from lorr_bench.stages.pairs.answers import Scores
from lorr_bench.stages.pairs.kept import Kept
from lorr_bench.stages.pairs.paired import keep_pairs
from lorr_bench.stages.pairs.refresh import answer_rows
from lorr_bench.stages.pairs.sampling import answer_problems
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome


def sample(task: Task[Sample]) -> Outcome:
    """Sample answers, and keep them as they are.

    Raises:
        DataError: The prompts can't be read, or none fits the context.
        StageError: The engine does not hold the model.
    """
    asked = task.stage.parameters
    if asked.refreshed is None:
        answered = answer_problems(task, asked.after or 0)
    else:
        answered = answer_rows(task, asked.refreshed)
    answered.write(task)
    prompts = sum(bool(row) for row in answered.completions)
    return Outcome(
        metrics={
            "prompts": prompts,
            "left_out_prompts": len(answered.prompts) - prompts,
            "answers": answered.answers,
        },
        spend={"generated_tokens": answered.generated_tokens},
        parts=task.clock.parts,
    )


def score(task: Task[Score]) -> Outcome:
    """Score stored answers; the reward model is loaded where there are any.

    Raises:
        ModelError: It can't be loaded or used.
    """
    answered = Answered.read(task.inputs["answers"])
    texts = [[answer.text for answer in row] for row in answered.completions]
    problems = [problem.text for problem in answered.problems]
    with task.clock.part("score"):
        scores: Scored = [[] for _ in texts]
        if any(texts):
            scores = score_many(problems, texts, task.stage.reward_model, task.progress)
    answered.write_scores(task, scores)
    unscored = sum(score is None for row in scores for score in row)
    return Outcome(metrics={"answers": answered.answers, "unscored": unscored}, parts=task.clock.parts)


def pair_scored(task: Task[PairScored]) -> Outcome:
    """Pair up stored answers by their scores; writes what a collection does.

    Raises:
        DataError: No prompt has two answers that the pair rule tells apart.
    """
    answered = Answered.read(task.inputs["answers"])
    scores = Scores(answered.read_scores(task.inputs["scores"]), None)
    return keep_pairs(task, Kept.read(task.inputs.get("collection")), answered, scores)
