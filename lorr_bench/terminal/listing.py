"""Lists of what suites can name, as tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lorr_bench.outside import visible_text
from lorr_bench.terminal.long_table import plain_if_long

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Listing:
    """A list for programs and for people.

    Attributes:
        title: What it is.
        rows: Plain values by key.
        columns: What is shown of a row, by heading.
        right: Headings of the columns that stand right.
        before: Text above the table.
        after: Text below it.
    """

    title: str
    rows: Sequence[Row]
    columns: Mapping[str, Callable[[Any], str]]
    right: Collection[str] = ()
    before: str = ""
    after: str = ""


def listing_view(listing: Listing) -> RenderableType:
    """The list, ready to print."""
    table = Table(title=escape(listing.title), title_justify="left")
    for heading in listing.columns:
        table.add_column(heading, overflow="fold", justify="right" if heading in listing.right else "left")
    for row in listing.rows:
        table.add_row(*(escape(text(row)) for text in listing.columns.values()))
    above, below = ([Text(visible_text(text))] if text else [] for text in (listing.before, listing.after))
    return Group(*above, plain_if_long(table), *below)
