"""Collect: prompts → sampled answers → verdicts → preference pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lorr_bench.data.pairs import load_pair_file, pair_up, write_pairs
from lorr_bench.data.prompts import load_prompts
from lorr_bench.errors import DataError
from lorr_bench.generate.engine import Sampling
from lorr_bench.lorr.schedule import replay_order
from lorr_bench.spec.models import PairFileSpec
from lorr_bench.stages.answers import answer_rows, grade_answers
from lorr_bench.stages.task import Task
from lorr_bench.store.record import Outcome
from lorr_bench.values import Completion, Pair, Prompt, Verdict


def collect(task: Task) -> Outcome:
    """Sample, grade, pair; keeps every answer in ``answers.jsonl`` and the pairs in ``pairs.jsonl``.

    Raises:
        DataError: The prompts can't be read, or no prompt has both a right and a wrong answer.
    """
    params = task.stage.params
    engine = task.engines.engine(task.stage, task.clock)
    spec = task.prompt_spec()
    prompts = load_prompts(
        spec,
        folder=Path(),
        count=params["num_prompts"],
        seed=params["seed"],
        shuffle=True,
        render=engine.chat if spec.chat_template else None,
    )
    sampling = Sampling(
        n=params["num_samples"],
        temperature=params["temperature"],
        top_p=params["top_p"],
        max_tokens=params["max_tokens"],
        seed=params["seed"],
    )
    engine.load(task.stage.setting["model_path"])
    with task.clock.part("generate"):
        completions = engine.generate([prompt.text for prompt in prompts], sampling)
    task.progress(1, 2)
    with task.clock.part("grade"):
        verdicts = grade_answers(prompts, completions)
    pairs = pair_up(prompts, completions, verdicts, rule=params["pair_rule"], seed=params["seed"])
    _keep(task, prompts, completions, verdicts, pairs)
    if not pairs:
        raise DataError(
            f"none of {len(prompts)} prompts has both a right and a wrong answer",
            where=task.stage.label,
            fix=_advice(verdicts),
        )
    return Outcome(
        metrics={
            "prompts": len(prompts),
            "pairs": len(pairs),
            "correct_share": _share(verdicts),
            "truncated_share": sum(c.truncated for row in completions for c in row)
            / sum(len(row) for row in completions),
        },
        spend={
            "prompts": len(prompts),
            "verifier_calls": sum(len(row) for row in verdicts),
            "generated_tokens": sum(c.tokens for row in completions for c in row),
        },
        parts=task.clock.parts,
    )


def import_pairs(task: Task) -> Outcome:
    """Read ready-made pairs, in an order that the seed decides.

    Raises:
        DataError: The file can't be read or holds no pair.
    """
    params = task.stage.params
    fields = {name: params[name] for name in PairFileSpec.model_fields if name in params}
    spec = PairFileSpec.model_validate({**fields, "source": task.stage.setting["source"]})
    file = load_pair_file(spec, Path())
    pairs = shuffled_pairs(file.pairs, params["seed"])
    write_pairs(task.output / "pairs.jsonl", pairs)
    return Outcome(metrics={"pairs": len(pairs), "dropped": file.dropped})


def shuffled_pairs(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    """The pairs in the order of the seed, so that a smaller budget is a subset of a larger one."""
    order = replay_order(len(pairs), seed, 0)
    return [dataclasses.replace(pairs[row], prompt_index=place) for place, row in enumerate(order)]


def _keep(
    task: Task,
    prompts: Sequence[Prompt],
    completions: Sequence[Sequence[Completion]],
    verdicts: Sequence[Sequence[Verdict]],
    pairs: Sequence[Pair],
) -> None:
    task.write_lines("answers.jsonl", answer_rows(prompts, completions, verdicts))
    task.write_lines("prompts.jsonl", _costs(prompts, completions))
    write_pairs(task.output / "pairs.jsonl", pairs)


def _costs(
    prompts: Sequence[Prompt], completions: Sequence[Sequence[Completion]]
) -> Iterator[dict[str, Any]]:
    for prompt, row in zip(prompts, completions, strict=True):
        yield {
            "id": prompt.id,
            "answers": len(row),
            "generated_tokens": sum(completion.tokens for completion in row),
        }


def _share(verdicts: Sequence[Sequence[Verdict]]) -> float:
    flat = [verdict.correct for row in verdicts for verdict in row]
    return sum(flat) / len(flat)


def _advice(verdicts: Sequence[Sequence[Verdict]]) -> str:
    share = _share(verdicts)
    if share == 0:
        found = sum(verdict.extracted is not None for row in verdicts for verdict in row)
        return (
            f"No answer was right, and {found} answers held a final answer at all: check prompt template, "
            "max_tokens and the answer column, or start from a stronger model."
        )
    if share == 1:
        return "Every answer was right: use harder problems or a higher temperature."
    return "Raise num_samples, num_prompts or the temperature."
