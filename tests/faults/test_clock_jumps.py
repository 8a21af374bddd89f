"""The clock of the machine jumps by years, either way: nothing depends on it."""

import itertools
import os
import time

import pytest

from lorr_bench.store.lock import HeldError, Lock, holder

YEARS = 365.25 * 24 * 3600
JUMPS = {
    "back": lambda now: itertools.cycle([now - 30 * YEARS]),
    "forward": lambda now: itertools.cycle([now + 30 * YEARS]),
    "to-and-fro": lambda now: itertools.cycle([now + 30 * YEARS, now - 30 * YEARS]),
    "to-zero": lambda now: itertools.cycle([0.0]),
}


@pytest.fixture(params=JUMPS)
def jumping(request, monkeypatch):
    jump(request.param, monkeypatch)


def jump(way, monkeypatch):
    times = JUMPS[way](time.time())
    monkeypatch.setattr(time, "time", lambda: next(times))
    monkeypatch.setattr(time, "time_ns", lambda: int(next(times) * 10**9))


def test_a_living_owner_keeps_its_lock(tmp_path, jumping):
    with Lock(tmp_path / "lock") as lock:
        lock.beat()
        with pytest.raises(HeldError):
            Lock(tmp_path / "lock").acquire()
        assert not lock.lost


@pytest.mark.parametrize("modified", [0, 2**31 + 5])
def test_the_date_of_a_lock_does_not_matter(tmp_path, modified):
    with Lock(tmp_path / "lock") as lock:
        os.utime(tmp_path / "lock", (modified, modified))
        with pytest.raises(HeldError):
            Lock(tmp_path / "lock").acquire()
        lock.beat()
        assert (tmp_path / "lock").stat().st_mtime == modified + 5
        assert not lock.lost
    assert holder(tmp_path / "lock") is None


@pytest.mark.slow
def test_stages_give_times_that_are_none_of_the_clock(bench, monkeypatch, notices):
    jump("to-and-fro", monkeypatch)
    bench.finish()
    for stage in bench.plan.stages:
        record = bench.store.read(stage, verify=True)
        assert 0 <= record.wall_seconds < 60
        assert all(0 <= seconds < 60 for seconds in record.outcome.parts.values())
        assert 0 <= record.outcome.spend.get("wall_seconds", 0) < 60
    assert notices == []


@pytest.mark.slow
@pytest.mark.parametrize("way", ["back", "to-and-fro"])
def test_damage_is_set_aside_again_and_again(bench, monkeypatch, way):
    """Also where every moment is the same."""
    jump(way, monkeypatch)
    stage = bench.plan.stages[0]
    for times in (1, 2, 3):
        bench.run(stage)
        (bench.store.folder(stage) / "record.json").write_text("{}", "utf-8")
        assert bench.store.read(stage) is None
        assert len(list((bench.store.root / "damaged").iterdir())) == times
