"""Tables divided between page and data."""

from __future__ import annotations

import json

import pytest

from lorr_bench.report.formats.embed import FIRST_ROWS, page_tables
from lorr_bench.report.table import LONG, Cell, Column, Table

COLUMNS = (
    Column("arm", "arm"),
    Column("pairs"),
    Column("score", group=("easy",)),
    Column("Δ", group=("easy",)),
    Column("score", group=("hard", "n = 3")),
    Column("note", "text"),
)


def table(rows: int, name: str = "arms", *, main: bool = False) -> Table:
    lines = tuple((Cell(f"arm {number}"), Cell("1", "[0, 2]")) for number in range(rows))
    return Table(name, "Arms", "", (Column("arm", "arm"), Column("score")), lines, main=main)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Cell("1.0"), "1.0"),
        (Cell("1.0", "[0, 2]"), ["1.0", "[0, 2]"]),
        (Cell("1.0", "", bold=True), ["1.0", "", 1]),
        (Cell("\x00"), "⟨U+0000⟩"),
    ],
)
def test_a_cell_is_packed_as_short_as_can_be(cell: Cell, expected: object) -> None:
    assert cell.packed() == expected


def test_headings_over_columns_span_their_group() -> None:
    groups = Table("arms", "Arms", "", COLUMNS, ()).groups
    assert [(group.heading, group.first, group.count) for group in groups] == [
        ("", 0, 1),
        ("", 1, 1),
        ("easy", 2, 2),
        ("hard · n = 3", 4, 1),
        ("", 5, 1),
    ]


def test_the_first_column_of_a_group_is_marked() -> None:
    classes = Table("arms", "Arms", "", COLUMNS, ()).classes
    assert classes == ("text", "number", "number measure", "number", "number measure", "text")


def test_a_long_table_folds_unless_it_is_the_main_one() -> None:
    assert not table(LONG).folded
    assert table(LONG + 1).folded
    assert not table(LONG + 1, main=True).folded


def test_tables_without_rows_are_left_out() -> None:
    assert page_tables([table(0)]) == {}


def test_few_rows_stand_in_the_page_alone() -> None:
    placed = page_tables([table(FIRST_ROWS)])["arms"]
    assert (len(placed.rows), placed.more, placed.left_out) == (FIRST_ROWS, "", 0)


def test_further_rows_stand_in_the_data() -> None:
    placed = page_tables([table(FIRST_ROWS + 2)])["arms"]
    assert json.loads(placed.more) == [[f"arm {FIRST_ROWS + n}", ["1", "[0, 2]"]] for n in (0, 1)]


def test_a_table_takes_half_of_the_room_and_counts_what_it_leaves_out() -> None:
    # A row is ["arm 200",["1","[0, 2]"]] and a comma: 27 bytes.
    placed = page_tables([table(FIRST_ROWS + 5), table(FIRST_ROWS + 5, "others")], max_bytes=8 * 27)
    assert [(len(json.loads(placed[name].more)), placed[name].left_out) for name in ("arms", "others")] == [
        (4, 1),
        (2, 3),
    ]
