"""What slots ask of the nodes of a cluster, and whether the nodes have it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.run.ray.placement import Share, has_room, pool_shares
from lorr_bench.spec.load import load_suite

SMOKE = Path(__file__).parents[3] / "suites" / "smoke.yaml"
GIB = 2**30


def suite(*overrides):
    return load_suite(SMOKE, overrides).suite


def test_a_stage_holds_the_gpus_that_its_processes_need():
    wanted = suite("training.num_processes=2", "engine.tensor_parallel_size=4")
    shares = pool_shares(wanted, has_gpus=True)
    assert {pool: share.gpus for pool, share in shares.items()} == {"train": 2, "engine": 4, "grade": 0}


def test_a_cluster_without_gpus_is_not_asked_for_any():
    shares = pool_shares(suite("training.num_processes=2"), has_gpus=False)
    assert {pool: share.gpus for pool, share in shares.items()} == {"train": 0, "engine": 0, "grade": 0}


def test_what_the_suite_says_wins():
    resources = "execution.resources"
    wanted = suite(
        f"{resources}.engine.gpus=0.25", f"{resources}.engine.cpus=4", f"{resources}.engine.memory_gib=2"
    )
    assert pool_shares(wanted, has_gpus=True)["engine"] == Share(4.0, 0.25, 2 * GIB)


def test_each_seat_has_one_core_by_default():
    assert {share.cpus for share in pool_shares(suite(), has_gpus=True).values()} == {1.0}


@pytest.mark.parametrize(
    ("held", "room"),
    [
        ([], True),
        ([("a", Share(1, 1, 0))], True),
        ([("a", Share(1, 1, 0)), ("b", Share(1, 1, 0))], False),
        ([("a", Share(1, 1, 0)), (None, Share(1, 1, 0))], False),
        ([(None, Share(1, 0, 0)), (None, Share(1, 0, 0))], True),
        ([("a node that has died", Share(1, 1, 0)), ("a", Share(1, 1, 0))], True),
    ],
)
def test_room_is_counted_node_by_node(held, room):
    nodes = {"a": Share(4, 1, 0), "b": Share(4, 1, 0)}
    assert has_room(nodes, held, Share(1, 1, 0)) is room


def test_two_halves_on_two_nodes_are_no_whole():
    nodes = {"a": Share(4, 1, 0), "b": Share(4, 1, 0)}
    assert not has_room(nodes, [], Share(1, 2, 0))


def test_memory_counts():
    assert not has_room({"a": Share(4, 0, 2 * GIB)}, [("a", Share(1, 0, GIB))], Share(1, 0, 1.5 * GIB))


@pytest.mark.slow
@given(st.integers(1, 20), st.integers(0, 20))
def test_a_node_holds_as_many_equal_parts_as_make_it_up(parts, taken):
    """However floating-point numbers add up."""
    part = Share(1 / parts, 0, 0)
    assert has_room({"a": Share(1, 0, 0)}, [("a", part)] * min(taken, parts), part) is (taken < parts)


def test_a_share_in_words():
    assert str(Share(2, 0.5, 1.5 * GIB)) == "CPU 2, GPU 0.5, 1.5 GiB of memory"
    assert str(Share(1, 0, 0)) == "CPU 1, GPU 0"
