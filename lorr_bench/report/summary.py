"""The report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lorr_bench.report.cells import NONE, TITLES, markdown_text
from lorr_bench.report.contents import Contents, Scores
from lorr_bench.report.tables import QUANTITIES
from lorr_bench.report.views import ComparisonView, MethodsView, ScoreCell


def markdown_report(contents: Contents) -> str:
    """The report as GitHub-flavoured Markdown, the figure beside it as ``figure.png``."""
    return "\n\n".join(part for part in _parts(contents) if part) + "\n"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """A pipe table; the first ``texts`` columns are left-aligned, the others right.

    Cells are Markdown already: texts must have passed ``markdown_text``.
    """
    rule = [":--" if number < texts else "--:" for number in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _parts(contents: Contents) -> Iterator[str]:
    results = contents.results
    yield f"# {markdown_text(results.suite)}"
    yield _missing(contents)
    yield markdown_text(results.description)
    yield f"**{markdown_text(contents.headlines[0])}**"
    yield "\n".join(f"- {markdown_text(line)}" for line in contents.headlines[1:])
    yield f"Compared: {markdown_text(contents.compared)}"
    yield markdown_text(contents.caution)
    yield f"![{contents.picture.title}](figure.png)"
    yield from _scores("Comparison", contents.math, contents)
    yield f"## Budget\n\n{markdown_text(contents.held_equal)}"
    yield _ledger(contents)
    yield from _scores("General reasoning", contents.general, contents)
    yield _times(contents)
    yield _versions(contents)
    yield f"## Suite\n\n{_fenced(results.suite_text, 'yaml')}"


def _missing(contents: Contents) -> str:
    missing = contents.results.missing
    if not missing:
        return ""
    rows = [[markdown_text(stage), markdown_text(reason)] for stage, reason in missing.items()]
    table = markdown_table(["stage", "reason"], rows, texts=2)
    return f"**Incomplete: {len(missing)} missing.** The figures below leave these out.\n\n{table}"


def _scores(title: str, scores: Scores, contents: Contents) -> Iterator[str]:
    """The arms; with several methods a row a method, and the arms in their CSV file alone."""
    if not scores.arms.groups:
        return
    yield f"## {title}"
    if not scores.methods.rows:
        yield _arms_table(scores.arms)
        yield markdown_text(contents.caption)
        return
    yield _methods_table(scores.methods)
    yield markdown_text(f"At {scores.methods.budget} unique pairs. {contents.caption}")
    yield "Every arm at every budget, with the intervals of the scores: [comparison.csv](comparison.csv)."


def _arms_table(view: ComparisonView) -> str:
    head = ["pairs", "arm", "seeds"]
    for measure in view.measures:
        head += [markdown_text(measure), "Δ"]
    rows = [
        [
            row.budget,
            markdown_text(row.arm),
            row.seeds,
            *(text for cell in row.cells for text in _score_texts(cell)),
        ]
        for group in view.groups
        for row in group
    ]
    return markdown_table(head, rows, texts=2)


def _methods_table(view: MethodsView) -> str:
    head = ["method"]
    for measure in view.measures:
        for number, (plugin, compared) in enumerate(view.plugins):
            heading = plugin if number else f"{measure}: {plugin}"
            head += [markdown_text(heading), *(["Δ"] if compared else [])]
    rows = [["start model", *_start_texts(view)]]
    for row in view.rows:
        texts = [markdown_text(row.method)]
        for cells in row.measures:
            for cell, (_, compared) in zip(cells, view.plugins, strict=True):
                score, difference = _score_texts(replace(cell, interval=""))
                texts += [score, difference or NONE] if compared else [score]
        rows.append(texts)
    return markdown_table(head, rows)


def _start_texts(view: MethodsView) -> Iterator[str]:
    """The start model's scores in the column of the first plug-in of each measure."""
    for start in view.starts:
        for number, (_, compared) in enumerate(view.plugins):
            yield start if number == 0 else ""
            yield from [""] if compared else []


def _score_texts(cell: ScoreCell) -> tuple[str, str]:
    difference = f"**{cell.difference}**" if cell.significant else cell.difference
    texts = (f"{cell.score} {cell.interval}", f"{difference} {cell.difference_interval}")
    first, second = (text.strip().replace("[", "\\[").replace("]", "\\]") for text in texts)
    return first, second


def _ledger(contents: Contents) -> str:
    if not contents.spends:
        return ""
    rows = [
        [
            row.budget,
            markdown_text(row.arm),
            row.seeds,
            *(" · ".join(filter(None, cell)) for cell in row.cells),
        ]
        for group in contents.spends
        for row in group
    ]
    table = markdown_table(["pairs", "arm", "seeds", *(TITLES[name] for name in QUANTITIES)], rows, texts=2)
    baseline = markdown_text(contents.baseline)
    return f"{table}\n\nMean of the seeds; ×: ratio to {baseline} at the same budget."


def _times(contents: Contents) -> str:
    if not contents.times:
        return ""
    rows = [
        [
            markdown_text(row.kind),
            markdown_text(row.part),
            row.stages,
            row.seconds,
            f"{100 * row.share:.1f} %",
        ]
        for row in contents.times
    ]
    return f"## Seconds\n\n{markdown_table(['stage', 'part', 'stages', 'seconds', 'share'], rows, texts=2)}"


def _versions(contents: Contents) -> str:
    rows = [[markdown_text(name), markdown_text(value)] for name, value in contents.results.versions.items()]
    return f"## Versions\n\n{markdown_table(['name', 'version'], rows, texts=2)}" if rows else ""


def _fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
