"""Diagnostics over replays: small multiples, a line an arm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lorr_bench.report.figures.arm_styles import ArmStyles, Selection
from lorr_bench.report.figures.canvas.panels import Grid, Heading, lay_out, name_axes
from lorr_bench.report.figures.canvas.scales import Scale, keep_to_shares
from lorr_bench.report.figures.canvas.text_fit import number_text
from lorr_bench.report.figures.drawing import MARK, STYLE, Drawing, Header, dress
from lorr_bench.report.formatting import counted, listed

MAX_METHODS, MAX_PLUGINS = 30, 8
EDGE = 0.08
"""Between points and the ends of an axis, as a part of its range."""
SHARE = 100
"""The factor of what is drawn in per cent."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One diagnostic as it is drawn.

    Attributes:
        name: In the frame of diagnostics.
        heading: Of its panel.
        factor: 100 for shares, which are drawn in per cent.
        scale: Panels with the same one have the same vertical axis.
    """

    name: str
    heading: Heading
    factor: float = 1.0
    scale: str = ""


DIAGNOSTICS = (
    Diagnostic("train_accuracy", Heading("Accuracy, training", "pairs told apart (%)"), 100, "accuracy"),
    Diagnostic("held_out_accuracy", Heading("Accuracy, held out", "pairs told apart (%)"), 100, "accuracy"),
    Diagnostic("kl_to_start", Heading("KL to the start", "nats per token")),
    Diagnostic("train_margin", Heading("Margin, training", "nats"), 1, "margin"),
    Diagnostic("held_out_margin", Heading("Margin, held out", "nats"), 1, "margin"),
    Diagnostic("effective_rank", Heading("Effective rank", "last hidden state")),
    Diagnostic("logp_chosen", Heading("Log-prob. of chosen", "nats per response"), 1, "logp"),
    Diagnostic("logp_rejected", Heading("Log-prob. of rejected", "nats per response"), 1, "logp"),
    Diagnostic("dormant_share", Heading("Dormant MLP units", "%"), 100),
)
"""In the order of the panels: what should be compared stands side by side."""
COUNTS = {"train_pairs": "training pair", "held_out_pairs": "held-out pair"}
"""How many pairs diagnostics look at, by their name, and what one of them is called."""


@dataclass(frozen=True)
class Replays:
    """The figure before it is drawn.

    Attributes:
        arm_styles: The arms.
        frame: The frame of diagnostics.
    """

    arm_styles: ArmStyles
    frame: pd.DataFrame

    @cached_property
    def budget(self) -> int:
        """The largest budget at which any of the diagnostics is known; 0 where none is."""
        known = self._known
        return int(known["unique_pairs"].max()) if len(known) else 0

    @cached_property
    def selection(self) -> Selection:
        """The arms that have diagnostics at this budget."""
        present = set(self._at_budget["arm"])
        arms = [arm for arm in self.arm_styles.study.results.arms if arm in present]
        return self.arm_styles.first(MAX_METHODS, MAX_PLUGINS, arms)

    @cached_property
    def means(self) -> pd.DataFrame:
        """Mean, lowest and highest of the seeds: a row a diagnostic, arm and replay."""
        groups = self._selected.groupby(["name", "arm", "replay"], sort=True)["value"]
        return groups.agg(["mean", "min", "max"]).reset_index()

    @property
    def seeds(self) -> list[int]:
        """On how many seeds the line of each arm rests."""
        counts: list[int] = self._selected.groupby("arm")["seed"].nunique().tolist()
        return counts

    @property
    def pairs(self) -> str:
        """``On 16 training pairs and 16 held-out pairs``: empty where none was recorded."""
        drawn = self._of_arms(self.frame[self.frame["unique_pairs"] == self.budget])
        counts = (counted(drawn.loc[drawn["name"] == name, "value"], noun) for name, noun in COUNTS.items())
        known = list(filter(None, counts))
        return f"On {listed(known)}" if known else ""

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Those that are known."""
        names = set(self.means["name"])
        return [diagnostic for diagnostic in DIAGNOSTICS if diagnostic.name in names]

    def heading(self, diagnostic: Diagnostic) -> Heading:
        """Of its panel: with the power of ten that very small and very large values are drawn in."""
        power = self.power(diagnostic)
        detail = (
            f"{number_text(10.0**power)} {diagnostic.heading.detail}" if power else diagnostic.heading.detail
        )
        return Heading(diagnostic.heading.title, detail)

    def power(self, diagnostic: Diagnostic) -> int:
        """The power of ten of the unit: 0 for values of ordinary size; one for all panels of a scale."""
        alike = {diagnostic.name} | {
            found.name for found in DIAGNOSTICS if found.scale and found.scale == diagnostic.scale
        }
        values = self.means.loc[self.means["name"].isin(alike), ["min", "max"]].abs()
        largest = diagnostic.factor * float(values.to_numpy().max())
        return 0 if largest == 0 or 0.01 <= largest < 1e5 else math.floor(math.log10(largest))

    def panel(self, diagnostic: Diagnostic) -> pd.DataFrame:
        """The means of a diagnostic as they are drawn; arms stand side by side in the order of the suite."""
        factor = diagnostic.factor / 10.0 ** self.power(diagnostic)
        own = self.means[self.means["name"] == diagnostic.name]
        place = {arm: number for number, arm in enumerate(self.selection.arms)}
        own = own.sort_values("arm", key=lambda arms: arms.map(place), kind="stable")
        places = own["replay"] if self.arm_styles.several else self.scale.side_by_side([*own["replay"]])
        return own.assign(place=places, **{name: factor * own[name] for name in ("mean", "min", "max")})

    @property
    def scale(self) -> Scale:
        """The horizontal axis: replays from the first to the last."""
        return Scale.over([1.0, float(self.means["replay"].max())], log=False)

    @property
    def _known(self) -> pd.DataFrame:
        names = [diagnostic.name for diagnostic in DIAGNOSTICS]
        return self.frame[self.frame["name"].isin(names) & self.frame["value"].notna()]

    @cached_property
    def _at_budget(self) -> pd.DataFrame:
        known = self._known
        return known[known["unique_pairs"] == self.budget]

    @property
    def _selected(self) -> pd.DataFrame:
        return self._of_arms(self._at_budget)

    def _of_arms(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["arm"].isin(self.selection.arms)]


