"""Two real processes want the same thing at the same moment, again and again."""

import dataclasses
import multiprocessing
import os

import pytest
from stage_samples import sample

from lorr_bench.store.lock import HeldError, Lock, Owner
from lorr_bench.store.record import Outcome, signed
from lorr_bench.store.store import Store

ROUNDS = 20


def stage_of(number):
    return sample("train", "train", seed=number)


def acquired(lock):
    try:
        lock.acquire()
    except HeldError:
        return False
    return True


def taken(folder, number, barrier):
    return acquired(Lock(folder / f"lock-{number}"))


def claimed(folder, number, barrier):
    return acquired(Store(folder).claim(stage_of(number)))


def commit(folder, number, barrier):
    """Write the same work, in which each process leaves its number."""
    store = Store(folder)
    with store.writing(stage_of(number)) as draft:
        (draft.folder / "model").mkdir()
        for name in ("a", "b"):
            (draft.folder / "model" / name).write_text(str(os.getpid()), "utf-8")
        barrier.wait()
        draft.commit(Outcome())
    return True


def race(work, folder, barrier, results):
    for number in range(ROUNDS):
        barrier.wait()
        results.put((number, os.getpid(), work(folder, number, barrier)))
        barrier.wait()


@pytest.fixture
def raced():
    """Run the work in two processes; by round, which of them succeeded."""
    context = multiprocessing.get_context("spawn")

    def run(work, folder):
        barrier, results = context.Barrier(2, timeout=60), context.Queue()
        racers = [context.Process(target=race, args=(work, folder, barrier, results)) for _ in range(2)]
        for racer in racers:
            racer.start()
        told = [results.get(timeout=60) for _ in range(2 * ROUNDS)]
        for racer in racers:
            racer.join()
            assert racer.exitcode == 0
        won = {number: [] for number in range(ROUNDS)}
        for number, pid, success in told:
            won[number] += [pid] if success else []
        return won

    return run


@pytest.mark.slow
def test_a_free_lock_is_taken_by_one(raced, tmp_path):
    assert [len(winners) for winners in raced(taken, tmp_path).values()] == [1] * ROUNDS


@pytest.mark.slow
def test_a_dead_owners_lock_is_taken_over_by_one(raced, tmp_path):
    for number in range(ROUNDS):
        dead = dataclasses.replace(Owner.here(), started="0")
        (tmp_path / f"lock-{number}").write_text(signed(dataclasses.asdict(dead)), "utf-8")
    assert [len(winners) for winners in raced(taken, tmp_path).values()] == [1] * ROUNDS


@pytest.mark.slow
def test_a_stage_is_claimed_by_one(raced, tmp_path):
    assert [len(winners) for winners in raced(claimed, tmp_path).values()] == [1] * ROUNDS


@pytest.mark.slow
@pytest.mark.parametrize("before", ["nothing", "freed", "damaged"])
def test_of_two_results_one_is_there_whole(raced, tmp_path, before):
    store = Store(tmp_path)
    stages = [stage_of(number) for number in range(ROUNDS)]
    for stage in stages if before != "nothing" else ():
        with store.writing(stage) as draft:
            (draft.folder / "model").mkdir()
            (draft.folder / "model" / "a").write_text("first", "utf-8")
            draft.commit(Outcome())
        if before == "freed":
            store.free(stage)
        else:
            (store.folder(stage) / "record.json").unlink()
    raced(commit, tmp_path)
    for stage in stages:
        assert store.read(stage, verify=True) is not None
        assert store.whole(stage)
        texts = {(store.folder(stage) / "model" / name).read_text("utf-8") for name in ("a", "b")}
        assert len(texts) == 1
    assert list((tmp_path / "drafts").iterdir()) == []
