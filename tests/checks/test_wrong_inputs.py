"""What is wrong with a suite is said by `run` before its first stage."""

import pytest
from wrong_inputs import WRONG_INPUTS, WrongInput

from lorr_bench.errors import LorrBenchError
from lorr_bench.run import suite_run
from lorr_bench.run.suite_run import Places, run_suite
from lorr_bench.spec.load import load_suite
from lorr_bench.store.store import Store


class StageBegunError(Exception):
    """An executor was asked for."""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a suite as the command does, up to its first stage."""

    def no_executor(_):
        raise StageBegunError

    monkeypatch.setattr(suite_run, "make_executor", no_executor)
    tasks = tmp_path / "tasks"  # lm-eval's own take seconds to read
    tasks.mkdir()
    for module in ("lorr_bench.checks.task_names", "lorr_bench.plan.identity.task_source"):
        monkeypatch.setattr(f"{module}.own_folder", lambda: tasks)

    def run(wrong):
        places = Places(tmp_path / "out", str(tmp_path / "store"))
        loaded = load_suite(wrong.write(tmp_path / "suite"))
        run_suite(loaded, places, lambda _: None, Store(tmp_path / "store"))

    return run


LOADING = ("tokenizer without end token",)
"""Those in which the tokenizer is loaded."""


def case(wrong):
    marks = [pytest.mark.slow] if wrong.name in LOADING else []
    return pytest.param(wrong, id=wrong.name, marks=marks)


@pytest.mark.parametrize("wrong", [case(wrong) for wrong in WRONG_INPUTS])
def test_it_is_refused_before_the_first_stage(wrong, run, tmp_path):
    with pytest.raises(LorrBenchError) as refused:
        run(wrong)
    assert wrong.said in str(refused.value)
    assert refused.value.fix
    assert not (tmp_path / "out").exists()


def test_the_suite_that_they_spoil_begins(run):
    with pytest.raises(StageBegunError):
        run(WrongInput("nothing", lambda *_: None, ""))
