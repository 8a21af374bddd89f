"""The arms of a suite as figures show them: how each looks, and which are drawn where there are too many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from matplotlib.lines import Line2D

from lorr_bench.report.figures.drawing import COLOURS, DASHES, MARK, MARKERS, legend_label, start_handle
from lorr_bench.report.formatting import MINUS
from lorr_bench.report.study import Study
from lorr_bench.values import Contrast, at_budget


@dataclass(frozen=True, slots=True)
class Selection:
    """The arms that a figure draws.

    Attributes:
        by_method: The arms of each method, in the order of the suite.
        arms: All of them, in the order of the suite.
        note: How many of how many, and which; empty where none is left out.
    """

    by_method: Mapping[str, Sequence[str]]
    arms: tuple[str, ...]
    note: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods of these arms."""
        return tuple(self.by_method)


@dataclass(frozen=True)
class ArmStyles:
    """The arms of a suite: an arm looks as its plug-in does, with every method and in every figure."""

    study: Study

    @property
    def several(self) -> bool:
        """Whether there are several methods."""
        return len(self.study.methods) > 1

    def style(self, arm: str) -> dict[str, Any]:
        """Colour, marker and dash of an arm."""
        return self._styles[self.study.plugin_of(arm)]

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
            labels.setdefault(self.study.plugin_of(arm) if self.several else arm, arm)
        return labels

    def contrast_name(self, contrast: Contrast, *, alone: bool = False) -> str:
        """``lorr - plain``, with a true minus: of arms their plug-ins where all have the same method.

        Of several methods ``dpo+lorr - plain`` where both arms are of one.

        Args:
            contrast: What is named, with its budgets where it has some.
            alone: Whether the treatment says it all.
        """
        plugin_of, method_of = self.study.plugin_of, self.study.method_of
        treatment = contrast.treatment if self.several else plugin_of(contrast.treatment)
        first = at_budget(treatment, contrast.treatment_pairs)
        if alone:
            return first
        of_one = method_of(contrast.treatment) == method_of(contrast.reference)
        reference = plugin_of(contrast.reference) if of_one else contrast.reference
        return f"{first} {MINUS} {at_budget(reference, contrast.reference_pairs)}"

    def first(self, max_methods: int, max_plugins: int, arms: Sequence[str] | None = None) -> Selection:
        """The arms of the first methods with the first plug-ins, in the order of the suite.

        Where there are too many plug-ins, those of baselines come first, then those of what was declared.

        Args:
            max_methods: How many methods can be drawn.
            max_plugins: How many plug-ins can be told apart.
            arms: Which arms there is something to draw of; all of the suite unless told.

        Returns:
            The selection.
        """
        method_of, plugin_of = self.study.method_of, self.study.plugin_of
        candidates = tuple(self.study.results.arms) if arms is None else tuple(arms)
        methods = list(dict.fromkeys(map(method_of, candidates)))
        kept = set(methods[:max_methods])
        present = {plugin_of(arm) for arm in candidates if method_of(arm) in kept}
        plugins = [plugin for plugin in self.study.plugins if plugin in present]
        tested_first = sorted(plugins, key=lambda plugin: plugin not in self._tested_plugins)
        drawn = set(tested_first[:max_plugins])
        selected = tuple(arm for arm in candidates if method_of(arm) in kept and plugin_of(arm) in drawn)
        limits = [f"{max_methods} methods"] if len(methods) > max_methods else []
        if len(plugins) > max_plugins:
            moved = drawn != set(plugins[:max_plugins])
            limits.append(f"{max_plugins} plug-ins{', what is tested before the rest' if moved else ''}")
        by_method: dict[str, list[str]] = {}
        for arm in selected:
            by_method.setdefault(method_of(arm), []).append(arm)
        return Selection(by_method, selected, _note(len(selected), len(candidates), limits))

    @cached_property
    def _tested_plugins(self) -> frozenset[str]:
        """The plug-ins of baselines and of what was declared beforehand."""
        study = self.study
        declared = {arm for found in study.analysis.primary for arm in (found.treatment, found.reference)}
        arms = (arm for arm in study.results.arms if arm in declared or study.is_baseline(arm))
        return frozenset(map(study.plugin_of, arms))

    @cached_property
    def _styles(self) -> Mapping[str, dict[str, Any]]:
        return {
            plugin: {
                "color": COLOURS[number % len(COLOURS)],
                "marker": MARKERS[number % len(MARKERS)],
                "linestyle": DASHES[number % len(DASHES)],
            }
            for number, plugin in enumerate(self.study.plugins)
        }


def _note(selected: int, total: int, limits: Sequence[str]) -> str:
    if selected == total:
        return ""
    return f"Drawn: {selected:,} of {total:,} arms, those of the suite's first {' and first '.join(limits)}."
