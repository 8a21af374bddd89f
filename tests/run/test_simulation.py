"""The real driver with simulated workers, clock and store, against sums made by hand."""

import importlib.util
import math
import runpy
import sys
from pathlib import Path

import pytest

from lorr_bench.forecast.devices import read_devices
from lorr_bench.plan.plan import make_plan
from lorr_bench.run.state import STATE_FILE, Journal
from lorr_bench.spec.load import load_suite

ROOT = Path(__file__).parents[2]
SECONDS = {"collect": 100.0, "train": 50.0, "answer_math": 20.0}


@pytest.fixture(scope="module")
def simulation():
    spec = importlib.util.spec_from_file_location("simulation", ROOT / "benchmarks" / "simulation.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["simulation"] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["simulation"]


@pytest.fixture(scope="module")
def plan():
    return make_plan(load_suite(ROOT / "suites" / "smoke.yaml", ["evaluation.general=[]"]))


@pytest.fixture
def run(simulation, plan, tmp_path):
    def simulate(workers, seconds=lambda stage: SECONDS.get(stage.kind, 1.0), **changes):
        quick = {"request_seconds": 0.0, "driver_seconds": 0.0, "restart_seconds": 0.0}
        world = simulation.World(workers, **{**quick, **changes})
        return simulation.simulate(plan, world, seconds, tmp_path / str(len(list(tmp_path.iterdir()))))

    return simulate


def on_gpus(plan):
    return sum(SECONDS.get(stage.kind, 1.0) for stage in plan.stages if stage.pool != "grade")


def test_every_stage_is_done_once(run, plan):
    found = run(1)
    assert sorted(found.state.ran) == sorted(stage.digest for stage in plan.stages)
    assert (found.state.failed, found.losses, found.lost) == ({}, 0, 0)


def test_one_gpu_does_one_stage_after_the_other(run, plan):
    """Grading runs beside it: what it takes longer than that is the grading behind the last answers."""
    found = run(1)
    assert found.busy == on_gpus(plan)
    assert on_gpus(plan) <= found.seconds <= on_gpus(plan) + 3


def test_gpus_without_end_leave_the_longest_chain(run, simulation, plan):
    seconds = {"collect": 100, "train": 50, "answer_math": 20}
    found = run(100)
    chain = simulation.longest_path(plan, lambda stage: SECONDS.get(stage.kind, 1.0))
    # fingerprint, collect, reference, train, answers, grading
    assert chain == 1 + seconds["collect"] + 1 + seconds["train"] + seconds["answer_math"] + 1
    assert found.seconds == pytest.approx(chain)


def test_engines_that_share_a_stage_shorten_the_chain(simulation, tmp_path):
    """A collection of 100 s in 4 parts of 25 s each, benchmarks likewise; what puts them together takes 1 s."""
    options = ["evaluation.general=[]", "execution.parts=4"]
    plan = simulation.shared(make_plan(load_suite(ROOT / "suites" / "smoke.yaml", options)))

    def seconds(stage):
        if stage.kind == "part":
            return SECONDS[stage.whole.kind] / 4
        return 1.0 if stage.parts else SECONDS.get(stage.kind, 1.0)

    # fingerprint, collect, reference, train, answers, grading
    assert simulation.longest_path(plan, seconds) == 1 + (25 + 1) + 1 + 50 + (5 + 1) + 1
    world = simulation.World(100, request_seconds=0.0, driver_seconds=0.0)
    found = simulation.simulate(plan, world, seconds, tmp_path / "run")
    assert found.seconds == pytest.approx(85)


def test_a_part_takes_its_share_of_what_the_whole_took(simulation, tmp_path):
    """4 x 7 s and a minute to put them together, of a run whose stages took 28 s each."""
    whole = make_plan(load_suite(ROOT / "suites" / "smoke.yaml"))
    journal = Journal(tmp_path / STATE_FILE, clock=lambda: 0.0)
    journal.seconds.update({stage.digest: 28.0 for stage in whole.stages})
    journal.save()
    plan = simulation.shared(make_plan(load_suite(ROOT / "suites" / "smoke.yaml", ["execution.parts=4"])))
    seconds = simulation.by_run(tmp_path)
    found = {(stage.kind, bool(stage.parts)): seconds(stage) for stage in plan.stages}
    assert found["part", False] == 7.0
    assert found["collect", True] == simulation.UNKNOWN_SECONDS == 60.0
    assert found["train", False] == 28.0


def test_parts_take_what_the_plan_estimates_of_their_answers(simulation):
    """A quarter of the answers takes no less than a quarter of the time, and no more than all of it."""
    whole = make_plan(load_suite(ROOT / "suites" / "smoke.yaml"))
    plan = simulation.shared(make_plan(load_suite(ROOT / "suites" / "smoke.yaml", ["execution.parts=4"])))
    devices = read_devices("h100-80gb:8")
    whole_seconds = simulation.by_estimates(whole, devices, {})
    seconds = simulation.by_estimates(plan, devices, {"evaluate_general": 300.0})
    wholes = {stage.digest: stage for stage in whole.stages}
    parts = [stage for stage in plan.stages if stage.kind == "part"]
    assert parts
    for part in parts:
        before = whole_seconds(wholes[part.parameters.whole])
        assert before / 4 <= seconds(part) * (1 + 1e-9) <= before * (1 + 1e-9)
    assert {seconds(stage) for stage in plan.stages if stage.kind == "evaluate_general"} == {300.0}


def test_the_command_prints_a_table_of_a_suite(capsys, monkeypatch, simulation):
    scheduling = runpy.run_path(str(ROOT / "benchmarks" / "scheduling.py"))
    asked = [
        "--simulate",
        str(ROOT / "suites" / "smoke.yaml"),
        "--workers",
        "2",
        "8",
        "--set",
        "execution.parts=2",
    ]
    monkeypatch.setattr(sys, "argv", ["scheduling.py", *asked])
    scheduling["main"]()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| 2", "| 8"]
    assert lines[-1].startswith("Trained weights: ")


def test_each_request_and_each_stage_takes_the_driver_its_time(run, plan):
    found = run(100, request_seconds=1.0, driver_seconds=0.5)
    asked = sum(found.driver_requests.values())
    assert found.driver_requests["at the start"] == 1
    assert found.driver_seconds == asked + 0.5 * len(plan.stages)
    assert found.seconds > run(100).seconds + 1


def test_a_lost_stage_begins_anew(run, plan):
    """At a loss every 100 s of a GPU, on ten of them."""
    found = run(10, hours_between_losses=100 / 3600, restart_seconds=7.0)
    assert found.losses > 0
    assert found.state.retried == found.losses
    assert len(found.state.ran) == len(plan.stages)
    assert found.lost >= 7 * found.losses
    assert found.busy == on_gpus(plan)


def test_the_same_seed_loses_the_same(run):
    lossy = {"hours_between_losses": 0.05}
    assert run(4, **lossy).lost == run(4, **lossy).lost
    assert run(4, **lossy).lost != run(4, seed=1, **lossy).lost


def test_a_table_has_a_row_for_each_number_of_workers(simulation, plan, tmp_path):
    worlds = [simulation.World(workers) for workers in (2, 8)]
    lines = list(simulation.rows(plan, worlds, lambda _: 3600.0, tmp_path))
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 2", "| 8"]
    assert all(line.count("|") == len(simulation.HEAD) + 1 for line in lines)


def test_moved_weights_are_counted_once_a_reader(simulation, plan):
    trained = [stage for stage in plan.stages if stage.kind == "train"]
    readers = sum(d in {s.digest for s in trained} for stage in plan.stages for d in stage.inputs.values())
    said = simulation.moved(plan)
    assert said.startswith(f"Trained weights: {len(trained)} times 0.0 GiB written, {readers} times read")


def test_without_losses_nothing_ends_early(simulation):
    assert simulation.World(3).hours_between_losses == math.inf
