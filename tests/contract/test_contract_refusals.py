"""What every registered adapter refuses, before it has spent anything."""

import dataclasses

import pytest

from lorr_bench.errors import DataError, ModelError, SuiteError
from lorr_bench.lorr.loop import Reset

pytestmark = pytest.mark.slow


def never(*_):
    raise AssertionError("a step was made")


@pytest.mark.parametrize("period", ["replay", 1])
def test_a_reset_that_selects_nothing(bench, tmp_path, period):
    nothing = Reset("no_such_projection", 0.5, clear_optimizer=True, period=period)
    with pytest.raises(SuiteError, match="no_such_projection"):
        bench.train(tmp_path, loop=bench.loop(reset=nothing), progress=never)


def test_prompts_that_leave_no_room_for_an_answer(bench, tmp_path):
    short = bench.settings(max_length=4, max_completion_length=2)
    if bench.adapter.needs_reference:
        with pytest.raises(DataError, match="max_length"):
            bench.adapter.reference(bench.start, bench.rows, short, tmp_path / "reference.parquet")
    else:
        with pytest.raises(DataError, match="max_length"):
            bench.train(tmp_path, hyperparameters=short, progress=never)


def test_a_model_that_is_not_there(bench, tmp_path):
    nowhere = dataclasses.replace(bench.start, path=str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="nowhere"):
        bench.train(tmp_path, model=nowhere, progress=never)


def test_a_model_that_is_not_there_when_the_reference_is_made(bench, tmp_path):
    if not bench.adapter.needs_reference:
        pytest.skip("needs no reference")
    nowhere = dataclasses.replace(bench.start, path=str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="nowhere"):
        bench.adapter.reference(nowhere, bench.rows, bench.hyperparameters, tmp_path / "reference.parquet")
