"""Contents of a report without its figures, which take a second to draw, and answers that mean harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from unittest.mock import patch

from synthetic_results import make_results

from lorr_bench.report.contents import Contents, compute
from lorr_bench.report.figures.drawing import Drawing, blank_figure
from lorr_bench.report.table import Cell
from lorr_bench.values import Results

FIGURES = tuple(
    Drawing(name, f"Title of {name}", f"What {name} shows", blank_figure(0.1))
    for name in ("curves", "forest")
)
HOSTILE = (
    "</script><script>document.title='taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "<svg/onload=document.title='taken'>",
    "{{7*7}} {% raw %} <!-- <script> ]]> &lt;b&gt;",
    "\x00\x07\x1b[31m\r\n\x9f",
    "\u202eright to left\u2066 \u200f",
    "alone \ud800 and \udfff",
    "line\u2028paragraph\u2029end",
    "' onmouseover=alert(1) x='\" onfocus=alert(2) autofocus=\"",
)
VOID = {"meta", "br", "hr", "img", "link", "input"}


def make_contents(results: Results | None = None) -> Contents:
    """Everything computed but the figures, which are two tiny ones."""
    with patch("lorr_bench.report.contents.draw_all", return_value=()):
        return replace(compute(results or make_results()), figures=FIGURES)


def with_rows(contents: Contents, name: str, beginnings: Sequence[tuple[str, ...]]) -> Contents:
    """A table whose rows begin with these texts and go on as its first row does."""
    tables = [
        replace(table, rows=tuple((*map(Cell, texts), *table.rows[0][len(texts) :]) for texts in beginnings))
        if table.name == name
        else table
        for table in contents.tables
    ]
    return replace(contents, tables=tuple(tables))


def hostile_results() -> Results:
    """Every text that a model or a suite can write is hostile; problems are numbered as ``HOSTILE`` is."""
    template = make_results().answers[:4]
    answers = [
        replace(
            answer, benchmark=text, problem_id=f"{number}", prompt=text, gold=text, text=text, extracted=text
        )
        for number, text in enumerate(HOSTILE)
        for answer in template
    ]
    everything = "".join(HOSTILE)
    return make_results(
        suite=everything,
        description=everything,
        suite_text=everything,
        answers=answers,
        versions={everything: everything},
        missing={everything: everything},
        start_model=everything,
        protocol=everything,
    )


class Page(HTMLParser):
    """The elements of a page with their attributes and texts; checks that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.around: list[list[str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))
        if tag not in VOID:
            self.open.append(tag)
            self.around.append(self.elements[-1][2])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.around.pop()

    def handle_data(self, data: str) -> None:
        for texts in self.around:
            texts.append(data)

    def texts(self, tag: str) -> list[str]:
        return ["".join(texts) for name, _, texts in self.elements if name == tag]

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]
