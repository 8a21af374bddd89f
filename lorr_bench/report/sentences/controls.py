"""What the controls say: what each part of the plug-in added, by the arm that lacks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pandas as pd

from lorr_bench.report.contrasts import DECLARED, SECONDARY, contrast_of_row
from lorr_bench.report.formatting import MINUS, percent, points
from lorr_bench.report.sentences.plugin_parts import plugin_settings, taken_out
from lorr_bench.report.sentences.verdicts import NOT_TESTED, outcome, verdict
from lorr_bench.report.study import Study

MAX_CONTROLS: Final = 6


@dataclass(frozen=True)
class Controls:
    """The contrasts that take something out of a plug-in, on the primary measure at the primary budget.

    Attributes:
        study: The results.
        rows: The rows of the frame of contrasts on the primary measure at the primary budget.
    """

    study: Study
    rows: pd.DataFrame

    @cached_property
    def found(self) -> list[tuple[Any, str]]:
        """Each control's row with what it lacks; whole plug-ins before the controls against the baseline."""
        known = self.rows[self.rows["difference"].notna()]
        named = [(row, self._lacks(row)) for row in known.itertuples() if not self._is_whole(row)]
        found = [(row, lacks) for row, lacks in named if lacks or row.role == SECONDARY]
        return sorted(found, key=lambda each: self.study.is_baseline(each[0].reference))

    def is_control(self, row: Any) -> bool:
        """Whether a contrast is told here, and not beside the verdict."""
        return any(contrast_of_row(row) == contrast_of_row(each) for each, _ in self.found)

    def lines(self) -> Iterator[str]:
        """A sentence a control; none where there are more than a reader takes in."""
        if len(self.found) > MAX_CONTROLS:
            yield f"{len(self.found):,} contrasts between arms: they are in the tables of contrasts."
            return
        for row, lacks in self.found:
            yield self._sentence(row, lacks)

    def _is_whole(self, row: Any) -> bool:
        """Whether this is the declared comparison of an arm with its baseline, which the verdict tells."""
        return row.role in DECLARED and self.study.results.baselines.get(row.treatment) == row.reference

    def _lacks(self, row: Any) -> str:
        if self.study.method_of(row.treatment) != self.study.method_of(row.reference):
            return ""
        whole, control = (
            self._settings.get(self.study.plugin_of(arm)) for arm in (row.treatment, row.reference)
        )
        return "" if whole is None or control is None else taken_out(whole, control)

    @cached_property
    def _settings(self) -> dict[str, dict[str, Any]]:
        return plugin_settings(self.study.results.suite_text)

    def _sentence(self, row: Any, lacks: str) -> str:
        told = f"{self._name(row)} {points(row.difference)} {outcome(row)}"
        if row.role == SECONDARY:
            told += " (secondary)"
        return f"{_what_it_did(row, lacks)}: {told}." if lacks else f"{told}."

    def _name(self, row: Any) -> str:
        """Plug-ins alone where all arms have the same method: ``lorr - no_reset``, with a true minus."""
        alone = len(self.study.methods) == 1
        arms = row.treatment, row.reference
        return f" {MINUS} ".join(self.study.plugin_of(arm) if alone else arm for arm in arms)


def _what_it_did(row: Any, lacks: str) -> str:
    """What a part of the plug-in did, no stronger than its test."""
    part = lacks[0].upper() + lacks[1:]
    if row.significant:
        return f"{part} added points here" if row.difference > 0 else f"{part} cost points here"
    if row.equivalent:
        return f"{part} changed less than {percent(row.equivalence_margin)} points here"
    if row.difference <= 0 and verdict(row) != NOT_TESTED:
        return f"{part} added nothing here"
    return f"What {lacks} added"
