"""The view of arms × stages."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from lorr_bench.plan.plan import make_plan
from lorr_bench.run.state import Failure, Journal
from lorr_bench.spec.load import load_suite
from lorr_bench.terminal import status
from lorr_bench.terminal.status import SuiteStatus, rows, status_view

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"


@pytest.fixture(scope="module")
def plan():
    return make_plan(load_suite(SMOKE, ["seeds=[0, 1]"]))


def show(plan, everything=False, **known):
    out = io.StringIO()
    empty = {"done": set(), "seconds": {}, "running": {}, "failures": {}, "owner": None}
    view = status_view(plan, SuiteStatus(**{**empty, **known}), everything=everything)
    Console(file=out, width=160).print(view)
    return out.getvalue()


def line(text, start):
    return next(row for row in text.splitlines() if start in row)


def test_every_stage_is_in_one_row(plan):
    placed = [digest for cells in rows(plan).values() for cell in cells.values() for digest in cell]
    assert sorted(placed) == sorted(stage.digest for stage in plan.stages)


def test_shared_work_is_in_rows_of_its_own(plan):
    found = rows(plan)
    collects = [stage.digest for stage in plan.stages if stage.kind == "collect"]
    assert found["shared: collect", None] == {"training": collects}


def test_counts_of_done_running_and_failed(plan):
    trained = [d for point, d in plan.training.items() if (point.arm, point.unique_pairs) == ("dpo+lorr", 16)]
    trouble = {trained[1]: Failure(2, "the loss is not finite", "/logs/x.log")}
    text = show(plan, done={trained[0]}, seconds={trained[0]: 75.0}, failures=trouble)
    row = line(text, "dpo+lorr")
    assert "1/2 1 failed" in row
    assert "1 min 15 s" in row
    assert "2×: the loss is not finite" in text
    assert "/logs/x.log" in text
    assert f"1 of {len(plan.stages)} stages done; left:" in text


def test_what_runs_is_shown_with_its_seat_and_owner(plan):
    digest = next(iter(plan.training.values()))
    text = show(plan, running={digest: "train 2, GPU 1"}, owner="process 7 on node")
    assert "Running now: process 7 on node" in text
    assert "train 2, GPU 1: train dpo+plain" in text
    assert "0/2 1 running" in line(text, "dpo+plain")


def test_nothing_runs_where_nobody_holds_the_suite(tmp_path):
    journal = Journal(tmp_path / "state.json")
    journal.begins("a", "train 1")
    assert SuiteStatus.of(journal, set(), None).running == {}
    assert SuiteStatus.of(journal, set(), "process 7").running == {"a": "train 1"}


def test_a_failure_that_was_mended_is_none(tmp_path):
    journal = Journal(tmp_path / "state.json")
    journal.fails("a", "it broke", tmp_path)
    assert SuiteStatus.of(journal, {"a"}, None).failures == {}


def test_all_done_is_said_so(plan):
    text = show(plan, done={stage.digest for stage in plan.stages})
    assert text.rstrip().endswith(f"{len(plan.stages)} of {len(plan.stages)} stages done.")


def test_many_rows_are_folded(plan, monkeypatch):
    monkeypatch.setattr(status, "MAX_ROWS", 2)
    found = rows(plan)
    first = next(iter(found))
    done = {digest for cell in found[first].values() for digest in cell}
    text = show(plan, done=done)
    assert f"Not shown: 1 rows that are done, and {len(found) - 3} more" in text
    assert "Not shown" not in show(plan, done=done, everything=True)


def test_many_failures_are_counted_or_all_shown(plan, monkeypatch):
    monkeypatch.setattr(status, "MAX_FAILURES", 1)
    failures = {digest: Failure(1, f"cause {digest}", "x.log") for digest in list(plan.training.values())[:3]}
    assert "  and 2 more (--all shows them)" in show(plan, failures=failures)
    text = show(plan, failures=failures, everything=True)
    assert [digest for digest in failures if f"cause {digest}" not in text] == []


TUNING = [
    "tuning.seeds=[100]",
    "tuning.grid={beta: [0.1, 1]}",
    "tuning.unique_pairs=[32]",
    "tuning.benchmark={name: validation, source: nano/validation, limit: 40, max_tokens: 56}",
]


@pytest.fixture(scope="module")
def tuned():
    return make_plan(load_suite(SMOKE, TUNING))


def test_every_stage_of_a_tuned_suite_is_in_one_row(tuned):
    placed = [digest for cells in rows(tuned).values() for cell in cells.values() for digest in cell]
    assert sorted(placed) == sorted(stage.digest for stage in tuned.stages)


def test_all_tries_of_an_arm_are_one_row(tuned):
    text = show(tuned, done={stage.digest for stage in tuned.tries.plan.stages[:4]})
    row = line(text, "tuning: dpo+lorr")
    assert "0/2" in row  # trainings: two tries, one seed
    assert "0/4" in row  # answers and grades
    assert "validation" in text
    assert "Settings are still to be chosen for dpo+plain at 32 pairs and 1 more." in " ".join(text.split())
