"""The arms of a suite as figures show them: how each looks, and which are drawn where there are too many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from lorr_bench.report.arms import method_of, methods, plugin_of, plugins
from lorr_bench.report.cells import NONE, count_range, plural
from lorr_bench.report.figures.drawing import COLOURS, DASHES, MARK, MARKERS, legend_label, start_handle
from lorr_bench.report.measures import Measure, rows_of
from lorr_bench.values import Results


@dataclass(frozen=True, slots=True)
class Selection:
    """The arms that a figure draws, in the order of the suite.

    Attributes:
        arms: The arms.
        note: How many of how many, and which; empty where none is left out.
    """

    arms: tuple[str, ...]
    note: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods of these arms."""
        return tuple(dict.fromkeys(method_of(arm) for arm in self.arms))

    def of_method(self, method: str) -> tuple[str, ...]:
        """The arms of one method."""
        return tuple(arm for arm in self.arms if method_of(arm) == method)


@dataclass(frozen=True)
class ArmStyles:
    """The arms of a suite: an arm looks as its plug-in does, with every method and in every figure."""

    results: Results

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods, in the order of the suite."""
        return methods(self.results)

    @cached_property
    def plugins(self) -> tuple[str, ...]:
        """The plug-ins that any method has, those of baselines first."""
        return plugins(self.results)

    @property
    def several(self) -> bool:
        """Whether there are several methods."""
        return len(self.methods) > 1

    def style(self, arm: str) -> dict[str, Any]:
        """Colour, marker and dash of an arm."""
        return self._styles[plugin_of(arm)]

    def handles(self, arms: Sequence[str], *, start: bool, **look: Any) -> Iterator[Line2D]:
        """Legend entries of these arms, with several methods of their plug-ins; and of the start model."""
        for label, arm in self.legend(arms).items():
            yield Line2D([], [], **{**self.style(arm), **MARK, **look}, label=legend_label(label))
        if start:
            yield start_handle()

    def legend(self, arms: Sequence[str]) -> dict[str, str]:
        """What a legend calls these arms, with the first arm of each name."""
        labels: dict[str, str] = {}
        for arm in arms:
            labels.setdefault(plugin_of(arm) if self.several else arm, arm)
        return labels

    def first(self, max_methods: int, max_plugins: int, arms: Sequence[str] | None = None) -> Selection:
        """The arms of the first methods with the first plug-ins, in the order of the suite.

        Args:
            max_methods: How many methods can be drawn.
            max_plugins: How many plug-ins can be told apart; those of baselines come first.
            arms: Which arms there is something to draw of; all of the suite unless told.

        Returns:
            The selection.
        """
        candidates = self.results.arms if arms is None else tuple(arms)
        names = tuple(dict.fromkeys(method_of(arm) for arm in candidates))
        kept = set(names[:max_methods])
        present = {plugin_of(arm) for arm in candidates if method_of(arm) in kept}
        known = [plugin for plugin in self.plugins if plugin in present]
        drawn = set(known[:max_plugins])
        shown = tuple(arm for arm in candidates if method_of(arm) in kept and plugin_of(arm) in drawn)
        limits = [f"{max_methods} methods"] if len(names) > max_methods else []
        limits += [f"{max_plugins} plug-ins"] if len(known) > max_plugins else []
        return Selection(shown, _note(len(shown), len(candidates), limits))

    @cached_property
    def _styles(self) -> Mapping[str, dict[str, Any]]:
        return {
            plugin: {
                "color": COLOURS[number % len(COLOURS)],
                "marker": MARKERS[number % len(MARKERS)],
                "linestyle": DASHES[number % len(DASHES)],
            }
            for number, plugin in enumerate(self.plugins)
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """What the figures of scores are drawn from.

    Attributes:
        arm_styles: The arms.
        comparison: The comparison table, without rows that have no score.
        measures: The measures that can be drawn; with several methods a single one.
        total: How many there are, those that were left out included.
    """

    arm_styles: ArmStyles
    comparison: pd.DataFrame
    measures: tuple[Measure, ...]
    total: int

    def problems(self, measure: Measure) -> str:
        """``300 problems``; nothing where scores are known as totals only."""
        counts = count_range([int(count) for count in rows_of(self.comparison, measure)["problems"]])
        return "" if counts == NONE else plural(counts, "problem")

    def note(self, drawn: int) -> str:
        """How many measures are drawn of how many; empty where all are."""
        return "" if drawn == self.total else f"Drawn: the first {drawn} of {self.total:,} measures."

    @property
    def results(self) -> Results:
        """The results."""
        return self.arm_styles.results


def _note(shown: int, total: int, limits: Sequence[str]) -> str:
    if shown == total:
        return ""
    return f"Drawn: {shown:,} of {total:,} arms, those of the suite's first {' and first '.join(limits)}."
