"""Which rows a training takes: the first usable pairs, chosen here for all methods and backends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lorr_bench.data.fitting import (
    FittedPairs,
    FittedRows,
    fit_demonstrations,
    fit_pairs,
    fit_prompts,
    named_rows,
)
from lorr_bench.data.label_noise import flipped_ids
from lorr_bench.data.pairs import read_pairs
from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.errors import DataError
from lorr_bench.plan.kinds.reference import Reference
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.stage import Stage
from lorr_bench.ports.trainer import RowKind
from lorr_bench.stages.task import Task
from lorr_bench.stages.training.rows import Collection, training_rows
from lorr_bench.values import Pair, Row

PAIRS_FILE: Final = "pairs.jsonl"


@dataclass(frozen=True)
class Selection:
    """The data of one training.

    Attributes:
        pairs: The pairs of its data budget, in the order of asking, with their right labels.
        rows: The rows of its method that these give, label noise applied.
        rest: Pairs behind the last one of the budget, for the diagnostics.
        held_out: The first usable ones of these whose prompts are not trained on, for a signal.
        collection: Where pairs and rows come from.
        max_length: Where sequences are cut; None for a method that has no such setting.
        fitted: What was met on the way to the last pair.
        own: What was met among rows that are no pairs: right answers, or prompts.
        kind: What the method trains on.
        flipped: Ids of the pairs whose responses are swapped in the rows.
    """

    pairs: Sequence[Pair]
    rows: Sequence[Row]
    rest: Sequence[Pair]
    collection: Collection
    max_length: int | None
    fitted: FittedPairs = field(default_factory=FittedPairs)
    own: FittedRows = field(default_factory=FittedRows)
    kind: RowKind = "pairs"
    flipped: frozenset[str] = frozenset()
    held_out: Sequence[Pair] = ()

    @property
    def cut_responses(self) -> int:
        """Responses of the rows that are cut."""
        fitted = self.fitted
        cut = zip(fitted.pairs, fitted.chosen_cut, fitted.rejected_cut, strict=True)
        of_kind = {
            "pairs": sum(fitted.chosen_cut) + sum(fitted.rejected_cut),
            "labels": sum(fitted.chosen_cut) + sum(fitted.rejected_cut),
            "chosen": sum(other if pair.id in self.flipped else own for pair, own, other in cut),
        }
        return of_kind.get(self.kind, self.own.cut)

    @property
    def spend(self) -> dict[str, float]:
        """Quantities of the ledger."""
        return {
            "cut_responses": self.cut_responses,
            "left_out_pairs": self.fitted.left_out,
            **self._noise,
        }

    @property
    def metrics(self) -> dict[str, int]:
        """What was cut, left out and flipped, for the record of the stage."""
        return {
            "cut_responses": self.cut_responses,
            "long_prompts": len(self.fitted.long_prompts),
            "equal_after_cutting": len(self.fitted.equal),
            "left_out_rows": len(self.own.long_prompts) + self.own.repeated,
            **self._noise,
        }

    @property
    def _noise(self) -> dict[str, int]:
        return {"flipped_pairs": len(self.flipped)} if self.flipped else {}


def select(task: Task[Train | Reference]) -> Selection:
    """The rows of a stage; a method that cuts nothing takes every pair.

    Raises:
        DataError: No pair is usable, or none of the method's own rows.
        ModelError: The model has no tokenizer that loads, or it has no end-of-sequence token.
    """
    pairs = read_pairs(task.inputs["pairs"] / PAIRS_FILE)
    collection = Collection(task.inputs.get("collection", task.inputs["pairs"]))
    kind, budget = task.stage.adapter.rows, task.stage.parameters.unique_pairs
    max_length = task.stage.known_settings.max_length
    if max_length is None:
        flipped = _flipped(task, pairs[:budget])
        rows = training_rows(kind, pairs[:budget], collection, flipped)
        return Selection(pairs[:budget], rows, pairs[budget:], collection, None, kind=kind, flipped=flipped)
    tokenizer = load_tokenizer(task.start_model)
    fitted = fit_pairs(pairs, tokenizer, max_length, budget)
    if not fitted.pairs:
        raise DataError(
            f"none of {len(pairs)} pairs is usable: {'; '.join(reasons(fitted, max_length))}",
            where=task.stage.label,
            fix="Raise max_length in the method's settings.",
        )
    flipped = _flipped(task, fitted.pairs)
    rows = training_rows(kind, fitted.pairs, collection, flipped)
    own = _fit(kind, rows, tokenizer, max_length)
    if not own.rows:
        raise DataError(
            f"none of {len(rows)} rows is usable: their prompts alone reach max_length = {max_length} tokens",
            where=task.stage.label,
            fix="Raise max_length in the method's settings.",
        )
    rest = pairs[fitted.seen :]
    trained = {pair.prompt for pair in fitted.pairs}
    others = (pair for pair in rest if pair.prompt not in trained)
    held_out = fit_pairs(others, tokenizer, max_length, held_out_pairs(task.stage)).pairs
    return Selection(
        fitted.pairs, own.rows, rest, collection, max_length, fitted, own, kind, flipped, held_out
    )


def held_out_pairs(stage: Stage) -> int:
    """How many pairs a stage holds out for a signal."""
    adaptive = stage.parameters.adaptive if isinstance(stage, Train) else None
    return adaptive.held_out_pairs if adaptive is not None else 0


def _flipped(task: Task[Train | Reference], pairs: Sequence[Pair]) -> frozenset[str]:
    noise = task.stage.parameters.label_noise
    return frozenset() if noise is None else flipped_ids(pairs, noise.share, noise.seed)


def _fit(kind: RowKind, rows: Sequence[Any], tokenizer: Any, max_length: int) -> FittedRows:
    """Rows that were not made from pairs alone are held to the same rule."""
    if kind == "right_answers":
        return fit_demonstrations(rows, tokenizer, max_length)
    if kind == "prompts":
        return fit_prompts(rows, tokenizer, max_length)
    return FittedRows(rows=list(rows))


def check_budget(stage: Train, selection: Selection) -> None:
    """Refuse a first round with fewer usable pairs than its budget; a later round's policy may leave fewer.

    Raises:
        DataError: There are fewer.
    """
    budget = stage.parameters.unique_pairs
    if len(selection.pairs) >= budget or stage.parameters.round.number > 1:
        return
    left_out = reasons(selection.fitted, selection.max_length)
    fixes = ["raise max_length in the method's settings"] * bool(left_out)
    fixes += [
        "raise data.collect.num_prompts, with its old number in data.collect.extends, which keeps what is "
        "collected (or raise num_samples)"
        if selection.collection.is_sampled
        else "give a set with more pairs"
    ]
    advice = ", ".join([*fixes, "or lower budget.unique_pairs"])
    raise DataError(
        f"the budget is {budget} pairs, there are {len(selection.pairs)}{_after_all(left_out)}",
        where=stage.label,
        fix=f"{advice[0].upper()}{advice[1:]}.",
    )


def check_held_out(stage: Train, selection: Selection) -> None:
    """Refuse a training whose signal would be measured on fewer pairs than it was asked for.

    Raises:
        DataError: There are fewer beyond the data budget.
    """
    wanted, found = held_out_pairs(stage), len(selection.held_out)
    if found < wanted:
        more = "raise data.collect.num_prompts" if selection.collection.is_sampled else "give more pairs"
        raise DataError(
            f"{wanted} pairs are to be held out, and beyond the budget of {len(selection.pairs)} there are "
            f"{found} usable ones with other prompts",
            where=stage.label,
            fix=f"Lower plugins.*.adaptive.held_out_pairs, or {more}.",
        )


def _after_all(left_out: Sequence[str]) -> str:
    return f"; left out were {' and '.join(left_out)}" if left_out else ""


def reasons(fitted: FittedPairs, max_length: int | None) -> list[str]:
    """Why pairs were left out, with the first rows of each reason and their lengths."""
    told = {
        f"{len(fitted.long_prompts)} whose prompt alone reaches max_length = {max_length} tokens": (
            fitted.long_prompts
        ),
        f"{len(fitted.equal)} whose responses are equal within max_length = {max_length} tokens": (
            fitted.equal
        ),
    }
    return [f"{reason}: {named_rows(rows)}" for reason, rows in told.items() if rows]


def tell_fit(task: Task[Stage], selection: Selection) -> None:
    """Say in the log of the stage what was left out, cut and flipped."""
    for reason in reasons(selection.fitted, selection.max_length):
        task.tell(f"pairs left out: {reason}.")
    if selection.own.long_prompts:
        named = named_rows(selection.own.long_prompts)
        task.tell(f"rows left out, because the prompt alone reaches max_length: {named}.")
    if selection.own.repeated:
        task.tell(f"rows left out, because they repeat one before them: {selection.own.repeated}.")
    if selection.cut_responses:
        task.tell(
            f"{selection.cut_responses} responses are cut at max_length = {selection.max_length} tokens; "
            "they are trained on without an end."
        )
    if selection.flipped:
        task.tell(
            f"{len(selection.flipped)} of {len(selection.pairs)} pairs have their responses swapped: label "
            "noise."
        )
