"""The page with every section opened, looked at by axe-core: nothing is wrong, and nothing is left open."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from browser import BROWSER, driven, rendered
from page_contents import make_contents

from lorr_bench.report.formats.page import html_page

AXE = os.environ.get("LORR_BENCH_AXE")
"""The file ``axe.min.js`` of the npm package axe-core."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        BROWSER is None or AXE is None, reason="needs Chromium, and axe-core in LORR_BENCH_AXE"
    ),
]
# A window can't be narrower than 500 pixels; the page's narrow layout begins at 544.
WIDTHS = (1600, 500)
OPENED = 'all("details").forEach((one) => (one.open = true));'
FOUND = """
axe.run(document).then((found) => {
  const told = (results) => results.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
  one("h1").textContent = JSON.stringify(told(found.violations).concat(told(found.incomplete)));
});
"""


@pytest.fixture(scope="module")
def text() -> str:
    return html_page(make_contents())


def looked_at(page: str, change: str, folder: Path, width: int) -> Any:
    """What axe finds wrong or can't decide once everything is opened and changed so."""
    source = Path(f"{AXE}").read_text(encoding="utf-8")
    page = driven(page, f"{OPENED}\n{change}\n{source}\n{FOUND}")
    return json.loads(rendered(page, folder, width=width).texts("h1")[0])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_leaves_nothing_open(text: str, tmp_path: Path, width: int, theme: str) -> None:
    assert looked_at(text, f'one("#theme-{theme}").click();', tmp_path, width) == []


def test_axe_sees_cells_beyond_the_frame(text: str, tmp_path: Path) -> None:
    faint = """
      const cell = one("#sheet-ledger tbody tr").lastElementChild;
      cell.style.color = "#eee";
      cell.textContent = "faint";
      one("#theme-light").click();
    """
    (found,) = looked_at(text, faint, tmp_path, 500)
    assert re.fullmatch("color-contrast: <td.*>faint</td>", found)
