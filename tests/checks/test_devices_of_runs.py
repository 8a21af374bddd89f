"""A machine with too few devices says so before anything is collected."""

import pytest
from wrong_inputs import WrongInput

from lorr_bench.errors import SuiteError
from lorr_bench.generate import engine
from lorr_bench.run import suite_run
from lorr_bench.run.suite_run import Places, RunOptions, run_suite
from lorr_bench.spec.load import load_suite
from lorr_bench.stages.training import ranks
from lorr_bench.store.store import Store


class StageBegunError(Exception):
    """An executor was asked for."""


def shared(values, _):
    values["training"] = {"num_processes": 4, "sharding": "fsdp"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a suite of four processes where nothing can be sharded, up to its first stage."""

    def refuse(number, sharding):
        raise SuiteError(f"{number} processes, {sharding}", where="training", fix="Buy some.")

    def no_executor(_):
        raise StageBegunError

    def refuse_parts(number):
        raise SuiteError(f"{number} parts", where="engine", fix="Buy some.")

    monkeypatch.setattr(ranks, "check_devices", refuse)
    monkeypatch.setattr(engine, "check_devices", refuse_parts)
    monkeypatch.setattr(suite_run, "make_executor", no_executor)
    suite = WrongInput("shared", shared, "").write(tmp_path / "suite")

    def run(*only, overrides=(), **options):
        places = Places(tmp_path / "out", str(tmp_path / "store"))
        asked = RunOptions(only=only, **options)
        run_suite(load_suite(suite, overrides), places, lambda _: None, Store(tmp_path / "store"), asked)

    return run


def test_a_training_that_can_not_be_is_refused(run, tmp_path):
    with pytest.raises(SuiteError, match="4 processes, fsdp"):
        run()
    with pytest.raises(SuiteError, match="4 processes, fsdp"):
        run("easy: dpo+lorr*")  # needs the training
    assert not (tmp_path / "out").exists()


CUT = ["engine.tensor_parallel_size=2"]


def test_an_engine_of_too_many_parts_is_refused(run):
    with pytest.raises(SuiteError, match="2 parts"):
        run("collect", overrides=CUT)
    with pytest.raises(StageBegunError):
        run("fingerprint", overrides=CUT)


@pytest.mark.parametrize(
    "asked",
    [
        {"only": ["collect"]},
        {"pools": ("engine", "grade")},
        {"overrides": ["training.num_processes=1"]},
        {"overrides": ["execution.executor=ray"]},
    ],
    ids=["only the collection", "no training", "one process", "a cluster"],
)
def test_what_trains_nothing_here_begins(run, asked):
    with pytest.raises(StageBegunError):
        run(*asked.pop("only", ()), **asked)
