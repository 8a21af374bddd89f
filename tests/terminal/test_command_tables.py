"""Tables that commands print."""

from pathlib import Path

from lorr_bench.terminal.tables import leftovers_table
from lorr_bench.upkeep.clean import Leftover


def test_the_table_adds_up_what_is_alike():
    damaged = [Leftover("damaged results", Path(name), 512) for name in "ab"]
    table = leftovers_table([*damaged, Leftover("checkpoints", Path("c"), 5, "in use")])
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert rows == [("damaged results", "2", "1 KiB", "can go"), ("checkpoints", "1", "5 B", "in use")]
