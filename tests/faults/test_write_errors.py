"""A write fails, or the disk is full, at every place of every kind of stage: nothing half-written is ever seen.

Each time the stage ends with an error of ours, and the next run gives the same bytes as one that met no fault.
"""

import errno
import shutil
from contextlib import suppress

import pytest
from broken_disk import BrokenDisk

from lorr_bench.errors import DiskFullError, StoreError
from lorr_bench.plan.kinds.registry import KINDS

pytestmark = pytest.mark.slow

FAULTS = [errno.ENOSPC, errno.EIO]


def last_of(kind, bench):
    return [stage for stage in bench.stages.values() if stage.kind == kind][-1]


def forget(bench, stage):
    """Take the result away."""
    shutil.rmtree(bench.store.folder(stage))


def broken(bench, stage, monkeypatch, number, place):
    """Run with a fault; whether it was met. Errors that are not ours are not caught."""
    ours = DiskFullError if number == errno.ENOSPC else StoreError
    with BrokenDisk(bench.store.root, number, place).instead(monkeypatch) as disk, suppress(ours):
        bench.run(stage)
    return disk.failed


@pytest.mark.parametrize("number", FAULTS, ids=errno.errorcode.get)
@pytest.mark.parametrize("kind", KINDS)
def test_a_write_that_fails_anywhere_leaves_nothing_half_written(
    finished, notices, monkeypatch, kind, number
):
    bench = finished
    stage = last_of(kind, bench)
    sound = bench.store.read(stage, verify=True).files
    forget(bench, stage)
    place = 1
    while broken(bench, stage, monkeypatch, number, place):
        found = bench.store.read(stage, verify=True)
        assert found is None or found.files == sound
        assert list((bench.store.root / "drafts").iterdir()) == []
        if found is None:
            assert bench.run(stage).files == sound
        assert not bench.store.scratch(stage).exists() or found is not None
        forget(bench, stage)
        place += 1
    assert bench.store.read(stage, verify=True).files == sound  # the run that met no fault
    assert place > 10
    assert notices == []


@pytest.mark.parametrize("number", FAULTS, ids=errno.errorcode.get)
def test_a_write_that_fails_while_weights_are_freed_damages_nothing(finished, notices, monkeypatch, number):
    bench = finished
    stage = last_of("train", bench)
    place, met = 1, True
    while met:
        with BrokenDisk(bench.store.root, number, place).instead(monkeypatch) as disk, suppress(StoreError):
            bench.store.free(stage)
        assert bench.store.read(stage, verify=True) is not None
        assert bench.store.whole(stage) == bool(bench.store.weights(stage))  # all or nothing
        if not bench.store.whole(stage):
            bench.run(stage)
        place, met = place + 1, disk.failed
    assert place > 5
    assert notices == []


def test_a_write_that_fails_while_freed_weights_are_put_back_keeps_the_record(finished, notices, monkeypatch):
    bench = finished
    stage = last_of("train", bench)
    bench.store.free(stage)
    place = 1
    while broken(bench, stage, monkeypatch, errno.ENOSPC, place):
        assert bench.store.read(stage, verify=True) is not None
        bench.store.free(stage)
        shutil.rmtree(bench.store.scratch(stage), ignore_errors=True)  # so that each attempt writes the same
        place += 1
    assert bench.store.whole(stage)
    assert notices == []
