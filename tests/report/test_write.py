"""The files of a report: complete, safe, and written whatever is missing."""

from __future__ import annotations

import csv
import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from page_contents import FIGURES, Page, hostile_results
from synthetic_results import METHODS, make_methods_results, make_results, parts_of

from lorr_bench.errors import StoreError
from lorr_bench.report import write_report
from lorr_bench.report.formats.results_file import read_results
from lorr_bench.values import START, Point, Results

pytestmark = pytest.mark.slow

CSVS = [
    "contrasts.csv",
    "comparison.csv",
    "methods.csv",
    "ledger.csv",
    "scores.csv",
    "diagnostics.csv",
    "secondary.csv",
    "conduct.csv",
    "efficiency.csv",
    "sweep.csv",
    "sweep_differences.csv",
    "aggregates.csv",
    "overlaps.csv",
    "published.csv",
    "protocol.csv",
    "tuning.csv",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("report") / "new"
    write_report(make_results(), target)
    return target


@pytest.fixture
def plain_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tiny figures instead of those that take a second to draw."""
    monkeypatch.setattr("lorr_bench.report.contents.draw_all", lambda study, comparison, frames: FIGURES)


def test_all_files_are_there_and_nothing_else(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *CSVS,
        "figure.png",
        "figure.svg",
        "figure.pdf",
        "figures",
        "report.html",
        "report.md",
        "tables.tex",
        "results.json.gz",
    }


def test_every_figure_is_there_in_three_forms(folder: Path) -> None:
    figures = sorted((folder / "figures").iterdir())
    assert {path.suffix for path in figures} == {".png", ".svg", ".pdf"}
    assert {path.stem for path in figures} >= {"curves"}
    assert len(figures) == 3 * len({path.stem for path in figures})
    for form in ("png", "svg", "pdf"):
        assert (folder / f"figure.{form}").read_bytes() == (folder / f"figures/story.{form}").read_bytes()


def test_the_files_that_the_page_links_to_are_written(folder: Path) -> None:
    page = Page((folder / "report.html").read_text())
    targets = [attributes["href"] for attributes in page.attributes("a") if "href" in attributes]
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    beside = {target for target in targets if not target.startswith("#")}
    # The main figure stands beside the page a second time.
    assert beside == files - {"report.html", "figure.png", "figure.svg", "figure.pdf"}


@pytest.mark.usefixtures("plain_figures")
def test_returned_paths_name_the_files(tmp_path: Path, results: Results) -> None:
    files = write_report(results, tmp_path)
    assert (files.page.name, files.markdown.name) == ("report.html", "report.md")
    assert (files.latex.name, files.results.name) == ("tables.tex", "results.json.gz")
    assert [path.name for path in files.csvs] == CSVS
    assert [str(path.relative_to(tmp_path)) for path in files.figures] == [
        f"{name}.{form}"
        for name in ("figure", "figures/curves", "figures/forest")
        for form in ("png", "svg", "pdf")
    ]


@pytest.mark.usefixtures("plain_figures")
def test_figures_of_an_earlier_report_go_and_other_files_stay(tmp_path: Path, results: Results) -> None:
    (tmp_path / "figures").mkdir()
    for name in ("ablation.png", "ablation.pdf", "notes.txt"):
        (tmp_path / "figures" / name).write_text("earlier")
    write_report(results, tmp_path)
    left = {path.name for path in (tmp_path / "figures").iterdir()}
    assert left == {f"{name}.{form}" for name in ("curves", "forest") for form in ("png", "svg", "pdf")} | {
        "notes.txt"
    }


@pytest.mark.usefixtures("plain_figures")
def test_the_written_results_can_be_read_again(tmp_path: Path, results: Results) -> None:
    found = read_results(write_report(results, tmp_path).results)
    assert list(found.scores) == results.scores


@pytest.mark.usefixtures("plain_figures")
def test_hostile_texts_can_be_written_in_every_form(tmp_path: Path) -> None:
    write_report(hostile_results(), tmp_path)
    for name in ("report.md", "tables.tex", "scores.csv"):
        (tmp_path / name).read_text("utf-8")


@pytest.mark.usefixtures("plain_figures")
def test_csv_numbers_are_untouched_and_texts_shielded(tmp_path: Path, results: Results) -> None:
    scores = [
        replace(line, benchmark="=nano") if line.benchmark == "nano_easy" else line for line in results.scores
    ]
    write_report(make_results(scores=scores), tmp_path)
    with (tmp_path / "comparison.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert "'=nano" in {row["benchmark"] for row in rows}
    assert any(row["difference"].startswith("-0.0") for row in rows)
    assert {row["significant"] for row in rows} == {"True", "False"}


def test_long_scores_hold_every_value(folder: Path, results: Results) -> None:
    with (folder / "scores.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [
        "arm",
        "unique_pairs",
        "seed",
        "benchmark",
        "kind",
        "metric",
        "value",
        "n",
        "deviation",
        "reason",
    ]
    assert [float(row["value"]) for row in rows] == [score.value for score in results.scores]


@pytest.mark.usefixtures("plain_figures")
def test_many_methods_have_a_row_each_in_csv(tmp_path: Path) -> None:
    write_report(make_methods_results(), tmp_path)
    with (tmp_path / "methods.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    first = [row for row in rows if (row["benchmark"], row["metric"]) == ("nano_1", "greedy")]
    assert [row["method"] for row in first] == list(METHODS)
    assert first[0]["replay_reset_mean"] == ""
    assert first[-1]["lorr_mean"] == ""


@pytest.mark.usefixtures("plain_figures")
@pytest.mark.parametrize("replays", [[], [{"trainer/loss": 0.5}]])
def test_without_diagnostics_there_is_no_section(tmp_path: Path, replays: list[dict[str, float]]) -> None:
    results = make_results(diagnostics={Point("dpo+plain", 1024, 0): replays})
    files = write_report(results, tmp_path)
    assert "Diagnostics" not in files.page.read_text()
    with (tmp_path / "diagnostics.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == len(replays)


@pytest.mark.usefixtures("plain_figures")  # the bytes of figures are looked at in test_figures.py
def test_same_results_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        write_report(make_results(), folder)
    files = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert len(files) > len(CSVS)
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def without(results: Results, leave_out: Callable[..., bool]) -> Results:
    return replace(results, scores=[score for score in results.scores if not leave_out(score)])


def with_nan(results: Results) -> Results:
    def spoil(number: int) -> tuple[float, tuple[float, ...]]:
        answers = results.scores[number].per_problem
        return math.nan, (math.nan,) * len(answers) if number % 2 else (math.nan, *answers[1:])

    spoilt = [spoil(number) for number in range(len(results.scores))]
    scores = [replace(s, value=v, per_problem=p) for s, (v, p) in zip(results.scores, spoilt, strict=True)]
    return replace(results, scores=scores)


INCOMPLETE: dict[str, Callable[[Results], Results]] = {
    "one seed": lambda r: without(r, lambda s: s.point.seed > 0),
    "an arm is missing": lambda r: without(r, lambda s: s.point.arm == "dpo+lorr"),
    "baseline is missing": lambda r: without(r, lambda s: s.point.arm == "dpo+plain"),
    "some seeds are missing": lambda r: without(r, lambda s: s.point.arm == "dpo+lorr" and s.point.seed == 1),
    "no trained arm": lambda r: replace(
        without(r, lambda s: s.point != START), spends={}, arms=parts_of(["dpo+plain"])
    ),
    "no start model": lambda r: without(r, lambda s: s.point == START),
    "only math": lambda r: without(r, lambda s: s.kind == "general"),
    "only general": lambda r: without(r, lambda s: s.kind == "math"),
    "no problems": lambda r: replace(r, scores=[replace(s, per_problem=()) for s in r.scores]),
    "NaN": with_nan,
    "nothing": lambda r: replace(
        r, scores=[], spends={}, answers=[], times=[], versions={}, arms={}, equal_quantities=()
    ),
}


@pytest.mark.usefixtures("plain_figures")
@pytest.mark.parametrize("case", INCOMPLETE)
def test_incomplete_results_are_reported(case: str, tmp_path: Path, results: Results) -> None:
    files = write_report(INCOMPLETE[case](results), tmp_path)
    texts = re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", "", files.page.read_text(), flags=re.DOTALL)
    for text in (texts, files.markdown.read_text(), files.latex.read_text()):
        assert not re.search(r"\bnan\b|\binf\b|\bNone\b", text)


@pytest.mark.usefixtures("plain_figures")
@pytest.mark.parametrize(
    "case", ["an arm is missing", "baseline is missing", "no trained arm", "only general", "NaN"]
)
def test_incomplete_results_of_many_methods_are_reported(case: str, tmp_path: Path) -> None:
    methods = make_methods_results()
    results = INCOMPLETE[case](methods)
    files = write_report(replace(results, arms=methods.arms), tmp_path)
    assert not re.search(r"\bnan\b", files.markdown.read_text())


@pytest.mark.usefixtures("plain_figures")
def test_a_folder_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path, results: Results) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose another folder"):
        write_report(results, tmp_path / "file")


@pytest.mark.usefixtures("plain_figures")
def test_a_failed_write_leaves_no_half_file(
    tmp_path: Path, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreError, match="disk full"):
        write_report(results, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_importing_the_report_is_cheap() -> None:
    code = (
        "import sys, lorr_bench.report; print({'pandas', 'matplotlib', 'jinja2', 'numpy'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
