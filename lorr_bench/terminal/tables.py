"""Tables that commands print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rich.markup import escape
from rich.table import Table

from lorr_bench.plan.plan import Plan
from lorr_bench.ports.registry import adapter_names, load_adapter
from lorr_bench.ports.trainer import TrainerAdapter
from lorr_bench.quantities import size_text
from lorr_bench.shipped.catalog import PUBLISHED_RESULTS, needs, shipped_suites
from lorr_bench.spec.benchmarks import BENCHMARKS, PROTOCOLS
from lorr_bench.spec.evaluation import EvaluationSpec, MathBenchmark
from lorr_bench.spec.load import LoadedSuite, load_suite
from lorr_bench.spec.presets import PRESETS

if TYPE_CHECKING:
    from lorr_bench.upkeep.clean import Leftover
    from lorr_bench.upkeep.doctor import Finding

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


def _answers_text(math: MathBenchmark) -> str:
    drawn = f"{math.repeats} at temperature {math.temperature:g}, top_p {math.top_p:g}"
    return " and ".join(["greedy"] * math.greedy + [drawn] * (math.repeats > 0))


def methods_table() -> Table:
    """Every registered adapter: its backend, what it needs, whether it takes the SFT term, and its source."""
    table = Table(title="Methods", title_justify="left")
    for column in ("method", "backend", "needs", "SFT term", "source"):
        table.add_column(column, overflow="fold")
    adapters = [load_adapter(name) for name in adapter_names()]
    for adapter in sorted(adapters, key=lambda adapter: (adapter.name, adapter.backend)):
        table.add_row(
            escape(adapter.name),
            escape(adapter.backend),
            _needs(adapter),
            "yes" if adapter.takes_sft_term else "no",
            escape(adapter.source.partition(";")[0]),
        )
    return table


def _needs(adapter: TrainerAdapter) -> str:
    further = {
        "reference": adapter.needs_reference,
        "online": adapter.online,
        "its own program": not adapter.in_process,
    }
    return ", ".join([adapter.rows.replace("_", " "), *(word for word, needed in further.items() if needed)])


def benchmarks_table() -> Table:
    """Every registered math benchmark."""
    table = Table(title="Math benchmarks, for evaluation.math", title_justify="left")
    for column in ("name", "problems", "Hub data set", "split"):
        table.add_column(column, justify="right" if column == "problems" else "left")
    for name, fields in BENCHMARKS.items():
        sizes = " or ".join(f"{size:,}" for size in fields["sizes"])
        table.add_row(name, sizes, escape(fields["source"]), fields["split"])
    return table


def protocols_table() -> Table:
    """Every evaluation protocol."""
    table = Table(title="Protocols, for evaluation.protocol", title_justify="left")
    for column in ("name", "what it is", "fields"):
        table.add_column(column, overflow="fold")
    for name, protocol in PROTOCOLS.items():
        fields = ", ".join(f"{key}: {value}" for key, value in protocol.fields.items())
        table.add_row(name, escape(protocol.meaning), escape(fields))
    return table


def presets_table() -> Table:
    """Every preset of lm-eval tasks."""
    table = Table(title="Presets, for evaluation.general", title_justify="left")
    for column in ("preset", "benchmark", "lm-eval tasks", "few-shot examples", "metric"):
        table.add_column(column, overflow="fold")
    for preset, parts in PRESETS.items():
        for part in parts:
            shots = "own" if part["num_fewshot"] is None else str(part["num_fewshot"])
            table.add_row(preset, part["name"], ", ".join(part["tasks"]), shots, part["metric"])
    return table


def suites_table() -> Table:
    """Every suite that comes with the package, and what it needs besides."""
    caption = f"Results of some of them: {escape(str(PUBLISHED_RESULTS))}"
    table = Table(title="Shipped suites", title_justify="left", caption=caption, caption_justify="left")
    for column in ("suite", "what it is", "needs besides the package"):
        table.add_column(column, overflow="fold")
    for name, path in shipped_suites().items():
        loaded = load_suite(path)
        table.add_row(name, escape(loaded.suite.description), _needs_besides(loaded))
    return table


def _needs_besides(loaded: LoadedSuite) -> str:
    wanted = needs(loaded.suite, loaded.folder)
    hub = ["models and data of the Hub"] if any(need.from_hub for need in wanted) else []
    files = [need.key for need in wanted if not need.from_hub]
    return "; ".join([*hub, *([f"files of yours: {', '.join(files)}"] if files else [])]) or "nothing"


LISTS: Final[Mapping[str, Callable[[], Table]]] = {
    "methods": methods_table,
    "benchmarks": benchmarks_table,
    "protocols": protocols_table,
    "presets": presets_table,
    "suites": suites_table,
}
"""What `lorr-bench list` knows."""


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
