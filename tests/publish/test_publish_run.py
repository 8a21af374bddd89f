"""What is published of a finished run, and which runs and folders are refused."""

import json
import re
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from finished_suite import plan_of

from lorr_bench.errors import DataError
from lorr_bench.publish import publish
from lorr_bench.publish.agreement import Numbers
from lorr_bench.publish.publish import publish_run
from lorr_bench.publish.verdicts import verdict_frame
from lorr_bench.report.write import ReportFiles
from lorr_bench.run.suite_run import Places
from lorr_bench.spec.load import load_suite

pytestmark = pytest.mark.slow


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def again(finished, folder, **changes):
    return publish_run(finished.plan, finished.store, finished.places, folder, replaces=False, **changes)


def test_a_run_is_published_twice_with_the_same_bytes(finished, published, tmp_path):
    again(finished, tmp_path / "twice")
    assert files(tmp_path / "twice") == files(published.folder)


def test_everything_that_is_to_be_committed_is_there(published):
    names = set(files(published.folder))
    assert {
        "suite.yaml", "provenance.json", "verdicts.parquet", "report.md", "report.html", "results.json.gz",
        "comparison.csv", "contrasts.csv", "ledger.csv", "scores.csv", "figure.svg", "tables.tex",
    } <= names  # fmt: skip
    assert {Path(name).suffix for name in names} == {
        ".yaml", ".json", ".parquet", ".md", ".html", ".gz", ".csv", ".svg", ".tex"
    }  # fmt: skip
    assert sum(map(len, files(published.folder).values())) < 1 << 20
    assert published.said.left_out == (
        "trained models", "answers but for those on the page", "figures as PNG and PDF"
    )  # fmt: skip
    assert published.origin["left_out"] == list(published.said.left_out)


def test_page_and_markdown_lead_to_files_that_are_there(published):
    names = set(files(published.folder))
    for page, pattern in (("report.html", r'href="([^"#:]+)"'), ("report.md", r"\]\(([^)#:]+)\)")):
        linked = set(re.findall(pattern, (published.folder / page).read_text("utf-8")))
        assert any(link.endswith(".svg") for link in linked)
        assert linked <= names


def test_numbers_and_verdicts_are_those_of_the_run(finished, published):
    numbers = Numbers.of_folder(published.folder)
    assert numbers.verdicts.equals(verdict_frame(finished.plan, finished.store))
    # `finish` gives every model the score 0.5 on math
    greedy = numbers.comparison[numbers.comparison["metric"] == "greedy"]
    assert greedy["mean"].tolist() == [0.5, 0.5, 0.5]


def test_the_suite_of_the_folder_plans_the_same_stages(finished, published):
    from lorr_bench.plan.plan import make_plan

    plan = make_plan(load_suite(published.folder / "suite.yaml"))
    assert {stage.digest: stage.label for stage in plan.stages} == published.origin["stages"]
    assert [stage.digest for stage in plan.stages] == [stage.digest for stage in finished.plan.stages]


def test_the_folder_says_when_what_was_declared(finished, published):
    declared = json.loads((finished.places.output / "analysis.json").read_text("utf-8"))["declarations"]
    assert published.origin["declarations"] == declared
    assert published.said.declared == declared[0]["time"]
    # Here the stages were filled in before anything was declared.
    assert datetime.fromisoformat(published.said.first_result) <= datetime.fromisoformat(declared[0]["time"])
    assert not published.said.was_declared_before


def test_what_was_declared_before_the_first_result_is_known_as_such(published):
    times = {"declared": "2026-11-27T03:37:29+00:00", "first_result": "2026-11-27T03:38:36+00:00"}
    assert replace(published.said, **times).was_declared_before
    assert not replace(published.said, **{**times, "declared": ""}).was_declared_before


@pytest.fixture
def pages(monkeypatch):
    """The report is one page, of 10 bytes for each answer and as many as these without any."""

    def page_of(size):
        def write(results, folder, forms):
            page = folder / "report.html"
            page.write_bytes(b"x" * (size + 10 * len(results.answers)))
            return ReportFiles(page, page, page, page, (), ())

        monkeypatch.setattr(publish, "write_report", write)
        monkeypatch.setattr(publish, "MAX_FILE_BYTES", 100)
        monkeypatch.setattr(publish, "_files", lambda written: [written.page])

    return page_of


