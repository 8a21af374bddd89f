"""Every table of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lorr_bench.report.cells import DAGGER, NONE, TITLES
from lorr_bench.report.contents import Contents, Scores
from lorr_bench.report.contrast_sheet import declared_sheet, other_sheet
from lorr_bench.report.literature import CAUTION
from lorr_bench.report.rows import CONDUCT_TITLES, ProtocolRow
from lorr_bench.report.sheets import Cell, Column, Sheet
from lorr_bench.report.tables import QUANTITIES
from lorr_bench.report.views import DIAGNOSTICS, ComparisonView, MethodsView, ScoreCell

ARM = Column("arm", "arm")
BENCHMARK = Column("benchmark", "text", choice=True)
MODEL = (ARM, Column("pairs", choice=True), Column("seeds"))
"""Columns that say which models a row rests on."""


def all_sheets(contents: Contents) -> tuple[Sheet, ...]:
    """Every table that the results have rows for, and empty ones for the others."""
    return (
        declared_sheet(contents.tables.contrasts),
        *_score_sheets("comparison", "Comparison", contents.math, contents),
        *_score_sheets("general", "General reasoning", contents.general, contents),
        other_sheet(contents.results, contents.tables.contrasts),
        _efficiency(contents),
        _aggregates(contents),
        _secondary(contents),
        _conduct(contents),
        _ledger(contents),
        _diagnostics(contents),
        _published(contents),
        _overlaps(contents),
        _protocol(contents.protocols),
        _shared_settings(contents.protocols),
    )


def _score_sheets(name: str, label: str, scores: Scores, contents: Contents) -> Iterator[Sheet]:
    methods = _methods(f"{name}-methods", f"{label} of the methods", scores.methods, contents.caption)
    yield methods
    yield _arms(f"{name}-arms", scores.arms, contents.caption, main=not methods.rows)


def _arms(name: str, view: ComparisonView, caption: str, *, main: bool) -> Sheet:
    columns = [*MODEL]
    for measure in view.measures:
        columns += [Column("score", group=measure), Column("Δ", group=measure)]
    rows = [
        (*_row(row.arm, row.budget, row.seeds), *_score_cells(row.cells))
        for group in view.groups
        for row in group
    ]
    return Sheet(
        name, "Every arm at every budget", caption, tuple(columns), tuple(rows), "comparison.csv", main,
        _breaks(view.groups),
    )  # fmt: skip


def _methods(name: str, label: str, view: MethodsView, caption: str) -> Sheet:
    columns = [Column("method", "text")]
    for measure in view.measures:
        for plugin, compared in view.plugins:
            columns.append(Column(plugin, group=measure))
            columns += [Column("Δ", group=measure)] if compared else []
    rows = [
        (Cell(row.method), *(cell for cells in row.measures for cell in _plugin_cells(cells, view)))
        for row in view.rows
    ]
    rows = [_start_cells(view), *rows] if rows else []
    text = f"At {view.budget} unique pairs. {caption}"
    return Sheet(name, label, text, tuple(columns), tuple(rows), "methods.csv", True, frozenset({1}))


def _start_cells(view: MethodsView) -> tuple[Cell, ...]:
    """The start model's scores in the column of the first plug-in of each measure."""
    blanks = [Cell("")] * (view.columns - 1)
    return Cell("start model"), *(cell for start in view.starts for cell in (Cell(start), *blanks))


def _plugin_cells(cells: Sequence[ScoreCell], view: MethodsView) -> Iterator[Cell]:
    """Scores without their intervals, for which there is no room, and the differences with theirs."""
    for cell, (_, compared) in zip(cells, view.plugins, strict=True):
        yield Cell(cell.score)
        if compared:
            yield _difference_cell(cell, NONE)


def _score_cells(cells: Sequence[ScoreCell]) -> Iterator[Cell]:
    for cell in cells:
        yield Cell(cell.score, cell.interval)
        yield _difference_cell(cell, "")


