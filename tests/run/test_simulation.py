"""The real driver with simulated workers, clock and store, against sums made by hand."""

import importlib.util
import math
import sys
from pathlib import Path

import pytest

from lorr_bench.plan.plan import make_plan
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
