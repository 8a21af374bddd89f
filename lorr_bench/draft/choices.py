"""What a draft chooses for a model and its rows: pairs, lengths, method, evaluation, devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lorr_bench.data.chat_writer import ChatWriter
from lorr_bench.data.fitting import Lengths, fit_pairs, pair_lengths, quantile
from lorr_bench.data.pairs import PairFile, pairs_of_rows
from lorr_bench.draft.held_out import FEWEST, held_out_pairs, rows_held_out
from lorr_bench.draft.model import FoundModel
from lorr_bench.draft.rows import FoundRows
from lorr_bench.draft.training import Fit, Fitting
from lorr_bench.errors import DataError
from lorr_bench.forecast.memory import Machine
from lorr_bench.ports.registry import load_adapter
from lorr_bench.spec.sources import TEMPLATE_DATE, DataType
from lorr_bench.tokens.chat import Chat
from lorr_bench.values import Pair

FEWEST_PAIRS: Final = 20
MOST_PAIRS: Final = 8_000
"""Pairs of the published LoRR."""
USUAL_LENGTH: Final = 1024
"""Up to here nothing is cut: the default of every method."""
LENGTH_STEP: Final = 64
USUAL_PERCENT: Final = 95
"""Percent of the pairs that are not cut where some are longer: at most 5 % are, which no report warns of."""
SHORTEST_CONTEXT: Final = 1024
"""Of an engine that answers problems."""
TINY: Final = 100_000_000
"""Parameters below which the learning rate is that of the embedded model."""
TINY_RATE: Final = 1e-4
ADAPTER_FACTOR: Final = 10
"""A LoRA adapter takes about ten times the rate of all weights, says TRL's documentation."""
BACKEND: Final = "native"


@dataclass(frozen=True)
class Method:
    """A method for a kind of rows.

    Attributes:
        name: As suites call it.
        rate: Learning rate for models of 3B to 8B, the method's default.
        plugin: What it is combined with, beside `plain`.
    """

    name: str
    rate: float
    plugin: str


METHODS: Final[Mapping[DataType, Method]] = MappingProxyType(
    {
        "preference": Method("dpo", 5e-7, "lorr"),
        "unpaired": Method("kto", 5e-7, "lorr"),
        "prompt_completion": Method("sft", 2e-5, "replay_reset"),
    }
)


@dataclass(frozen=True)
class Choices:
    """What a suite will say.

    Attributes:
        method: To train with.
        learning_rate: Of it.
        file: The pairs that are trained on, and what was left out.
        lengths: Of all pairs, those held out too.
        max_length: Of a sequence that is trained on.
        context: Of the engine.
        usable: Pairs that fit.
        pairs: Data budget.
        limit: Rows that training may read; None for all.
        held_out: Pairs to evaluate on; none where the embedded problems are.
        fit: How to train.
    """

    method: Method
    learning_rate: float
    file: PairFile
    lengths: Lengths
    max_length: int
    context: int
    usable: int
    pairs: int
    limit: int | None
    held_out: tuple[Pair, ...]
    fit: Fit


def choose(model: FoundModel, rows: FoundRows, machine: Machine, *, hold_out: bool) -> Choices:
    """Choose what a suite says.

    Args:
        model: The start model.
        rows: Of the set.
        machine: That will train.
        hold_out: Whether pairs may be kept out of training, to evaluate on.

    Raises:
        DataError: There are too few usable pairs.
        ModelError: The rows are conversations, and the model has no chat template.
    """
    method = METHODS[rows.spec.type]
    cut = len(rows.rows) - (rows_held_out(len(rows.rows)) if hold_out and rows.spec.responses == 2 else 0)
    file, rest = _pairs(rows, model, max(0, cut))
    lengths = pair_lengths([*file.pairs, *rest], model.tokenizer)
    max_length = _max_length(lengths, model.context)
    usable = fit_pairs(file.pairs, model.tokenizer, max_length, len(file.pairs)).pairs
    _check_number(rows, file, len(usable), max_length, held_out=len(rows.rows) - cut)
    context = _context(max_length, model.context)
    held_out = held_out_pairs(file.pairs, rest, model.tokenizer, context)
    if len(held_out) < FEWEST and cut < len(rows.rows):
        return choose(model, rows, machine, hold_out=False)
    if not held_out:
        context = _context(max(max_length, SHORTEST_CONTEXT), model.context)
    adapter = load_adapter(f"{BACKEND}.{method.name}")
    pairs = min(len(usable), MOST_PAIRS)
    fit = Fitting(model.size, machine, adapter, max_length=max_length, context=context).fit(pairs)
    return Choices(
        method=method,
        learning_rate=_learning_rate(method, model, fit),
        file=file,
        lengths=lengths,
        max_length=max_length,
        context=context,
        usable=len(usable),
        pairs=pairs,
        limit=cut if rows.more or cut < len(rows.rows) else None,
        held_out=held_out,
        fit=fit,
    )


def _pairs(rows: FoundRows, model: FoundModel, cut: int) -> tuple[PairFile, tuple[Pair, ...]]:
    """The pairs of the rows to train on, and those of the rows behind them."""
    chat = Chat(TEMPLATE_DATE)

    def writer() -> ChatWriter:
        return ChatWriter(model.tokenizer, chat)

    try:
        file = pairs_of_rows(rows.rows[:cut], rows.spec, writer)
    except DataError as error:
        if error.where != rows.spec.source:  # of a row, not of their number
            raise
        raise _too_few(rows, 0, error.what if cut else "all of them would be held out") from error
    rest = rows.rows[cut:]
    try:
        return file, pairs_of_rows(rest, rows.spec, writer).pairs if rest else ()
    except DataError as error:
        if error.where != rows.spec.source:
            raise
        return file, ()


def _check_number(rows: FoundRows, file: PairFile, usable: int, max_length: int, *, held_out: int) -> None:
    """Refuse a set with too few pairs to train on.

    Raises:
        DataError: It is one.
    """
    if usable >= FEWEST_PAIRS:
        return
    reasons = [file.reasons] if file.dropped else []
    reasons += [f"repeated: {file.repeated:,}"] if file.repeated else []
    reasons += [f"held out: {held_out:,}"] if held_out else []
    if longer := len(file.pairs) - usable:
        reasons.append(f"beyond {max_length:,} tokens: {longer:,}")
    raise _too_few(rows, usable, "; ".join(reasons))


def _too_few(rows: FoundRows, usable: int, why: str) -> DataError:
    return DataError(
        f"{usable} usable pairs among {len(rows.rows):,} rows{f' ({why})' if why else ''}, "
        f"too few: {FEWEST_PAIRS} are the least to train on",
        where=rows.spec.source,
        fix="Give a set with more pairs; a few hundred begin to tell something.",
    )


def _max_length(lengths: Lengths, context: int | None) -> int:
    longest = lengths.longer[-1]
    wanted = longest if longest <= USUAL_LENGTH else quantile(lengths.longer, USUAL_PERCENT)
    rounded = -(-wanted // LENGTH_STEP) * LENGTH_STEP
    return min(rounded, context) if context else rounded


def _context(tokens: int, context: int | None) -> int:
    """Tokens of the engine's longest sequence: it scores a sequence with one more."""
    return min(tokens + LENGTH_STEP, context) if context else tokens + LENGTH_STEP


def _learning_rate(method: Method, model: FoundModel, fit: Fit) -> float:
    if model.size is not None and model.size.parameters < TINY:
        return TINY_RATE
    return method.rate * ADAPTER_FACTOR if fit.training.lora else method.rate
