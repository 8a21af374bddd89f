"""The files of a report: complete, safe, and written whatever is missing."""

from __future__ import annotations

import csv
import html
import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from synthetic_results import METHODS, make_methods_results, make_results

from lorr_bench.errors import StoreError
from lorr_bench.report import write_report
from lorr_bench.report.summary import markdown_table
from lorr_bench.values import START, Point, Results

VOID = {"meta", "br", "hr", "img", "link", "input"}
HOSTILE = (
    "<script>alert(1)</script> </pre><img src=http://evil.example/x onerror=alert(2)> | =1+1 {{ 7 * 7 }}"
)


class Checker(HTMLParser):
    """Collects tags and attributes, and checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parse(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    return checker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("report") / "new"
    results = make_results()
    answers = [replace(answer, text=HOSTILE, extracted=HOSTILE, prompt=HOSTILE) for answer in results.answers]
    write_report(replace(results, answers=answers, suite_text=f"name: {HOSTILE}\n````\n"), target)
    return target


def test_all_files_are_there_and_nothing_else(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "comparison.csv", "diagnostics.csv", "figure.png", "figure.svg", "ledger.csv", "methods.csv",
        "report.html", "report.md", "scores.csv",
    ]  # fmt: skip


def test_returned_paths_name_the_files(tmp_path: Path, results: Results) -> None:
    files = write_report(results, tmp_path)
    assert (files.page.name, files.markdown.name) == ("report.html", "report.md")
    assert [path.name for path in files.csvs] == [
        "comparison.csv", "methods.csv", "ledger.csv", "scores.csv", "diagnostics.csv",
    ]  # fmt: skip
    assert [path.name for path in files.figures] == ["figure.png", "figure.svg"]


def test_model_text_is_escaped(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    assert "<script" not in page
    assert html.escape("<script>alert(1)</script>") in page
    assert "{{ 7 * 7 }}" in page
    assert "img" not in {tag for tag, _ in parse(page).seen}


def test_page_fetches_nothing(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    for _, attributes in parse(page).seen:
        for name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
            assert (attributes.get(name) or "#").startswith("#")
    own = page.replace(html.escape(HOSTILE), "")
    assert not re.search(r"url\(\s*['\"]?(?!#)", own)
    assert "@import" not in own
    assert set(re.findall(r"https?://[^\"'\s<]*", own)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_tables_are_accessible(folder: Path) -> None:
    seen = parse((folder / "report.html").read_text()).seen
    tags = [tag for tag, _ in seen]
    assert tags.count("table") == tags.count("caption") == 6
    assert all(attributes.get("scope") for tag, attributes in seen if tag == "th")
    regions = [attributes for _, attributes in seen if attributes.get("role") == "region"]
    assert all(region.get("tabindex") == "0" and region.get("aria-label") for region in regions)
    ids = [attributes["id"] for _, attributes in seen if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_links_inside_the_page_lead_somewhere(folder: Path) -> None:
    seen = parse((folder / "report.html").read_text()).seen
    ids = {f"#{attributes['id']}" for _, attributes in seen if "id" in attributes}
    assert {attributes["href"] for tag, attributes in seen if tag == "a"} <= ids


def test_markdown_tables_have_as_many_cells_as_heads(folder: Path) -> None:
    text = (folder / "report.md").read_text()
    tables = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    assert len(tables) == 5
    for table in tables:
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_markdown_fence_is_longer_than_the_ticks_in_the_suite(folder: Path) -> None:
    assert "`````yaml\n" in (folder / "report.md").read_text()


def test_markdown_table_layout() -> None:
    assert markdown_table(["arm", "n"], [["a", "1"]]) == "| arm | n |\n| :-- | --: |\n| a | 1 |"


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
    assert list(rows[0]) == ["arm", "unique_pairs", "seed", "benchmark", "kind", "metric", "value", "n"]
    assert [float(row["value"]) for row in rows] == [score.value for score in results.scores]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("many")
    write_report(make_methods_results(), target)
    return target


def rows_of_table(page: str, name: str) -> list[list[str]]:
    """Texts of the cells of the first table of that class, row by row."""
    table = page[page.index(f'<table class="{name}">') :]
    table = table[: table.index("</table>")]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in table.split("<tr")]
    return [[re.sub(r"<[^>]*>", "", cell).strip() for cell in row] for row in rows if row]


def test_many_methods_have_a_row_each_on_the_page(many: Path) -> None:
    page = (many / "report.html").read_text()
    parse(page)
    rows = rows_of_table(page, "methods")
    assert [row[0] for row in rows[3:]] == list(METHODS)
    assert {len(row) for row in rows[3:]} == {1 + 2 * 5}
    start = next(line.value for line in make_methods_results().scores if line.point == START)
    assert rows[2][:2] == ["start model", f"{100 * start:.1f}"]


def test_a_plugin_that_a_method_lacks_is_a_dash(many: Path) -> None:
    rows = {row[0]: row for row in rows_of_table((many / "report.html").read_text(), "methods")[3:]}
    assert rows["dpo"][4:6] == ["–", "–"]
    assert rows["sft"][2:4] == ["–", "–"]
    assert "–" not in rows["sft"][1] + rows["sft"][4]


def test_methods_without_any_other_plugin_are_listed_with_their_score_alone(tmp_path: Path) -> None:
    many = make_methods_results()
    arms = tuple(arm for arm in many.arms if arm.endswith("+plain"))
    scores = [line for line in many.scores if line.point.arm in ("start", *arms)]
    page = write_report(replace(many, arms=arms, scores=scores), tmp_path).page.read_text()
    assert 'colspan="0"' not in page
    assert {len(row) for row in rows_of_table(page, "methods")[2:]} == {1 + 2}


def test_many_methods_fold_the_long_tables_away(many: Path, folder: Path) -> None:
    summaries = [
        re.findall(r"<summary>(Every arm at every budget|What every arm used)</summary>", page)
        for page in ((many / "report.html").read_text(), (folder / "report.html").read_text())
    ]
    assert len(summaries[0]) == 3
    assert summaries[1] == []


def test_many_methods_have_a_row_each_in_markdown(many: Path) -> None:
    text = (many / "report.md").read_text()
    section = text[text.index("## Comparison") : text.index("## Budget")]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")]
    assert rows == ["method", ":--", "start model", *METHODS]
    assert "[comparison.csv](comparison.csv)" in section
    for table in re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE):
        assert len({len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_many_methods_have_a_row_each_in_csv(many: Path) -> None:
    with (many / "methods.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    first = [row for row in rows if (row["benchmark"], row["metric"]) == ("nano_1", "greedy")]
    assert [row["method"] for row in first] == list(METHODS)
    assert first[0]["replay_reset_mean"] == ""
    assert first[-1]["lorr_mean"] == ""


def test_one_seed_is_said_on_page_and_in_markdown(many: Path) -> None:
    for name in ("report.html", "report.md"):
        text = html.unescape((many / name).read_text())
        assert "one training run can't tell the effect of a plug-in from training noise" in text


def test_diagnostics_are_shown_at_the_largest_budget_and_first_seed(tmp_path: Path) -> None:
    diagnostics = {
        Point("dpo+plain", 384, 0): [{"train_accuracy": 0.11}],
        Point("dpo+plain", 1024, 1): [{"train_accuracy": 0.22}],
        Point("dpo+plain", 1024, 0): [
            {"train_accuracy": 0.815, "logp_chosen": -33.456, "kl_to_start": 0.01234},
            {"train_accuracy": math.nan, "dormant_share": 0.031},
        ],
    }
    files = write_report(make_results(diagnostics=diagnostics), tmp_path)
    rows = rows_of_table(files.page.read_text(), "diagnostics")
    minus = "\N{MINUS SIGN}"
    assert rows[1] == [
        "dpo+plain",
        "1,024",
        "0",
        "1",
        "81.5",
        "–",
        "–",
        f"{minus}33.46",
        "–",
        "0.0123",
        "–",
        "–",
    ]
    assert rows[2] == ["2", "–", "–", "–", "–", "–", "–", "–", "3.1"]
    assert len(rows) == 3


@pytest.mark.parametrize("replays", [[], [{"trainer/loss": 0.5}]])
def test_without_diagnostics_there_is_no_section(tmp_path: Path, replays: list[dict[str, float]]) -> None:
    results = make_results(diagnostics={Point("dpo+plain", 1024, 0): replays})
    files = write_report(results, tmp_path)
    assert "Diagnostics" not in files.page.read_text()
    with (tmp_path / "diagnostics.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == len(replays)


def test_missing_stages_stand_at_the_top(tmp_path: Path) -> None:
    files = write_report(make_results(missing={"train dpo+lorr": "StageError: no <memory> | left"}), tmp_path)
    page, markdown = files.page.read_text(), files.markdown.read_text()
    assert 0 < page.index("no &lt;memory&gt; | left") < page.index("<h1>")
    assert markdown.index(r"no &lt;memory&gt; \| left") < markdown.index("## Comparison")


def test_bold_only_where_the_test_says_so(folder: Path) -> None:
    with (folder / "comparison.csv").open(newline="") as stream:
        significant = sum(row["significant"] == "True" for row in csv.DictReader(stream))
    assert significant > 0
    assert (folder / "report.html").read_text().count('<strong class="significant">') == significant
    assert len(re.findall("\\*\\*[+\N{MINUS SIGN}]", (folder / "report.md").read_text())) == significant


def test_same_results_same_bytes(tmp_path: Path, results: Results) -> None:
    for name in ("a", "b"):
        write_report(results, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


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
    "no trained arm": lambda r: replace(without(r, lambda s: s.point != START), spends={}, arms=("dpo+plain",)),
    "no start model": lambda r: without(r, lambda s: s.point == START),
    "only math": lambda r: without(r, lambda s: s.kind == "general"),
    "only general": lambda r: without(r, lambda s: s.kind == "math"),
    "no problems": lambda r: replace(r, scores=[replace(s, per_problem=()) for s in r.scores]),
    "NaN": with_nan,
    "nothing": lambda r: replace(
        r, scores=[], spends={}, answers=[], times=[], versions={}, arms=(), equal_quantities=()
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", INCOMPLETE)
def test_incomplete_results_are_reported(case: str, tmp_path: Path, results: Results) -> None:
    files = write_report(INCOMPLETE[case](results), tmp_path)
    page = files.page.read_text()
    parse(page)
    visible = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", page, flags=re.DOTALL)
    assert not re.search(r"\bnan\b|\binf\b|\bNone\b", visible)
    assert not re.search(r"\bnan\b", files.markdown.read_text())


@pytest.mark.parametrize(
    "case", ["an arm is missing", "baseline is missing", "no trained arm", "only general", "NaN"]
)
def test_incomplete_results_of_many_methods_are_reported(case: str, tmp_path: Path) -> None:
    methods = make_methods_results()
    results = INCOMPLETE[case](methods)
    files = write_report(replace(results, arms=methods.arms), tmp_path)
    parse(files.page.read_text())
    assert not re.search(r"\bnan\b", files.markdown.read_text())


def test_a_folder_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path, results: Results) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose another folder"):
        write_report(results, tmp_path / "file")


def test_a_failed_write_leaves_no_half_file(
    tmp_path: Path, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreError, match="disk full"):
        write_report(results, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_importing_the_report_is_cheap() -> None:
    code = (
        "import sys, lorr_bench.report; print({'pandas', 'matplotlib', 'jinja2', 'numpy'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
