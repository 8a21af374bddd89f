"""Collections are off while libraries are imported, and afterwards as they were."""

import gc

import pytest

from lorr_bench.imports import without_collections


@pytest.fixture(autouse=True)
def as_before():
    was = gc.isenabled()
    yield
    (gc.enable if was else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
def test_collections_are_off_within_and_as_before_afterwards(enabled):
    (gc.enable if enabled else gc.disable)()
    with without_collections():
        assert not gc.isenabled()
        with without_collections():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() == enabled


def test_an_import_that_fails_leaves_collections_as_they_were():
    gc.enable()
    with pytest.raises(ImportError, match="absent"), without_collections():
        raise ImportError("absent")
    assert gc.isenabled()