def _difference_cell(cell: ScoreCell, none: str) -> Cell:
    """A difference with its interval and a mark where it was declared beforehand."""
    mark = DAGGER if cell.declared and cell.difference else ""
    return Cell((cell.difference or none) + mark, cell.difference_interval, cell.significant)


def _efficiency(contents: Contents) -> Sheet:
    columns = (
        ARM, Column("baseline", "text"), Column("measure", "text", choice=True), Column("data needed"),
        Column("area under the curve"), Column("note", "text"),
    )  # fmt: skip
    rows = [
        (*_row(row.arm, row.baseline, row.measure), Cell(row.ratio, row.interval), *_row(row.area, row.note))
        for row in contents.efficiency
    ]
    caption = (
        "Data needed: what the arm needs for its baseline's final accuracy, as a part of what its baseline "
        "needs for it; in brackets the 95 % interval. Not defined where the baseline is not shown to rise. "
        "Area: mean accuracy in % over the budgets, on a scale of log2 of the data."
    )
    return Sheet("efficiency", "Data efficiency", caption, columns, tuple(rows), "efficiency.csv", main=True)


def _aggregates(contents: Contents) -> Sheet:
    columns = (
        ARM, Column("baseline", "text"), Column("pairs", choice=True), Column("runs"), Column("benchmarks"),
        Column("gain (points)"), Column("improvement (%)"),
    )  # fmt: skip
    rows = [
        (
            *_row(row.arm, row.baseline, row.budget, row.runs, row.tasks),
            Cell(row.gain, row.gain_interval),
            Cell(row.improvement, row.improvement_interval),
        )
        for row in contents.aggregates
    ]
    caption = (
        "Gain: mean over runs minus that of the baseline on each benchmark, then the mean of the middle half "
        f"of the benchmarks. Improvement: the chance that a run beats one of {contents.baseline} on a "
        "benchmark; 50 is neither. In brackets 95 % intervals over training runs. Not tested."
    )
    label = "Arms over all benchmarks"
    return Sheet("aggregates", label, caption, columns, tuple(rows), "aggregates.csv", main=True)


def _secondary(contents: Contents) -> Sheet:
    columns = (*MODEL, BENCHMARK, Column("metric", "text", choice=True), Column("score"))
    rows = [
        (*_row(row.arm, row.budget, row.seeds, row.benchmark, row.metric), Cell(row.score, row.interval))
        for row in contents.secondary
    ]
    caption = (
        "In %, with 95 % intervals in brackets. Shown beside the tested metrics, never tested themselves."
    )
    return Sheet("secondary", "Metrics of repeated answers", caption, columns, tuple(rows), "secondary.csv")


def _conduct(contents: Contents) -> Sheet:
    columns = (*MODEL, BENCHMARK, *map(Column, CONDUCT_TITLES))
    rows = [_row(row.arm, row.budget, row.seeds, row.benchmark, *row.cells) for row in contents.conduct]
    caption = (
        "All repeats of all problems. Truncated: ended by the token limit. Timeouts count as wrong. Missing: "
        "prompts that do not fit the context."
    )
    label = "Length and completeness of the answers"
    return Sheet("conduct", label, caption, columns, tuple(rows), "conduct.csv")


def _ledger(contents: Contents) -> Sheet:
    columns = (*MODEL, *(Column(TITLES[name]) for name in QUANTITIES))
    rows = [
        (*_row(row.arm, row.budget, row.seeds), *(Cell(*cell) for cell in row.cells))
        for group in contents.spends
        for row in group
    ]
    caption = (
        f"What each arm used, mean of its seeds; ×: ratio to {contents.baseline} at the same budget. "
        "Evaluation is not part of it."
    )
    return Sheet(
        "ledger", "What every arm used", caption, columns, tuple(rows), "ledger.csv",
        breaks=_breaks(contents.spends),
    )  # fmt: skip


