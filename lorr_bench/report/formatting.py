"""Numbers and names in words and signs, and what each format must not let through."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence

from lorr_bench.outside import visible_text

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"
"""Stands for a number that is not known."""
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
START_MODEL = "start model"
DAGGER = "\N{DAGGER}"
"""Marks a difference that was declared beforehand."""
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
TITLES = {
    "prompts": "prompts",
    "unique_pairs": "unique pairs",
    "pair_visits": "pair visits",
    "cut_responses": "cut responses",
    "left_out_pairs": "pairs left out",
    "flipped_pairs": "flipped pairs",
    "verifier_calls": "verifier calls",
    "generated_tokens": "generated tokens",
    "train_tokens": "training tokens",
    "optimizer_steps": "updates",
    "flops": "estimated FLOPs",
    "wall_seconds": "training seconds",
    "peak_memory_bytes": "peak memory",
}
"""Names of the quantities of ``Spend`` as a reader sees them."""


def in_hundredths(share: float) -> float:
    """A share times 100, without what summing in another order changes: equal means round to equal digits."""
    return round(100 * share, 9)


def percent(share: float) -> str:
    """A share as per cent with one decimal: 0.613 → ``61.3``."""
    return MISSING if math.isnan(share) else f"{in_hundredths(share):.1f}".replace("-", MINUS)


def with_deviation(share: float, deviation: float) -> str:
    """A share as per cent, with its standard deviation where it has one: ``61.3 ± 1.2``."""
    text = percent(share)
    return text if math.isnan(deviation) or text == MISSING else f"{text} ± {percent(deviation)}"


def points(difference: float) -> str:
    """A difference of shares as signed percentage points: 0.12 → ``+12.0``."""
    if math.isnan(difference):
        return MISSING
    text = f"{in_hundredths(difference):+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", MINUS)


def interval(low: str, high: str) -> str:
    """Two formatted ends as an interval; nothing where there is none."""
    return "" if MISSING in (low, high) else f"[{low}, {high}]"


def p_value(value: float) -> str:
    """A p-value with two digits or more: ``0.012``, ``< 0.001``."""
    # From 0.0995 on three decimals would print 0.100, a digit more than 0.10 needs.
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.0995 else f"{value:.2f}"


def p_equation(value: float) -> str:
    """A p-value for a sentence: ``p = 0.012``, ``p < 0.001``."""
    return f"p {p_value(value)}" if value < 0.001 else f"p = {p_value(value)}"


def detectable(difference: float) -> str:
    """The smallest difference that a test finds, in points: shares differ by 100 at most."""
    return "over 100" if difference > 1 else percent(difference)


def ratio(value: float) -> str:
    """A ratio with two decimals: ``3.00×``."""
    return MISSING if math.isnan(value) else f"{value:.2f}×"


def quantity(name: str, value: float) -> str:
    """A mean spend in the unit its column names."""
    if math.isnan(value):
        return MISSING
    if name == "flops":
        return f"{value:.2e}"
    if name == "peak_memory_bytes":
        return f"{value / 2**30:.2f} GiB"
    return f"{value:,.1f}" if name == "wall_seconds" else f"{value:,.0f}"


def seconds(value: float) -> str:
    """Wall-clock seconds with one decimal."""
    return MISSING if math.isnan(value) else f"{value:,.1f}"


def decimals(count: int) -> Callable[[float], str]:
    """A form of numbers: so many decimals, with a true minus."""
    return lambda value: MISSING if math.isnan(value) else f"{value:.{count}f}".replace("-", MINUS)


def count_range(counts: Iterable[float]) -> str:
    """One number if all agree, otherwise the smallest and largest; a dash where none is known or above 0."""
    known = sorted({int(count) for count in counts if count > 0})
    if not known:
        return MISSING
    return f"{known[0]:,}" if len(known) == 1 else f"{known[0]:,}{MISSING}{known[-1]:,}"


def counted(counts: Iterable[float], noun: str) -> str:
    """Counts with their noun: ``1 seed``, ``2–3 seeds``; empty where none is known or above 0."""
    text = count_range(counts)
    return "" if text == MISSING else plural(text, noun)


def interval_covers(*, one_seed: bool) -> str:
    """What an interval is over: with one seed it says nothing of another training run."""
    return "problems only, not over training runs" if one_seed else "seeds and problems"


def value_range(low: str, high: str) -> str:
    """One text if both agree, otherwise ``low to high``."""
    return low if low == high else f"{low} to {high}"


def plural(count: str, noun: str) -> str:
    """The noun with its count: ``1 seed``, ``3 seeds``."""
    return f"{count} {noun}" if count == "1" else f"{count} {noun}s"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def first_of(texts: Sequence[str], count: int, *, more: str = "more", between: str = "; ") -> str:
    """The first of these texts, and how many more there are."""
    others = len(texts) - count
    return between.join(texts[:count]) + (f"; and {others} {more}" if others > 0 else "")


def cut(text: str, letters: int) -> str:
    """The beginning of a text that is longer than that, with an ellipsis."""
    return text if len(text) <= letters else f"{text[: letters - 1]}{ELLIPSIS}"


def csv_text(text: str) -> str:
    """Text that a spreadsheet takes for text: an apostrophe shields a leading ``= + - @``, wide or not."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is, on one line, also where a paragraph begins."""
    line = markdown_cell(text)
    return re.sub(r"^([#+=-])|^(\d+)(?=[.)] )", lambda found: f"{found[2] or ''}\\{found[1] or ''}", line)


def markdown_cell(text: str) -> str:
    """Text that Markdown shows as it is inside a table; control characters are made visible."""
    line = visible_text(" ".join(text.split()))
    line = re.sub(r"([\\`*\[\]|~$])|(?<!\w)(_)|(_)(?!\w)", lambda found: f"\\{found.group()}", line)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
