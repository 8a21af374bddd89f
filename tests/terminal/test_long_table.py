"""Long tables as plain lines: nothing is lost, nothing is out of line."""

import io

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lorr_bench.terminal.long_table import MAX_FRAMED_ROWS, LongTable, plain_if_long


def table(*rows, title="Arms"):
    made = Table(title=title)
    made.add_column("arm")
    made.add_column("pairs", justify="right")
    made.add_column("why")
    for row in rows:
        made.add_row(*row)
    return made


def printed(renderable, width=80):
    out = io.StringIO()
    Console(file=out, width=width).print(renderable)
    return out.getvalue().splitlines()


def test_a_short_table_stays_what_it_is():
    short = table(*[("a", "1", "")] * MAX_FRAMED_ROWS)
    assert plain_if_long(short) is short


def test_a_long_table_has_a_line_for_each_row():
    lines = printed(plain_if_long(table(*[(f"arm {i}", str(i), "none") for i in range(MAX_FRAMED_ROWS + 1)])))
    assert lines[:2] == ["Arms", "arm      pairs  why"]
    assert lines[3] == "arm 0        0  none"
    assert lines[203] == "arm 200    200  none"
    assert len(lines) == 3 + MAX_FRAMED_ROWS + 1


def test_a_cell_too_long_goes_on_below_itself():
    """30 columns hold `dpo`, 5 of `pairs` and two gaps of 2: 18 are left."""
    lines = printed(LongTable(table(("dpo", "16", "abcdefghijklmnopqrstuvwxyz"))), width=30)
    assert lines[3:] == ["dpo     16  abcdefghijklmnopqr", "            stuvwxyz"]


def test_markup_is_read_and_what_was_escaped_is_shown():
    lines = printed(LongTable(table((escape("a[b]"), "[red]1[/red]", Text("[c]")))))
    assert lines[3].split() == ["a[b]", "1", "[c]"]


def test_a_line_break_in_a_cell_breaks_no_row():
    assert printed(LongTable(table(("dpo", "1", "first\nsecond"))))[3:] == ["dpo      1  first second"]


def test_without_a_title_the_first_line_is_empty():
    assert printed(LongTable(table(("dpo", "1", ""), title=None)))[0] == ""
