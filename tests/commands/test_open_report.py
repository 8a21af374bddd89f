"""`lorr-bench open`: the page in a browser, or where it is."""

import pytest
from command_line import SMOKE, lorr_bench_here

from lorr_bench.commands.asked import Asked
from lorr_bench.commands.looking import open_report
from lorr_bench.errors import DataError


@pytest.fixture
def asked(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").write_text("<html>", "utf-8")
    return Asked(SMOKE, output=tmp_path)


@pytest.mark.parametrize(
    ("variables", "platform", "opens"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({"DISPLAY": ""}, "linux", False),
        ({}, "linux", False),
        ({}, "darwin", True),
    ],
)
def test_the_page_is_shown_where_there_is_a_display(asked, capsys, variables, platform, opens):
    opened = []
    open_report(asked, variables, opened.append, platform)
    page = asked.output / "report" / "report.html"
    assert opened == ([page.as_uri()] if opens else [])
    assert capsys.readouterr().out == f"Report: {page}\n"


def test_without_a_report_it_says_what_writes_one(tmp_path):
    done = lorr_bench_here("open", "smoke", "-o", tmp_path / "my out")
    assert done.returncode == 3
    assert "there is no report" in done.stderr
    assert f"`lorr-bench report smoke -o '{tmp_path / 'my out'}'` writes it" in done.stderr


def test_no_report_is_an_error(tmp_path):
    with pytest.raises(DataError, match="there is no report"):
        open_report(Asked(SMOKE, output=tmp_path), {})
