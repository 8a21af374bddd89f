"""The rows that a suite names, read as its stages will read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lorr_bench.checks.lengths import check_prompt_lengths
from lorr_bench.data.prompts import load_problems
from lorr_bench.forecast.pair_counts import QUICK_BYTES
from lorr_bench.plan.kinds.answer_math import AnswerMath
from lorr_bench.plan.kinds.prompts import PromptSource
from lorr_bench.plan.plan import Plan
from lorr_bench.stages.pairs.sampling import load_problems as load_asked
from lorr_bench.values import Prompt


def prompt_lines(plan: Plan, *, fetch: bool) -> Iterator[str]:
    """Read prompts and benchmarks; say how many prompts there are, and how many repeat another.

    Args:
        plan: The plan.
        fetch: Whether data sets of the Hub and large files are read, too.

    Raises:
        DataError: A row lacks a column or an answer, an id repeats, there are too few rows, or too few leave
            room for a response.
    """
    sampling = plan.first_asked
    if sampling is not None and (fetch or _is_quick(sampling.parameters.prompts, sampling.setting.source)):
        asked_first = load_asked(sampling)
        check_prompt_lengths(plan, asked_first)
        yield _count_text(asked_first, sampling.parameters.seed)
    read = set[str]()
    for stage in plan.stages:
        if not isinstance(stage, AnswerMath) or stage.parameters.prompts.rows.source in read:
            continue
        asked, source = stage.parameters, stage.setting.source
        read.add(asked.prompts.rows.source)
        if fetch or _is_quick(asked.prompts, source):
            sizes = stage.setting.sizes
            load_problems(asked.prompts.spec(source), folder=Path(), count=asked.limit, seed=0, sizes=sizes)


def check_rows(plan: Plan) -> None:
    """Refuse prompts and benchmarks that stages could not read, of those that are read at once.

    Args:
        plan: The plan.

    Raises:
        DataError: As ``prompt_lines``.
    """
    for _ in prompt_lines(plan, fetch=False):
        pass


def _is_quick(prompts: PromptSource, source: str) -> bool:
    """Whether a source is a small file, or the embedded task."""
    if prompts.rows.split is not None:
        return False
    path = Path(source)
    return not path.exists() or (path.is_file() and path.stat().st_size <= QUICK_BYTES)


def _count_text(prompts: Sequence[Prompt], seed: int) -> str:
    repeated = len(prompts) - len({prompt.text for prompt in prompts})
    again = f"; {repeated:,} repeat the text of one before them" if repeated else ", all different"
    return f"Prompts of seed {seed}: {len(prompts):,}{again}."
