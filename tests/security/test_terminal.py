"""What files, models and libraries say can't move the cursor, change the title or hide text in a terminal."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import lorr_bench_here
from rich.table import Table
from synthetic_results import make_results
from typer.testing import CliRunner

from lorr_bench.cli import app
from lorr_bench.errors import LorrBenchError
from lorr_bench.events import Failed, Noted
from lorr_bench.outside import UNPRINTABLE
from lorr_bench.report.compare.runs import compare_runs
from lorr_bench.report.compare.side_by_side import comparison_text
from lorr_bench.report.formats.results_file import RESULTS_FILE, results_bytes
from lorr_bench.terminal.console import PlainConsole

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"
ESCAPES = {
    "erase the screen": "\x1b[2J",
    "set the title": "\x1b]0;title\x07",
    "a link to elsewhere": "\x1b]8;;http://example.org\x1b\\",
    "one letter for a sequence": "\x9b31m",
    "go back": "\rdone\b\b",
    "turn the order": "\u202egnp.exe",
    "half a character": "\ud800",
    "nothing": "\x00",
}
WRITABLE = {name: escape for name, escape in ESCAPES.items() if escape != "\ud800"}
escapes = pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)


@escapes
def test_an_error_shows_what_it_quotes(escape: str) -> None:
    error = LorrBenchError(f"no column {escape}", where=f"file{escape}", fix=f"name {escape}")
    assert not UNPRINTABLE.search(str(error))
    assert "⟨U+" in error.what


@escapes
def test_a_failure_and_a_note_show_what_they_quote(escape: str) -> None:
    assert not UNPRINTABLE.search(Failed("abc", escape, lasting=True, disk_full=False).reason)
    assert not UNPRINTABLE.search(Noted(escape).text)


@escapes
@pytest.mark.parametrize("terminal", [True, False])
def test_a_table_shows_its_cells(escape: str, terminal: bool) -> None:
    out = io.StringIO()
    console = PlainConsole(file=out, width=200, force_terminal=terminal, color_system=None)
    table = Table(title=escape)
    table.add_column(f"head{escape}")
    table.add_row(f"cell{escape}")
    console.print(table)
    console.print(escape, markup=False)
    assert not UNPRINTABLE.search(out.getvalue())
    assert out.getvalue().count("⟨U+") >= 4


def test_its_own_colours_are_left(tmp_path: Path) -> None:
    out = io.StringIO()
    PlainConsole(file=out, force_terminal=True, color_system="standard", legacy_windows=False).print(
        "[red]no[/red]"
    )
    assert out.getvalue() == "\x1b[31mno\x1b[0m\n"


@pytest.mark.slow
@pytest.mark.parametrize("escape", WRITABLE.values(), ids=WRITABLE)
def test_a_plan_shows_what_the_suite_says(
    escape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stop = f"evaluation.math.0.stop=[{json.dumps('end' + escape)}]"
    done = CliRunner().invoke(app, ["plan", str(SMOKE), "--set", stop])
    assert done.exit_code == 0, done.output
    assert not UNPRINTABLE.search(done.output)
    assert "nano_easy" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("escape", WRITABLE.values(), ids=WRITABLE)
def test_a_task_that_lm_eval_does_not_have_is_shown(escape: str, tmp_path: Path) -> None:
    tasks = f"evaluation.general=[{{name: mine, tasks: [{json.dumps('task' + escape)}]}}]"
    done = lorr_bench_here("plan", SMOKE, "--set", tasks, cwd=tmp_path)
    assert done.returncode != 0
    assert "lm-eval has no task, group or tag called 'task" in done.stderr
    assert not UNPRINTABLE.search(done.stderr)


@pytest.mark.slow
def test_a_comparison_shows_the_names_in_results_of_others(tmp_path: Path) -> None:
    results = make_results()
    named = [replace(score, benchmark=f"{score.benchmark}\x1b[2J") for score in results.scores]
    conditions = {f"{name}\x1b[2J": held for name, held in results.conditions.items()}
    for name in ("one", "two"):
        (tmp_path / name / "report").mkdir(parents=True)
        file = tmp_path / name / "report" / RESULTS_FILE
        file.write_bytes(results_bytes(replace(results, scores=named, conditions=conditions)))
    text = comparison_text(compare_runs([tmp_path / "one", tmp_path / "two"]))
    assert not UNPRINTABLE.search(text)
    assert "nano_easy⟨U+001B⟩[2J" in text
