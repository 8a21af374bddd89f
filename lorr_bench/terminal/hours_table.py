"""How long a plan takes on GPUs that were asked about, as `lorr-bench plan --devices` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.table import Table

from lorr_bench.forecast.device_hours import BYTES_SHARE, FLOPS_SHARE, LENGTH_SHARE, KindHours, Range
from lorr_bench.forecast.devices import Devices
from lorr_bench.forecast.forecast import Forecast

SECONDS_PER_HOUR: Final = 3600
UNKNOWN: Final = "unknown"


def hours_table(kinds: Sequence[KindHours], devices: Devices) -> Table:
    """One row a kind of stage that occupies a device, and their sum."""
    table = Table(title=f"Hours on {devices}", title_justify="left", show_footer=True)
    table.add_column("stages", "all")
    table.add_column("left", f"{sum(kind.left for kind in kinds):,}", justify="right")
    table.add_column("GPUs of each", justify="right")
    table.add_column("GPU hours", _sum([kind.device_seconds for kind in kinds]), justify="right")
    table.add_column("hours", _sum([kind.seconds for kind in kinds]), justify="right")
    table.add_column("rests on", overflow="fold")
    for kind in kinds:
        hours = _hours(kind.seconds)
        if kind.device_seconds and kind.devices > devices.number:
            hours = f"needs {kind.devices:,} GPUs"
        table.add_row(
            kind.kind, f"{kind.left:,}", f"{kind.devices:,}", _hours(kind.device_seconds), hours, _basis(kind)
        )
    return table


def hours_text(kinds: Sequence[KindHours]) -> str:
    """Hours of all kinds of stage together."""
    return _sum([kind.seconds for kind in kinds])


def hours_lines(forecast: Forecast) -> Iterator[str]:
    """What the hours assume."""
    if forecast.devices is None:
        return
    device = forecast.devices.device
    yield (
        f"Hours: {FLOPS_SHARE[0]:.0%} to {FLOPS_SHARE[1]:.0%} of {device.bf16_flops / 1e12:,.0f} TFLOPS in "
        f"bfloat16 and {BYTES_SHARE[0]:.0%} to {BYTES_SHARE[1]:.0%} of "
        f"{device.bytes_per_second / 1e12:.3g} TB/s ({device.source}); sequences and answers "
        f"{LENGTH_SHARE[0]:.0%} to {LENGTH_SHARE[1]:.0%} as long as their limits. Not counted: starting the "
        "engine, reading prompts, grading."
    )
    if any(kind.unknown for kind in forecast.hours if kind.kind == "evaluate_general"):
        yield "How long lm-eval's tasks take is known once one was measured: they alone know their questions."


def _basis(kind: KindHours) -> str:
    formula = kind.left - kind.unknown - kind.measured
    parts = [("measured", kind.measured), ("formula", formula), (UNKNOWN, kind.unknown)]
    told = [(text, number) for text, number in parts if number]
    return told[0][0] if len(told) == 1 else ", ".join(f"{text} ({number:,})" for text, number in told)


def _sum(spans: Sequence[Range | None]) -> str:
    known = [span for span in spans if span is not None]
    if not known:
        return UNKNOWN
    text = _hours(Range(sum(span.low for span in known), sum(span.high for span in known)))
    return text if len(known) == len(spans) else f"> {text}"


def _hours(span: Range | None) -> str:
    if span is None:
        return UNKNOWN
    low, high = (_rounded(seconds / SECONDS_PER_HOUR) for seconds in (span.low, span.high))
    return low if low == high else f"{low} to {high}"


def _rounded(hours: float) -> str:
    """Two digits of what is above a tenth."""
    if hours < 0.1:
        return "< 0.1"
    return f"{hours:,.0f}" if hours >= 9.95 else f"{hours:.1f}"
