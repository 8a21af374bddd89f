"""Problems with answers, from the embedded task, a JSONL file or a Hub data set, made into prompts."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar, cast

from lorr_bench.data.answers import gold_answer
from lorr_bench.data.hub import source_rows
from lorr_bench.data.nano.families import problem_family
from lorr_bench.data.nano.problems import Problem, Split, problems
from lorr_bench.data.rows import Row, check_ids, near_names
from lorr_bench.errors import DataError
from lorr_bench.spec.sources import PromptSpec
from lorr_bench.values import Prompt

T = TypeVar("T")
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
        count: As for ``load_problems``, like the other arguments.
        seed: Chooses problems or their order.
        render: Puts the finished prompt into the model's chat template.
        shuffle: Draw the order.

    Returns:
        The prompts, each id once. Without an answer column, the answer is empty.

    Raises:
        DataError: See ``load_problems``.
    """
    problems = load_problems(spec, folder=folder, count=count, seed=seed, shuffle=shuffle)
    return [write_prompt(problem, spec, render) for problem in problems]


def load_problems(
    spec: PromptSpec,
    *,
    folder: Path,
    count: int | None,
    seed: int,
    shuffle: bool = False,
    sizes: Sequence[int] = (),
) -> list[Prompt]:
    """Load problems as their source states them, without a template.

    Args:
        spec: Source and columns.
        folder: What a relative path in ``spec.source`` is relative to.
        count: How many; None takes the whole source. The embedded task has no end, so it needs a count.
        seed: Chooses the problems of the embedded task, and the order where ``shuffle`` is set. A smaller
            count gives the first prompts of a larger one.
        shuffle: Take the rows of a file or data set in an order drawn by ``seed`` instead of their own.
        sizes: How many problems a file or data set may have; any number if empty.

    Returns:
        The problems, each id once. Without an answer column, the answer is empty.

    Raises:
        DataError: The source is missing, damaged, empty or too small, lacks a column or an answer, repeats
            an id, or has another size.
    """
    if spec.source.startswith(NANO):
        found = [prompt for prompt, _ in _nano(spec.source, seed, count)]
    else:
        found = [problem for _, problem in _problems(spec, folder)]
        _check_size(len(found), sizes, spec.source)
        if shuffle:
            random.Random(f"prompts/{seed}").shuffle(found)  # noqa: S311 - reproducible order
        found = _first(found, count, spec.source)
    return found


def load_families(
    spec: PromptSpec, column: str, *, folder: Path, count: int | None, seed: int = 0
) -> list[tuple[str, str]]:
    """Which problems come in one family: variants of a template, questions on one text.

    Args:
        spec: As for ``load_problems``, like the other arguments: the same give the same problems.
        column: Column of the source that names the family; the embedded task has ``family``.
        folder: What a relative path in ``spec.source`` is relative to.
        count: How many problems; None takes the whole source.
        seed: Chooses the problems of the embedded task.

    Returns:
        Id and family of each problem, in the order in which ``load_problems`` gives them unshuffled.

    Raises:
        DataError: As ``load_problems``; or there is no such column, or a problem's family is empty or neither
            text nor number.
    """
    if spec.source.startswith(NANO):
        return [(prompt.id, problem_family(problem)) for prompt, problem in _nano(spec.source, seed, count)]
    rows = [row for row, _ in _problems(spec, folder)]
    return [(row.id, family_of(row, column)) for row in _first(rows, count, spec.source)]


def family_of(row: Row, column: str) -> str:
    """The family of the problem in a row.

    Raises:
        DataError: There is no such column, or it is empty or holds neither text nor number.
    """
    family = row.text(column, "cluster_column").strip()
    if not family:
        raise DataError(
            f"no family in column {column!r}: it is empty",
            where=row.where,
            fix="give every problem a family, one that stands alone its own; or say `cluster_column: off`",
        )
    return family


def write_prompt(problem: Prompt, spec: PromptSpec, render: Callable[[str], str] | None = None) -> Prompt:
    """The prompt of a problem: the template around it, and the model's chat template around that.

    Args:
        problem: As its source states it.
        spec: With the template.
        render: Puts a text into the model's chat template.
    """
    # Not str.format: problems and templates hold braces of their own.
    text = spec.template.replace("{problem}", problem.text)
    return Prompt(problem.id, render(text) if render else text, problem.answer)


def _check_size(size: int, sizes: Sequence[int], source: str) -> None:
    if sizes and size not in sizes:
        raise DataError(
            f"the benchmark has {' or '.join(map(str, sizes))} problems, this source has {size}",
            where=source,
            fix="Get the whole benchmark, or say `sizes: []` to take what is there.",
        )


def _nano(source: str, seed: int, count: int | None) -> Iterator[tuple[Prompt, Problem]]:
    """The first problems of the embedded task, as prompts and as they were drawn."""
    split = source.removeprefix(NANO)
    if split not in NANO_SPLITS:
        near = near_names(split, list(NANO_SPLITS))
        raise DataError(
            f"the embedded task has no split {split!r}",
            where=source,
            fix=f"{'did you mean ' + near[0] + '? ' if near else ''}There are {', '.join(NANO_SPLITS)}",
        )
    if count is None:
        raise DataError(
            "the embedded task has no end", where=source, fix="set `limit`, the number of problems to take"
        )
    for index, problem in enumerate(itertools.islice(problems(cast("Split", split), seed), count)):
        yield Prompt(f"nano-{split}-{seed}-{index}", problem.text, str(problem.answer)), problem


def _problems(spec: PromptSpec, folder: Path) -> list[tuple[Row, Prompt]]:
    """The rows that are problems with an answer, each with its problem."""
    rows = list(
        source_rows(spec.source, folder, revision=spec.revision, subset=spec.subset, split=spec.split)
    )
    check_ids(rows)
    found = [(row, problem) for row in rows if (problem := _problem(row, spec))]
    if not found:
        raise DataError(
            f"none of {len(rows)} rows is a problem with an answer",
            where=spec.source,
            fix="give a source with problems, and check `answer_column` and `answer_pattern`",
        )
    return found


def _problem(row: Row, spec: PromptSpec) -> Prompt | None:
    problem = row.text(spec.problem_column, "problem_column")
    answer = gold_answer(row, spec.answer_column, spec.answer_pattern) if spec.answer_column else ""
    if problem.strip() and (answer or spec.answer_column is None):
        return Prompt(row.id, problem, answer)
    if spec.incomplete == "skip":
        return None
    raise _incomplete(row, spec, "answer" if problem.strip() else "problem")


def _incomplete(row: Row, spec: PromptSpec, lacks: str) -> DataError:
    column = spec.answer_column if lacks == "answer" else spec.problem_column
    pattern = spec.answer_pattern if lacks == "answer" else None
    reason = f"nothing matches `answer_pattern: {pattern}`" if pattern else "it is empty"
    return DataError(
        f"no {lacks} in column {column!r}: {reason}",
        where=row.where,
        fix=f"check `{lacks}_column`{' and `answer_pattern`' if pattern else ''}, "
        "or leave such rows out with `incomplete: skip`",
    )


def _first(found: list[T], count: int | None, source: str) -> list[T]:
    if count is not None and count > len(found):
        raise DataError(
            f"{count} problems asked for, but there are {len(found)}",
            where=source,
            fix=f"ask for {len(found)} or fewer",
        )
    return found[:count]
