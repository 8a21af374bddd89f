"""What a plan will cost, as `lorr-bench plan` prints it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lorr_bench.forecast.calibration import Bound, Figure, summed
from lorr_bench.forecast.estimates import ArmMemory, KindEstimate, Largest
from lorr_bench.forecast.forecast import Forecast
from lorr_bench.forecast.memory import Memory
from lorr_bench.probe.probe import Probed
from lorr_bench.quantities import count_text, roughly, size_text
from lorr_bench.terminal.hours_table import hours_lines, hours_table, hours_text
from lorr_bench.terminal.text import indented, one_line

SIGNS: Final[dict[Bound, str]] = {"": "", "at most": "≤ ", "at least": "≥ "}
COLOURS: Final = {"fits": "green", "may not fit": "yellow", "does not fit": "red", "unknown": "dim"}
SECONDS_PER_HOUR: Final = 3600
MAX_ROWS: Final = 8
MAX_NAMES: Final = 6


def estimates_view(forecast: Forecast) -> Group:
    """Stages by kind, what is left of them, what it will cost, and what the figures rest on."""
    kinds, arms = forecast.estimates.by_kind(), forecast.estimates.by_arm()
    return Group(
        estimates_table(kinds, on_gpus=bool(forecast.machine.gpu_bytes)),
        *([hours_table(forecast.hours, forecast.devices)] if forecast.devices else []),
        bases_table(kinds),
        *([memory_table(arms)] if len(arms) > 1 else []),
        *map(Text, [*_memory_lines(kinds), *_places(kinds, forecast), *hours_lines(forecast)]),
    )


def tries_text(forecast: Forecast) -> str:
    """What the tries of a plan will cost, which come before its other stages.

    Args:
        forecast: Of the tries alone.
    """
    kinds = forecast.estimates.by_kind()
    stages, left = sum(kind.stages for kind in kinds), sum(kind.left for kind in kinds)
    if not left:
        return f"Tuning: all {stages:,} stages are done."
    seconds = _sum([kind.seconds for kind in kinds])
    costs = [_time(seconds) if seconds.value is not None else "a time that is not known"]
    if forecast.machine.gpu_bytes:
        costs.append(f"{_hours(_sum([kind.device_seconds for kind in kinds]))} GPU hours")
    if forecast.hours:
        costs.append(f"{hours_text(forecast.hours)} hours on {forecast.devices}")
    return (
        f"Tuning comes first: {left:,} of its {stages:,} stages are left, {', '.join(costs)}; they are among "
        "those above. The others begin when the settings are chosen."
    )


def estimates_table(kinds: Sequence[KindEstimate], *, on_gpus: bool) -> Table:
    """One row a kind, and their sum."""
    table = Table(title="Stages, and what those left will cost", title_justify="left", show_footer=True)
    left = sum(kind.left for kind in kinds)
    table.add_column("stages", "all")
    table.add_column("done", f"{sum(kind.stages for kind in kinds) - left:,}", justify="right")
    table.add_column("left", f"{left:,}", justify="right")
    table.add_column("time", _time(_sum([kind.seconds for kind in kinds])), justify="right")
    if on_gpus:
        hours = _sum([kind.device_seconds for kind in kinds])
        table.add_column("GPU hours", _hours(hours), justify="right")
    table.add_column("tokens", _count(_sum([kind.tokens for kind in kinds])), justify="right")
    table.add_column("peak memory", justify="right")
    table.add_column("fits")
    table.add_column("disk", _size(_sum([kind.disk for kind in kinds])), justify="right")
    for kind in kinds:
        table.add_row(*_cells(kind, on_gpus=on_gpus))
    return table


def _cells(kind: KindEstimate, *, on_gpus: bool) -> list[str]:
    memory = kind.largest.memory if kind.largest else None
    return [
        kind.kind,
        f"{kind.stages - kind.left:,}",
        f"{kind.left:,}",
        _time(kind.seconds),
        *([_hours(kind.device_seconds)] if on_gpus else []),
        _count(kind.tokens),
        _size(memory.figure) if memory else "little",
        _fits(memory) if memory else "",
        _size(kind.disk),
    ]


def _fits(memory: Memory) -> str:
    return f"[{COLOURS[memory.verdict]}]{memory.verdict}[/] {size_text(memory.room)}"


def memory_table(arms: Sequence[ArmMemory]) -> Table:
    """What training needs, by arm; of many different needs the largest."""
    table = Table(title="Peak memory of training, each process", title_justify="left")
    for column in ("arms", "peak memory", "fits"):
        table.add_column(column, justify="right" if column == "peak memory" else "left", overflow="fold")
    for group in arms[:MAX_ROWS]:
        named = ", ".join(map(one_line, group.arms[:MAX_NAMES]))
        more = f" and {len(group.arms) - MAX_NAMES:,} more" if len(group.arms) > MAX_NAMES else ""
        table.add_row(escape(named) + more, _size(group.memory.figure), _fits(group.memory))
    if len(arms) > MAX_ROWS:
        rest = sum(len(group.arms) for group in arms[MAX_ROWS:])
        table.add_row(f"{rest:,} more arms", "less", "")
    return table


def bases_table(kinds: Sequence[KindEstimate]) -> Table:
    """What each figure rests on."""
    table = Table(title="What the figures rest on", title_justify="left")
    for column in ("kind", "time", "tokens", "peak memory", "disk"):
        table.add_column(column, overflow="fold")
    for kind in kinds:
        memory = str(kind.largest.memory.figure) if kind.largest else "little"
        table.add_row(kind.kind, str(kind.seconds), str(kind.tokens), memory, str(kind.disk))
    return table


def _memory_lines(kinds: Sequence[KindEstimate]) -> list[str]:
    """What the peak memory of each kind is made of; kinds with the same parts on one line."""
    by_parts: dict[str, list[str]] = {}
    for kind in kinds:
        if kind.largest is not None and kind.largest.memory.parts:
            which = f" (`{one_line(kind.largest.stage.label)}`)" if kind.kind == "train" else ""
            by_parts.setdefault(parts_text(kind.largest), []).append(f"{kind.kind}{which}")
    return [f"Memory of {', '.join(names)}: {parts}." for parts, names in by_parts.items()]


def parts_text(largest: Largest) -> str:
    """The parts of a peak, largest first."""
    parts = sorted(largest.memory.parts.items(), key=lambda part: -part[1])
    return " + ".join(f"{name} {size_text(number)}" for name, number in parts)


def probe_text(probed: Probed) -> Text:
    """What came of a probe, and what it measured beside what was expected."""
    if probed.failure:
        return Text(f"Probe failed: {one_line(probed.label)}\n    {indented(probed.failure)}", "red")
    memory = ""
    if probed.peak_memory_bytes is not None:
        expected = f", expected {size_text(probed.expected_bytes)}" if probed.expected_bytes else ""
        memory = f", peak memory {size_text(probed.peak_memory_bytes)}{expected}"
    return Text(f"Probe passed: {one_line(probed.label)} ({roughly(probed.seconds)}{memory})", "green")


def _places(kinds: Sequence[KindEstimate], forecast: Forecast) -> list[str]:
    """What there is of memory and disk, and what to do where nothing is known of the model."""
    machine, free = forecast.machine, forecast.free_bytes
    gpus = " and ".join(size_text(each) for each in machine.gpu_bytes)
    devices = f"GPUs of {gpus}" if gpus else "no GPU that torch can use"
    lines = [f"Devices: {devices}; {size_text(machine.main_bytes)} of main memory."]
    if forecast.devices:
        lines = [f"Devices: {forecast.devices}, as --devices asks."]
    if gpus:
        lines.append("An engine shares its GPU with training, which has the rest as room.")
    if free is not None:
        sure = sum(kind.disk.value or 0 for kind in kinds if kind.disk.bound != "at most")
        short = ": too little" if sure > free else ""
        lines.append(f"Disk: {size_text(free)} free{short}.")
    if any(kind.seconds.value for kind in kinds):
        lines.append("Time: one stage after the other, without the engine's start.")
    if forecast.missing_model:
        lines.append(f"For memory and disk, fetch the model's description: {forecast.missing_model}")
    return lines


def _sum(figures: Sequence[Figure]) -> Figure:
    return summed([(figure, 1) for figure in figures])


def _time(figure: Figure) -> str:
    return _signed(figure, roughly(figure.value) if figure.value else "0 s")


def _hours(figure: Figure) -> str:
    return _signed(figure, f"{(figure.value or 0) / SECONDS_PER_HOUR:,.2f}")


def _count(figure: Figure) -> str:
    return _signed(figure, count_text(figure.value or 0))


def _size(figure: Figure) -> str:
    return _signed(figure, size_text(figure.value or 0))


def _signed(figure: Figure, text: str) -> str:
    if figure.value is None:
        return "unknown"
    return f"{SIGNS[figure.bound]}{text}" if figure.value else text