def draw_replays(replays: Replays) -> Drawing | None:
    """Draws what was measured at the end of each replay.

    Args:
        replays: What to draw.

    Returns:
        The drawing; None where no arm was measured at two replays or more.
    """
    if not replays.budget or replays.means["replay"].max() < 2:
        return None
    names = ", ".join(diagnostic.heading.title.lower() for diagnostic in replays.diagnostics)
    return Drawing(
        name="diagnostics",
        title=_title(replays),
        description=f"Lines over replays, one panel each: {names}",
        figure=_draw(replays),
    )


def _title(replays: Replays) -> str:
    return f"Diagnostics over replays at {replays.budget:,} unique pairs"


def _draw(replays: Replays) -> Figure:
    diagnostics = replays.diagnostics
    grid = Grid.for_panels(len(diagnostics))
    header = Header(
        _title(replays),
        tuple(_notes(replays)),
        tuple(replays.arm_styles.handles(replays.selection.arms, start=False, linewidth=1.6)),
    )
    with mpl.rc_context(STYLE):
        figure, axes = lay_out([replays.heading(diagnostic) for diagnostic in diagnostics], grid, header)
        for axis, diagnostic in zip(axes, diagnostics, strict=True):
            _draw_panel(axis, replays, diagnostic)
        _share_scales(axes, diagnostics)
        name_axes(axes, grid.columns, x="replay", y="")
    return figure


def _draw_panel(axis: Axes, replays: Replays, diagnostic: Diagnostic) -> None:
    dress(axis, "y")
    lines = replays.panel(diagnostic)
    for arm in replays.selection.arms:
        _draw_arm(axis, replays, lines[lines["arm"] == arm], arm)
    if replays.arm_styles.several:
        _draw_medians(axis, replays, lines)
    axis.set_xlim(*replays.scale.limits)
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axis.yaxis.set_major_locator(MaxNLocator(5))


def _draw_arm(axis: Axes, replays: Replays, line: pd.DataFrame, arm: str) -> None:
    """One arm: with its marks and the range of its seeds, or as one thin line of many."""
    style = replays.arm_styles.style(arm)
    if replays.arm_styles.several:
        axis.plot(line["place"], line["mean"], **{**style, "marker": ""}, linewidth=0.6, alpha=0.4, zorder=2)
        return
    axis.vlines(
        line["place"], line["min"], line["max"], color=style["color"], linewidth=1.1, alpha=0.6, zorder=2
    )
    axis.plot(line["place"], line["mean"], **style, **MARK, linewidth=1.6, zorder=3, clip_on=False)


def _draw_medians(axis: Axes, replays: Replays, lines: pd.DataFrame) -> None:
    """The median over the methods, for each plug-in."""
    by_plugin = lines.assign(plugin=lines["arm"].map(replays.arm_styles.study.plugin_of))
    for plugin, arm in replays.arm_styles.legend(replays.selection.arms).items():
        median = by_plugin[by_plugin["plugin"] == plugin].groupby("replay")["mean"].median()
        axis.plot(
            median.index,
            median,
            **replays.arm_styles.style(arm),
            **MARK,
            linewidth=1.9,
            zorder=3,
            clip_on=False,
        )


def _share_scales(axes: Sequence[Axes], diagnostics: Sequence[Diagnostic]) -> None:
    """The same vertical limits where the same thing is measured."""
    for scale in sorted({diagnostic.scale for diagnostic in diagnostics if diagnostic.scale}):
        alike = [axis for axis, found in zip(axes, diagnostics, strict=True) if found.scale == scale]
        # A point at the end of one panel has as much space as the range of all asks for.
        ends = [(axis.dataLim.y0, axis.dataLim.y1) for axis in alike]
        low, high = min(end for end, _ in ends), max(end for _, end in ends)
        edge = EDGE * ((high - low) or abs(high) or 1.0)
        for axis in alike:
            axis.set_ylim(low - edge, high + edge)
    for axis, diagnostic in zip(axes, diagnostics, strict=True):
        if diagnostic.factor == SHARE:
            keep_to_shares(axis)


def _notes(replays: Replays) -> Iterator[str]:
    """At which budget, on which seeds, and what the marks are."""
    one = max(replays.seeds, default=1) == 1
    over = "one seed" if one else f"mean of {counted(replays.seeds, 'seed')}"
    if replays.arm_styles.several:
        marks = "thin: single methods; thick: their median"
    else:
        marks = "" if one else "bars: lowest and highest seed"
    told = [f"At {replays.budget:,} unique pairs, at the end of each replay", over, marks]
    yield f"{'; '.join(filter(None, told))}."
    if replays.pairs:
        yield f"{replays.pairs} of each training run."
    if replays.selection.note:
        yield replays.selection.note
