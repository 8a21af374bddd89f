"""What a reader sees first: which arm won, from how much data, at what cost, and what the controls say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lorr_bench.report.contrasts import PRIMARY, SEQUENCE, contrast_of_row
from lorr_bench.report.formatting import START_MODEL, percent
from lorr_bench.report.frames import Frames, rows_of
from lorr_bench.report.sentences.controls import Controls
from lorr_bench.report.sentences.cost import Model, cost_line
from lorr_bench.report.sentences.data_needed import data_needed_lines
from lorr_bench.report.sentences.learned import nothing_learned
from lorr_bench.report.sentences.verdicts import (
    MAX_SENTENCES,
    best_arm,
    contrast_of,
    counts,
    declared_sentence,
    group_lines,
    not_evaluated,
    plain_headline,
    sides,
    smaller_budgets,
    won_sentence,
)
from lorr_bench.report.study import Study
from lorr_bench.values import START, Measure


@dataclass(frozen=True, slots=True)
class Answer:
    """A question of the first screen, and the sentences that answer it."""

    question: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FirstScreen:
    """The first screen.

    Attributes:
        headline: The verdict on what was declared beforehand, the best arm first.
        answers: What else was declared, data needed, cost, controls, and changes of what was declared.
    """

    headline: str
    answers: tuple[Answer, ...] = ()


def first_screen(study: Study, frames: Frames) -> FirstScreen:
    """The verdict, and what a reader asks next; every number from the frames that the tables show.

    What is told was fixed before the numbers were seen: the primary contrasts. Only which of their arms is
    named first depends on the scores. Where a difference was not shown, it is said how large a one would have
    been: that none was found does not say that there is none.

    Args:
        study: The results.
        frames: Their frames.

    Returns:
        A headline, always; answers as far as there are results.
    """
    measure = study.primary_measure
    changes = Answer("Changed", study.analysis.changes)
    if measure is None:
        return FirstScreen(not_evaluated(study), tuple(_with_lines([changes])))
    rows = rows_of(frames.contrasts, measure)
    primary = rows[(rows["role"] == PRIMARY) & rows["difference"].notna()]
    if primary.empty:
        headline = plain_headline(rows_of(frames.comparison, measure), study)
        return FirstScreen(headline, tuple(_with_lines([changes])))
    return _Screen(study, frames, measure, rows, primary).composed(changes)


@dataclass(frozen=True)
class _Screen:
    """A first screen of results with a primary contrast.

    Attributes:
        study: The results.
        frames: Their frames.
        measure: The primary one.
        rows: The contrasts on it.
        primary: The primary ones of these.
    """

    study: Study
    frames: Frames
    measure: Measure
    rows: pd.DataFrame
    primary: pd.DataFrame

    @property
    def budget(self) -> int:
        """Of the primary contrasts that name none."""
        return self.study.primary_budget

    @property
    def scores(self) -> pd.DataFrame:
        """The scores of the primary measure at the primary budget, and the start model's."""
        rows = rows_of(self.frames.comparison, self.measure)
        return rows[(rows["unique_pairs"] == self.budget) | (rows["arm"] == START.arm)]

    def composed(self, changes: Answer) -> FirstScreen:
        """The headline and the answers that have something to say."""
        arms = {side for row in self.primary.itertuples() for side in sides(row)}
        main = contrast_of(self.primary, best_arm(self.primary), self.study)
        at_once = self.rows["unique_pairs"] == self.rows["reference_pairs"]
        controls = Controls(self.study, self.rows[at_once & (self.rows["unique_pairs"] == self.budget)])
        won = won_sentence(main, len(arms), self._beside_them(main, arms))
        unlearned = nothing_learned(self.scores, self.frames.diagnostics)
        answers = [
            Answer("Declared", (*([won] if unlearned else []), *self._declared(main, controls))),
            Answer("Data needed", tuple(data_needed_lines(self._efficiency, self._treatments(main)))),
            Answer("Cost", tuple(self._costs(main))),
            Answer("Controls", tuple(controls.lines())),
            changes,
        ]
        return FirstScreen(unlearned or won, tuple(_with_lines(answers)))

    def _beside_them(self, main: Any, arms: Collection[str]) -> dict[str, float]:
        """Scores of the arms in no primary contrast, at the budget of the headline; of one budget alone."""
        if main.named_budgets:
            return {}
        others = self.scores[~self.scores["arm"].isin({*arms, START.arm})]
        return dict(zip(others["arm"], others["mean"], strict=True))

    @property
    def _efficiency(self) -> pd.DataFrame:
        return rows_of(self.frames.efficiency, self.measure)

    def _declared(self, main: Any, controls: Controls) -> Iterator[str]:
        """What the headline rests on, the other declared contrasts, and smaller budgets."""
        if len(self.primary) > MAX_SENTENCES:
            yield from group_lines(self.study, self.primary)
            return
        start = self.scores[self.scores["arm"] == START.arm]["mean"]
        known = [f"the {START_MODEL} scores {percent(float(start.iloc[0]))} %"] if len(start) else []
        yield f"{'; '.join([f'Over {counts(main)}', *known])}."
        for row in self.primary.itertuples():
            if contrast_of_row(row) != contrast_of_row(main) and not controls.is_control(row):
                yield declared_sentence(row)
        yield from smaller_budgets(self.primary, self.rows[self.rows["role"] == SEQUENCE])

    def _treatments(self, main: Any) -> list[str]:
        """The arm of the headline that has a baseline; with few contrasts those of the others too."""
        others: list[str] = list(self.primary["treatment"]) if len(self.primary) <= MAX_SENTENCES else []
        return list(dict.fromkeys([main.treatment, *others]))

    def _costs(self, main: Any) -> Iterator[str]:
        """What training took, of each arm that is told of."""
        rows: list[Any] = list(self.primary.itertuples()) if len(self.primary) <= MAX_SENTENCES else []
        told = dict.fromkeys(self._beside(row, main) for row in (main, *rows))
        for treatment, reference in told:
            yield cost_line(self.frames.ledger, treatment, reference)

    def _beside(self, row: Any, main: Any) -> tuple[Model, Model]:
        """Two models whose costs are told: an arm and its baseline, or the two of a contrast with budgets."""
        if row.named_budgets:
            return Model(row.treatment, row.unique_pairs, named=True), Model(
                row.reference, row.reference_pairs, named=True
            )
        baseline = self.study.results.baselines.get(row.treatment, main.reference)
        return Model(row.treatment, self.budget), Model(baseline, self.budget)


def _with_lines(answers: list[Answer]) -> Iterator[Answer]:
    return (answer for answer in answers if answer.lines)
