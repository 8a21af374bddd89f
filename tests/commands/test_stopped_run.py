"""A run that the user ends, and one that ends with failures: what is said last."""

import pytest
import typer
from command_line import SMOKE, lorr_bench_here

from lorr_bench.commands import running
from lorr_bench.commands.asked import Asked
from lorr_bench.errors import DiskFullError, StoppedError
from lorr_bench.events import Ended, GivenUp, RunBegan, RunEnded
from lorr_bench.plan.plan import make_plan
from lorr_bench.run.driver import RunState
from lorr_bench.run.suite_run import FinishedRun, RunOptions


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs the smoke suite by a function that stands for all that a run does."""

    def begin(act):
        def instead(loaded, places, watcher, store, options):
            plan = make_plan(loaded)
            watcher(RunBegan(plan, plan.stages))
            return act(plan, watcher)

        monkeypatch.setattr(running, "run_suite", instead)
        running.run(Asked(SMOKE, output=tmp_path / "out"), RunOptions())

    return begin


def interrupted(plan, watcher):
    watcher(Ended(plan.stages[0].digest, 1.0, 0))
    watcher(RunEnded(interrupted=True))
    raise KeyboardInterrupt


def test_an_interrupted_run_says_what_is_kept(run):
    with pytest.raises(StoppedError) as stopped:
        run(interrupted)
    assert str(stopped.value) == "Interrupted. 1 of 25 stages are done and kept. The same command continues."


def test_the_command_ends_with_that_line_and_no_word_of_an_error(monkeypatch, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "run_suite", stop)
    done = lorr_bench_here("run", SMOKE, "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (130, "Interrupted. The same command continues.\n")


def test_any_other_command_that_is_interrupted_says_only_that(monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("lorr_bench.commands.listing.show_list", stop)
    done = lorr_bench_here("list")
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def failing(plan, watcher, **state):
    stage = next(stage for stage in plan.stages if stage.kind == "train")
    watcher(GivenUp(stage.digest, "the loss is nan", lasting=True))
    watcher(RunEnded())
    return FinishedRun(plan, RunState(failed={stage.digest: "the loss is nan"}, **state), None, ())


def test_a_run_with_failures_ends_with_their_causes_and_code_1(run, capsys, tmp_path):
    with pytest.raises(typer.Exit) as ended:
        run(failing)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.splitlines()[-5:] == [
        "1 stage has no result, for 1 cause:",
        "  1. the loss is nan",
        "     train dpo+plain, 16 pairs, seed 0",
        f"All of them: lorr-bench status {SMOKE} -o {tmp_path / 'out'}",
        "Mend what is said above, then run the same command again.",
    ]


def test_a_run_that_ended_at_its_first_failure_says_so(run, capsys):
    with pytest.raises(typer.Exit):
        run(lambda plan, watcher: failing(plan, watcher, halted="train: the loss is nan"))
    assert "Ended at the first failure, as --fail-fast asks." in capsys.readouterr().err


def test_a_full_disk_is_an_error_of_its_own(run):
    with pytest.raises(DiskFullError, match="the run ended: no room"):
        run(lambda plan, watcher: failing(plan, watcher, halted="no room", disk_full=True))
