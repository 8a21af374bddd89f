"""How far a suite is: arms × stages, what runs, what failed and why, what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lorr_bench.plan.measurements import Evaluation
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.tuning.tries import Tries
from lorr_bench.quantities import duration_text
from lorr_bench.run.state import Failure, Journal
from lorr_bench.terminal.long_table import plain_if_long
from lorr_bench.terminal.text import Hanging
from lorr_bench.values import START, Point

MAX_ROWS: Final = 40
MAX_FAILURES: Final = 20
TRAINING: Final = "training"
SHARED: Final = "shared"
TRIES: Final = "tuning"
OF_NO_MODEL: Final = (
    "collect",
    "sample",
    "score",
    "pair_scored",
    "import_pairs",
    "contamination",
    "families",
)

Key = tuple[str, int | None]
"""A row: arm and data budget; shared work, and the start model, have no budget."""


@dataclass(frozen=True)
class SuiteStatus:
    """What is known of a suite's stages.

    Attributes:
        done: Digests of those that are done.
        seconds: How long each took, where it is known.
        running: Slot of each that runs.
        failures: Of those that failed and are not done.
        owner: Who runs the suite just now; None where nobody does.
    """

    done: Set[str]
    seconds: Mapping[str, float]
    running: Mapping[str, str]
    failures: Mapping[str, Failure]
    owner: str | None

    @classmethod
    def of(cls, journal: Journal, done: Set[str], owner: str | None) -> SuiteStatus:
        """What the journal and the store say; nothing runs where nobody holds the suite."""
        running = journal.running if owner else {}
        failures = {digest: one for digest, one in journal.failures.items() if digest not in done}
        return cls(done, journal.seconds, running, failures, owner)


def rows(plan: Plan) -> dict[Key, dict[str, list[str]]]:
    """Digests of the stages of each row, by column: ``training``, or the name of a benchmark.

    Work that several arms share is in rows of its own, one for each kind of stage.
    """
    users = _users(plan)
    stages = {stage.digest: stage for stage in plan.stages}
    table: dict[Key, dict[str, list[str]]] = {}
    for stage in plan.stages:
        keys = users.get(stage.digest, set())
        if len(keys) > 1 or (not keys and stage.kind in OF_NO_MODEL):
            table.setdefault((f"{SHARED}: {stage.kind.replace('_', ' ')}", None), {}).setdefault(
                TRAINING, []
            ).append(stage.digest)
        elif keys:
            (key,) = keys
            table.setdefault(key, {}).setdefault(TRAINING, []).append(stage.digest)
    for key, evaluation in _evaluations(plan):
        cell = table.setdefault(key, {}).setdefault(evaluation.benchmark, [])
        cell += [d for d in dict.fromkeys((evaluation.answers, evaluation.digest)) if d in stages]
    return table


def _evaluations(plan: Plan) -> Iterator[tuple[Key, Evaluation]]:
    """All evaluations, each with its row; those of the tries last."""
    for evaluation in plan.evaluations:
        point = evaluation.point
        yield (START.arm, None) if point == START else (point.arm, point.unique_pairs), evaluation
    if plan.tries is not None:
        for evaluation in plan.tries.plan.evaluations:
            yield _row_of_try(plan.tries, evaluation.point), evaluation


def _trainings(plan: Plan) -> Iterator[tuple[Key, str]]:
    """The last train stage of every model, with its row."""
    for point, digest in plan.training.items():
        yield (point.arm, point.unique_pairs), digest
    if plan.tries is not None:
        for point, digest in plan.tries.plan.training.items():
            yield _row_of_try(plan.tries, point), digest


def _row_of_try(tries: Tries, point: Point) -> Key:
    """All tries of an arm at a data budget are one row."""
    return f"{TRIES}: {tries.arm_of(point)}", point.unique_pairs


def _users(plan: Plan) -> dict[str, set[Key]]:
    """The rows whose training needs a stage."""
    stages = {stage.digest: stage for stage in plan.stages}
    users: dict[str, set[Key]] = {}
    for key, digest in _trainings(plan):
        front = [digest]
        while front:
            needed = front.pop()
            if key not in users.setdefault(needed, set()):
                users[needed].add(key)
                front += stages[needed].inputs.values()
    return users


def status_view(plan: Plan, now: SuiteStatus, *, everything: bool = False) -> RenderableType:
    """All of it, ready to print.

    Args:
        plan: The plan.
        now: What is known.
        everything: Whether rows that are done, and all failures, are shown where there are many.
    """
    parts: list[RenderableType] = [_table(plan, now, everything)]
    parts += _running(plan, now)
    parts += _failures(plan, now, everything=everything)
    parts.append(_left(plan, now))
    return Group(*parts)


def _table(plan: Plan, now: SuiteStatus, everything: bool) -> RenderableType:
    found = rows(plan)
    benchmarks = list(dict.fromkeys(evaluation.benchmark for _, evaluation in _evaluations(plan)))
    table = Table(title=f"Suite {escape(plan.suite.name)}: stages done of all", title_justify="left")
    for column in ("arm", "pairs", TRAINING, *benchmarks, "time"):
        table.add_column(escape(column), justify="left" if column == "arm" else "right", overflow="fold")
    shown = list(found.items())
    if len(shown) > MAX_ROWS and not everything:
        shown = [(key, cells) for key, cells in shown if not _all_done(cells, now)][:MAX_ROWS]
    for (arm, pairs), cells in shown:
        digests = [digest for cell in cells.values() for digest in cell]
        seconds = sum(now.seconds.get(digest, 0.0) for digest in digests)
        table.add_row(
            escape(arm),
            f"{pairs:,}" if pairs else "",
            *(_cell(cells.get(column, []), now) for column in (TRAINING, *benchmarks)),
            duration_text(seconds) if seconds else "",
        )
    if len(shown) == len(found):
        return plain_if_long(table)
    hidden = [cells for key, cells in found.items() if key not in dict(shown)]
    done = sum(_all_done(cells, now) for cells in hidden)
    rest = f", and {len(hidden) - done:,} more" if len(hidden) > done else ""
    return Group(table, Text(f"Not shown: {done:,} rows that are done{rest} (--all shows them)."))


def _all_done(cells: Mapping[str, Sequence[str]], now: SuiteStatus) -> bool:
    return all(digest in now.done for cell in cells.values() for digest in cell)


def _cell(digests: Sequence[str], now: SuiteStatus) -> str:
    """``2/3``, with what runs and what failed."""
    if not digests:
        return ""
    done = sum(digest in now.done for digest in digests)
    running = sum(digest in now.running for digest in digests)
    failed = sum(digest in now.failures and digest not in now.running for digest in digests)
    words = [f"{done}/{len(digests)}"]
    words += [f"[yellow]{running} running[/yellow]"] if running else []
    words += [f"[red]{failed} failed[/red]"] if failed else []
    return " ".join(words) if done < len(digests) else f"[green]{words[0]}[/green]"


def _running(plan: Plan, now: SuiteStatus) -> Iterator[RenderableType]:
    if now.owner is None:
        return
    yield Text(f"Running now: {now.owner}")
    labels = {stage.digest: stage.label for stage in plan.stages}
    for digest, slot in now.running.items():
        if digest in labels:
            yield Text(f"  {slot}: {labels[digest]}")


def _failures(plan: Plan, now: SuiteStatus, *, everything: bool) -> Iterator[RenderableType]:
    failed = [stage for stage in plan.stages if stage.digest in now.failures]
    if not failed:
        return
    attempts = plan.suite.execution.attempts
    yield Text(f"Failed ({attempts} attempts in all; --retry-failed gives new ones):", "red")
    shown = failed if everything else failed[:MAX_FAILURES]
    for stage in shown:
        failure = now.failures[stage.digest]
        yield Hanging(f"{stage.label}, {failure.attempts}×: {failure.reason}", first=2, further=4)
        yield Text(f"    log: {failure.log}")
    if len(shown) < len(failed):
        yield Text(f"  and {len(failed) - len(shown):,} more (--all shows them)")


def _left(plan: Plan, now: SuiteStatus) -> RenderableType:
    left = Counter(stage.kind for stage in plan.stages if stage.digest not in now.done)
    total = len(plan.stages)
    kinds = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in left.items())
    tail = f"; left: {kinds}." if left else "."
    return Text(f"{total - left.total():,} of {total:,} stages done{tail}{_open_settings(plan)}")


def _open_settings(plan: Plan) -> str:
    """What has to be done before the other stages can be."""
    waiting = [tuned for tuned in plan.tuning.arms if tuned.chosen is None] if plan.tuning else []
    if not waiting:
        return ""
    named = f"{waiting[0].arm} at {waiting[0].unique_pairs:,} pairs"
    more = f" and {len(waiting) - 1:,} more" if len(waiting) > 1 else ""
    return f" Settings are still to be chosen for {named}{more}."
