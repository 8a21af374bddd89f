"""What a draft found and chose, in lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lorr_bench.data.fitting import quantile
from lorr_bench.draft.choices import Choices
from lorr_bench.draft.rows import MAX_ROWS
from lorr_bench.draft.suite_text import Draft
from lorr_bench.outside import fit_to_show
from lorr_bench.quantities import size_text
from lorr_bench.spec.sources import COLUMN_PRESETS
from lorr_bench.tokens.special import end_token

PERCENTS: Final = (50, 95, 100)
NAME_WIDTH: Final = 10


def finding_lines(draft: Draft) -> Iterator[str]:
    """What was found of model, rows and devices, and what follows from it."""
    for name, text in _findings(draft):
        yield f"{name:<{NAME_WIDTH}}{fit_to_show(text)}"


def _findings(draft: Draft) -> Iterator[tuple[str, str]]:
    model, rows, chosen = draft.model, draft.rows, draft.choices
    yield "Model", str(model)
    yield "Template", _template_text(draft)
    yield "End", f"{end_token(model.tokenizer)} ends an answer"
    yield "Rows", _rows_text(draft)
    yield "Shape", _shape_text(draft)
    yield "Lengths", f"{', '.join(f'{percent} %' for percent in PERCENTS)} of the pairs have at most:"
    yield "", f"{_quantiles(chosen.lengths.prompts)} tokens in the prompt"
    yield "", f"{_quantiles(chosen.lengths.longer)} tokens in prompt and longer response"
    yield "Device", f"{draft.device}; {_memory_text(chosen)}"
    if chosen.held_out:
        yield "Held out", f"{len(chosen.held_out):,} pairs, one for each prompt that is not trained on"
    elif rows.spec.responses == 2:
        yield "Held out", "nothing: the suite measures word problems that come with the package"


def _template_text(draft: Draft) -> str:
    if not draft.model.has_template:
        return "none: the strings are trained on as they stand"
    return (
        "the rows are written in it" if draft.rows.in_template else "there, and the strings hold it already"
    )


def _rows_text(draft: Draft) -> str:
    rows, file = draft.rows, draft.choices.file
    number = f"the first {MAX_ROWS:,}" if rows.more else f"{len(rows.rows):,}"
    left_out = f"; no pairs: {file.reasons}" if file.dropped else ""
    repeated = f"; {file.repeated:,} repeat one before them" if file.repeated else ""
    return f"{number}, {draft.choices.usable:,} usable to train on{left_out}{repeated}"


def _shape_text(draft: Draft) -> str:
    spec = draft.rows.spec
    kind = "conversations" if draft.rows.conversations else "strings"
    responses = "two responses a row" if spec.responses == 2 else f"one response a row (type: {spec.type})"
    like = f", columns as in {COLUMN_PRESETS[spec.columns].of}" if spec.columns else ""
    return f"{kind}, {responses}{like}"


def _quantiles(lengths: list[int]) -> str:
    return ", ".join(f"{quantile(lengths, percent):,}" for percent in PERCENTS)


def _memory_text(chosen: Choices) -> str:
    fit = chosen.fit
    if fit.peak is None:
        return "the model's size is not known, so neither is whether training fits"
    needed = f"training needs about {size_text(fit.peak)}"
    return needed if fit.fits else f"{needed}, and may not fit: see `lorr-bench plan`"