@pytest.mark.parametrize(
    ("size", "kept_and_said"),
    [
        (20, (80, [])),  # six answers
        (50, (50, ["the page's answers"])),
        (101, (None, ["the page's answers", "report.html"])),
    ],
)
def test_a_large_page_goes_without_answers_and_a_larger_one_goes(
    finished, tmp_path, pages, size, kept_and_said
):
    pages(size)
    found = again(finished, tmp_path / "to")
    page = found.folder / "report.html"
    kept = page.stat().st_size if page.exists() else None
    assert (kept, [text.partition(":")[0] for text in found.left_out[3:]]) == kept_and_said


def test_an_unfinished_run_is_refused_with_what_it_lacks(finished, tmp_path):
    from lorr_bench.store.store import Store

    store = Store(tmp_path / "store")
    shutil.copytree(finished.store.root, store.root, dirs_exist_ok=True)
    shutil.rmtree(store.root / "grade_math")
    shutil.rmtree(store.root / "families")
    with pytest.raises(
        DataError, match=r"4 stages have no result: easy: start model \(not run yet\); families"
    ) as refused:
        publish_run(finished.plan, store, Places(tmp_path / "out", "x"), tmp_path / "to", replaces=False)
    assert "`lorr-bench run`" in refused.value.fix
    assert not (tmp_path / "to").exists()
    shutil.rmtree(store.root / "train")
    shutil.rmtree(store.root / "answer_math")
    with pytest.raises(DataError, match=r"9 stages .* and 4 more"):
        publish_run(finished.plan, store, Places(tmp_path / "out", "x"), tmp_path / "to", replaces=False)


def test_nothing_of_this_machine_is_published(finished, published, tmp_path):
    places = (str(finished.places.output), str(tmp_path.parent), str(Path.home()) + "/", str(Path.cwd()))
    for name, content in files(published.folder).items():
        assert not any(place.encode() in content for place in places), name


def test_paths_in_the_suite_become_names(finished, tmp_path):
    """A run whose problems lie in a file of this machine, by its absolute path."""
    from finished_suite import finish

    from lorr_bench.store.store import Store

    (tmp_path / "mine.jsonl").write_text('{"problem": "1 + 1", "answer": "2"}\n', "utf-8")
    suite = yaml.safe_load((finished.places.output.parent / "suite.yaml").read_text("utf-8"))
    math = {"name": "easy", "source": str(tmp_path / "mine.jsonl"), "max_tokens": 8}
    plan = plan_of({**suite, "evaluation": {"math": [math]}}, tmp_path)
    store = Store(tmp_path / "store")
    for stage in plan.stages:
        finish(store, stage)
    said = publish_run(
        plan, store, Places(tmp_path / "out", str(store.root)), tmp_path / "to" / "x", replaces=False
    )
    assert "source: mine.jsonl" in (said.folder / "suite.yaml").read_text("utf-8")
    assert not any(str(tmp_path).encode() in content for content in files(said.folder).values())


def test_a_text_that_names_this_machine_is_refused(finished, tmp_path, pages):
    pages(20)
    description = f"made in {finished.places.output}."
    plan = replace(finished.plan, suite=finished.plan.suite.model_copy(update={"description": description}))
    with pytest.raises(DataError, match="names a place of this machine"):
        publish_run(plan, finished.store, finished.places, tmp_path / "to", replaces=False)
    assert list(tmp_path.iterdir()) == []


def test_commits_of_the_hub_travel_with_it(finished, tmp_path, pages):
    pages(20)
    output = tmp_path / "out"
    shutil.copytree(finished.places.output, output, ignore=shutil.ignore_patterns("store"))
    (output / "revisions.json").write_text('{"commits": {}, "lm_eval_tasks": {}}', "utf-8")
    said = publish_run(
        finished.plan, finished.store, Places(output, finished.places.store), tmp_path / "to", replaces=False
    )
    assert (said.folder / "revisions.json").read_bytes() == (output / "revisions.json").read_bytes()


def test_a_folder_that_is_there_is_refused(finished, published):
    before = files(published.folder)
    with pytest.raises(DataError, match="is there already"):
        again(finished, published.folder)
    assert files(published.folder) == before


def test_a_folder_that_is_there_is_replaced_where_that_is_asked_for(finished, tmp_path, pages):
    pages(20)
    said = again(finished, tmp_path / "to")
    (said.folder / "left over").touch()
    publish_run(finished.plan, finished.store, finished.places, said.folder, replaces=True)
    assert not (said.folder / "left over").exists()
    assert (said.folder / "verdicts.parquet").exists()
