"""Problems with answers, from the embedded task or a JSONL file, made into prompts."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, cast

from lorr_bench.data.nano.problems import Split, problems
from lorr_bench.data.rows import Row, check_ids, near_names, read_rows
from lorr_bench.errors import DataError
from lorr_bench.spec.models import PromptSpec
from lorr_bench.values import Prompt

NANO: Final = "nano/"
NANO_SPLITS: Final = ("train", "validation", "easy", "hard")


def load_prompts(
    spec: PromptSpec,
    *,
    folder: Path,
    count: int | None,
    seed: int,
    render: Callable[[str], str] | None = None,
    shuffle: bool = False,
) -> list[Prompt]:
    """Load problems and write the prompts.

    Args:
        spec: Source, columns and template.
        folder: What a relative path in ``spec.source`` is relative to.
        count: How many; None takes the whole file. The embedded task has no end, so it needs a count.
        seed: Chooses the problems of the embedded task, and the order where ``shuffle`` is set. A smaller
            count gives the first prompts of a larger one.
        render: Puts the finished prompt into the model's chat template.
        shuffle: Take the rows of a file in an order drawn by ``seed`` instead of their own.

    Returns:
        The prompts, each id once.

    Raises:
        DataError: The source is missing, damaged, empty or too small, lacks a column or an answer, or repeats
            an id.
    """
    if spec.source.startswith(NANO):
        found = list(itertools.islice(_nano(spec.source, seed), _nano_count(spec.source, count)))
    else:
        found = _from_file(spec, folder / spec.source)
        if shuffle:
            random.Random(f"prompts/{seed}").shuffle(found)  # noqa: S311 - reproducible order
        found = _first(found, count, folder / spec.source)
    return [_prompt(problem, spec, render) for problem in found]


def _prompt(problem: Prompt, spec: PromptSpec, render: Callable[[str], str] | None) -> Prompt:
    # Not str.format: problems and templates hold braces of their own.
    text = spec.template.replace("{problem}", problem.text)
    return Prompt(problem.id, render(text) if render else text, problem.answer)


def _nano(source: str, seed: int) -> Iterator[Prompt]:
    split = source.removeprefix(NANO)
    if split not in NANO_SPLITS:
        near = near_names(split, list(NANO_SPLITS))
        raise DataError(
            f"the embedded task has no split {split!r}",
            where=source,
            fix=f"{'did you mean ' + near[0] + '? ' if near else ''}There are {', '.join(NANO_SPLITS)}",
        )
    for index, problem in enumerate(problems(cast("Split", split), seed)):
        yield Prompt(f"nano-{split}-{seed}-{index}", problem.text, str(problem.answer))


def _nano_count(source: str, count: int | None) -> int:
    if count is None:
        raise DataError(
            "the embedded task has no end", where=source, fix="set `limit`, the number of problems to take"
        )
    return count


def _from_file(spec: PromptSpec, path: Path) -> list[Prompt]:
    rows = list(read_rows(path))
    if not rows:
        raise DataError("no problems: the file is empty", where=str(path), fix="give a file with problems")
    check_ids(rows)
    return [_problem(row, spec) for row in rows]


def _problem(row: Row, spec: PromptSpec) -> Prompt:
    problem = row.text(spec.problem_column, "problem_column")
    answer = row.text(spec.answer_column, "answer_column")
    if not problem.strip():
        raise DataError("the problem is empty", where=row.where, fix="leave the row out")
    if not answer.strip():
        raise DataError(
            "the answer is empty",
            where=row.where,
            fix="answers can't be graded without the right one: leave the row out, or check `answer_column`",
        )
    return Prompt(row.id, problem, answer)


def _first(found: list[Prompt], count: int | None, path: Path) -> list[Prompt]:
    if count is not None and count > len(found):
        raise DataError(
            f"{count} problems asked for, but there are {len(found)}",
            where=str(path),
            fix=f"ask for {len(found)} or fewer",
        )
    return found[:count]