def _diagnostics(contents: Contents) -> Sheet:
    headings = (Column(heading) for heading, _ in DIAGNOSTICS.values())
    columns = (ARM, Column("pairs"), Column("seed"), Column("replay", choice=True), *headings)
    rows = [
        _row(view.arm, view.budget, view.seed, f"{number}", *replay)
        for view in contents.diagnostics
        for number, replay in enumerate(view.replays, start=1)
    ]
    caption = (
        "The model at the end of each replay, before its reset: largest budget and first seed of each arm. "
        "Accuracy and margin are of the implicit reward, against the model that training started from. "
        "Everything measured, of all seeds and budgets, is in diagnostics.csv."
    )
    return Sheet(
        "diagnostics", "Every replay of every arm", caption, columns, tuple(rows), "diagnostics.csv",
        breaks=_breaks([view.replays for view in contents.diagnostics]),
    )  # fmt: skip


def _published(contents: Contents) -> Sheet:
    columns = (
        ARM, BENCHMARK, Column("ours"), Column("published"), Column("our gain"), Column("published gain"),
        Column("model", "text", choice=True), Column("protocol", "text"),
        Column("source", "text", choice=True), Column("note", "text"),
    )  # fmt: skip
    rows = [
        _row(row.arm, row.benchmark, row.ours, row.theirs, row.ours_gain, row.theirs_gain,
             row.model, row.protocol, row.source, row.note)
        for row in contents.published
    ]  # fmt: skip
    caption = f"Scores in %, gains over the same source's start model in points. {CAUTION}"
    return Sheet("published", "Published figures beside ours", caption, columns, tuple(rows), "published.csv")


def _overlaps(contents: Contents) -> Sheet:
    columns = (
        Column("benchmark", "text"), Column("training prompts"), Column("problems"), Column("overlapping"),
        Column("share (%)"), Column("examples", "text"),
    )  # fmt: skip
    rows = [
        _row(row.benchmark, row.prompts, row.problems, row.overlapping, row.share, row.examples)
        for row in contents.overlaps
    ]
    caption = (
        "Problems of each benchmark that share a run of words with a training prompt. Common turns of phrase "
        "match too: this is where to look, not a proof."
    )
    return Sheet("overlaps", "Contamination", caption, columns, tuple(rows), "overlaps.csv", main=True)


def _protocol(protocols: Sequence[ProtocolRow]) -> Sheet:
    """The settings in which the benchmarks differ, a row a benchmark."""
    own = [name for name, values in _settings(protocols).items() if len(set(values.values())) > 1]
    columns = (Column("benchmark", "text"), Column("problems"), *(Column(name, "text") for name in own))
    rows = [
        _row(row.benchmark, row.problems, *(dict(row.settings).get(name, "") for name in own))
        for row in protocols
    ]
    differing = ", and the settings in which the benchmarks differ" if own else ""
    caption = f"Problems of each benchmark{differing}."
    return Sheet("protocol", "Protocol of each benchmark", caption, columns, tuple(rows), main=True)


def _shared_settings(protocols: Sequence[ProtocolRow]) -> Sheet:
    """The settings that all benchmarks share, a row a setting."""
    rows = [
        _row(name, next(iter(values.values())))
        for name, values in _settings(protocols).items()
        if len(set(values.values())) == 1
    ]
    columns = (Column("setting", "text"), Column("value", "text"))
    caption = "Settings that are the same for every benchmark."
    return Sheet("shared-settings", "Shared settings", caption, columns, tuple(rows), main=True)


def _settings(protocols: Sequence[ProtocolRow]) -> Mapping[str, Mapping[str, str]]:
    """Value of each setting by benchmark; empty for a benchmark that does not have it."""
    names = dict.fromkeys(name for row in protocols for name, _ in row.settings)
    tables = {row.benchmark: dict(row.settings) for row in protocols}
    return {name: {benchmark: values.get(name, "") for benchmark, values in tables.items()} for name in names}


def _row(*texts: str) -> tuple[Cell, ...]:
    return tuple(map(Cell, texts))


def _breaks(groups: Sequence[Sequence[object]]) -> frozenset[int]:
    """Numbers of the rows that begin a group, the first one left out."""
    sizes = [len(group) for group in groups]
    return frozenset(sum(sizes[:number]) for number in range(1, len(sizes)))
