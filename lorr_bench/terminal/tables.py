"""Tables that commands print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from rich.markup import escape
from rich.table import Table

from lorr_bench.plan.plan import Plan
from lorr_bench.quantities import size_text
from lorr_bench.run.tuning.words import settings_text
from lorr_bench.spec.evaluation import EvaluationSpec, MathBenchmark

if TYPE_CHECKING:
    from lorr_bench.upkeep.clean import Leftover
    from lorr_bench.upkeep.doctor import Finding
    from lorr_bench.values import Tuning

SPEND_COLUMNS: Final = ("unique_pairs", "prompts", "verifier_calls", "pair_visits", "optimizer_steps")


def arms_table(plan: Plan) -> Table:
    """What each arm will use at each data budget, and its global batch."""
    table = Table(title="Arms, and what each will use at most", title_justify="left")
    table.add_column("arm")
    for column in (*SPEND_COLUMNS, "global_batch"):
        table.add_column(column.replace("_", " "), justify="right")
    for arm in plan.arms:
        for pairs in arm.budgets:
            each = arm.at(pairs).known_settings.global_batch_size
            batch = str(each * plan.suite.training.num_processes) if each else "?"
            spend = plan.predicted[arm.name, pairs]
            used = (f"{getattr(spend, name):,.0f}" for name in SPEND_COLUMNS)
            table.add_row(escape(arm.name), *used, batch)
    return table


def protocol_table(evaluation: EvaluationSpec) -> Table:
    """How every math benchmark is answered, and which tasks lm-eval runs."""
    table = Table(title=f"Protocol {evaluation.protocol}", title_justify="left")
    for column in ("benchmark", "problems", "prompt", "answers", "token limit", "stop"):
        table.add_column(column, justify="right" if column in ("problems", "token limit") else "left")
    for math in evaluation.math:
        table.add_row(
            escape(math.name),
            f"{math.limit:,}" if math.limit else " or ".join(map(str, math.sizes)) or "all",
            escape(math.prompt or ("chat template" if math.chat_template else "own")),
            _answers_text(math),
            f"{math.max_tokens:,}",
            escape(", ".join(map(repr, math.stop))),
        )
    for general in evaluation.general:
        shots = "own" if general.num_fewshot is None else str(general.num_fewshot)
        limit = f"{general.limit:,} a task" if general.limit else "all"
        told = f"{shots} few-shot examples: {', '.join(general.tasks)}"
        table.add_row(escape(general.name), limit, "lm-eval", escape(told), "", "")
    return table


def settings_table(tuning: Tuning) -> Table:
    """The settings that were chosen for each arm, or of how many they will be."""
    title = f"Settings, chosen by {tuning.benchmark} {tuning.metric} before a test problem is touched"
    table = Table(title=title, title_justify="left")
    for column in ("arm", "pairs", "used at", "tries", "settings", "score (%)"):
        left = column in ("arm", "settings")
        table.add_column(column, justify="left" if left else "right", overflow="fold")
    for tuned in tuning.arms:
        scored = tuned.measured and tuned.chosen is not None
        table.add_row(
            escape(tuned.arm),
            f"{tuned.unique_pairs:,}",
            ", ".join(f"{pairs:,}" for pairs in tuned.used_at),
            f"{len(tuned.tries):,}",
            escape(settings_text(tuned)),
            f"{100 * tuned.tries[tuned.chosen or 0].score:.1f}" if scored else "",
        )
    return table


def _answers_text(math: MathBenchmark) -> str:
    drawn = f"{math.repeats} at temperature {math.temperature:g}, top_p {math.top_p:g}"
    return " and ".join(["greedy"] * math.greedy + [drawn] * (math.repeats > 0))


def leftovers_table(leftovers: Iterable[Leftover]) -> Table:
    """Leftovers by kind, with number and size."""
    table = Table(title="What takes room", title_justify="left")
    for column in ("what", "number", "size", ""):
        table.add_column(column, justify="right" if column in ("number", "size") else "left")
    groups: dict[tuple[str, str], list[int]] = {}
    for leftover in leftovers:
        groups.setdefault((leftover.title, leftover.stays), []).append(leftover.size_bytes)
    for (title, stays), sizes in groups.items():
        table.add_row(escape(title), f"{len(sizes):,}", size_text(sum(sizes)), escape(stays or "can go"))
    return table


def findings_table(findings: Sequence[Finding]) -> Table:
    """What the doctor found, with the command that mends each fault."""
    table = Table(title="lorr-bench doctor", title_justify="left")
    for column in ("", "what", "found", "to mend it"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark = "[green]ok[/green]" if finding.ok else "[red]no[/red]"
        table.add_row(mark, escape(finding.name), escape(finding.value), escape(finding.fix))
    return table
