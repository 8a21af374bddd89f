"""The program of an external trainer: its log, its end, and its errors."""

import os
import signal
import sys

import pytest
from lorr_bench_adapters.external.program import run_program

from lorr_bench.errors import StageError


@pytest.fixture
def run(tmp_path):
    """Runs Python code and gives its log file."""

    def run(code, *, variables=None, watch=lambda: None):
        log = tmp_path / "trainer.log"
        command = [sys.executable, "-c", code]
        run_program(command, variables=variables or dict(os.environ), log=log, watch=watch, seconds=0.01)
        return log

    return run


def test_both_streams_go_to_the_log(run):
    log = run("import os; os.write(1, b'out\\n'); os.write(2, b'err\\n')")
    assert log.read_text("utf-8") == "out\nerr\n"


def test_the_program_gets_the_given_variables_and_no_others(run):
    log = run("import os; print(os.environ.get('OWN'), os.environ.get('HOME'))", variables={"OWN": "1"})
    assert log.read_text("utf-8") == "1 None\n"


def test_it_is_watched_while_it_runs_and_after_its_end(run, tmp_path):
    """The program waits for a file that the first call of the watch writes."""
    sign, seen = tmp_path / "sign", []

    def watch():
        seen.append(sign.exists())
        sign.touch()

    run(f"import os\nwhile not os.path.exists({str(sign)!r}): pass", watch=watch)
    assert seen[0] is False
    assert seen[-1] is True


def test_a_failure_shows_the_end_of_the_log_and_where_the_rest_is(run, tmp_path):
    with pytest.raises(StageError) as caught:
        run("for line in range(100): print('line', line)\nraise SystemExit(3)")
    assert "ended with exit code 3" in caught.value.what
    assert caught.value.what.endswith("line 98\nline 99")
    assert "line 84\n" not in caught.value.what  # 15 lines are shown
    assert caught.value.where == str(tmp_path / "trainer.log")


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (signal.SIGKILL, "was killed, most often because memory ran out"),
        (signal.SIGTERM, "ended by SIGTERM"),
    ],
)
def test_a_signal_is_named(run, number, message):
    with pytest.raises(StageError, match=message):
        run(f"import os; os.kill(os.getpid(), {number})")


def test_a_program_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(StageError, match="the trainer does not start"):
        run_program([str(tmp_path / "none")], variables={}, log=tmp_path / "log", watch=lambda: None)


def test_an_interruption_ends_the_program(run, tmp_path):
    """Otherwise it would go on writing into the folder of the next run."""
    file = tmp_path / "pid"

    def interrupt():
        if file.exists() and file.read_text("utf-8"):
            raise KeyboardInterrupt

    code = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        run(code, watch=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text("utf-8")), 0)
