"""A process that has imported before is as a new one: words, files, folder, environment, how it ends, whose child it is."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from warm_process import Child, run_warm, warm_process, with_warm_launcher

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="a child is taken over as Linux allows"),
]

FACTS = """
import json, os, sys
loaded = "torch" in sys.modules
print(json.dumps([sys.argv[1:], os.getcwd(), os.environ.get("LORR_BENCH_TRIED"), os.getppid(), loaded]))
print("heard", file=sys.stderr)
sys.exit(3)
"""


def imported():
    """The environment in which it imported; that of this process may be another by now."""
    return warm_process().environment


def test_arguments_folder_environment_and_what_is_printed(tmp_path):
    done = run_warm(
        "-c", FACTS, "a", tmp_path, environment={**imported(), "LORR_BENCH_TRIED": "1"}, cwd=tmp_path
    )
    assert json.loads(done.stdout) == [["a", str(tmp_path)], str(tmp_path), "1", os.getpid(), True]
    assert (done.stderr, done.returncode) == ("heard\n", 3)


def test_what_one_does_another_does_not_find():
    mark = "import os, sys; os.environ['LORR_BENCH_MARK'] = '1'; sys.lorr_bench_mark = 1"
    look = "import os, sys; print('LORR_BENCH_MARK' in os.environ, hasattr(sys, 'lorr_bench_mark'))"
    assert run_warm("-c", mark, environment=os.environ).returncode == 0
    assert run_warm("-c", look, environment=os.environ).stdout == "False False\n"


def test_in_an_environment_that_a_library_would_read_otherwise_a_new_one_starts():
    loaded = "import sys; print('torch' in sys.modules)"
    assert run_warm("-c", loaded, environment={**os.environ, "HF_HUB_CACHE": "elsewhere"}).stdout == "False\n"


def test_what_imports_set_changes_nothing():
    """Whoever imports vLLM has them from then on, and would never be warm again.

    Where these tests had imported it before, the warm process was started with them.
    """
    names = warm_process().set_by_imports
    assert {"HF_XET_HIGH_PERFORMANCE", "TORCHINDUCTOR_COMPILE_THREADS"} <= {*names, *imported()}
    loaded = "import sys; print('torch' in sys.modules)"
    environment = {**imported(), **dict.fromkeys(names, "elsewhere")}
    assert run_warm("-c", loaded, environment=environment).stdout == "True\n"


def test_a_script_finds_what_lies_beside_it_and_a_module_what_lies_in_its_folder(tmp_path):
    (tmp_path / "beside.py").write_text("FOUND = 'found'", "utf-8")
    (tmp_path / "script.py").write_text("import beside; print(__name__, beside.FOUND)", "utf-8")
    script = run_warm(tmp_path / "script.py", environment=os.environ)
    module = run_warm("-m", "script", environment=os.environ, cwd=tmp_path)
    assert (script.stdout, module.stdout) == ("__main__ found\n", "__main__ found\n")


def test_one_that_fails_ends_as_python_does():
    done = run_warm("-c", "1 / 0", environment=os.environ)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_one_that_ends_with_words_says_them_after_what_it_had_put_off():
    code = "import atexit, sys; atexit.register(print, 'put off'); print('did'); sys.exit('no more')"
    done = run_warm("-c", code, environment=os.environ)
    assert (done.stdout, done.stderr, done.returncode) == ("did\nput off\n", "no more\n", 1)


def test_one_that_takes_too_long_is_ended():
    with pytest.raises(subprocess.TimeoutExpired):
        run_warm("-c", "import time; time.sleep(60)", environment=os.environ, timeout=0.2)


def test_a_session_of_its_own_is_ended_as_a_group():
    with Path(os.devnull).open("r+b") as nothing:
        words = ["-c", "import time; time.sleep(60)"]
        child = Child(warm_process().start(words, os.environ, [nothing.fileno()] * 3, session=True))
    os.killpg(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL


ABOUT_A_RANK = """
import json, os, sys, torch
facts = {"loaded": len(sys.modules), "threads": torch.get_num_threads(), "rank": os.environ["RANK"]}
sys.__stdout__.write(json.dumps({**facts, "found": FOUND, "own_folder": os.getcwd() in sys.path}) + chr(10))
"""


def test_a_launcher_and_its_ranks_are_warm_and_have_the_environment_that_they_are_given(tmp_path):
    (tmp_path / "beside.py").write_text("FOUND = 'found'", "utf-8")
    (tmp_path / "place").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "place" / "one.py").write_text(f"from beside import FOUND\n{ABOUT_A_RANK}", "utf-8")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "one"]
    given = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(tmp_path / "place")]), "PYTHONSAFEPATH": "1"}
    with (tmp_path / "out").open("wb") as out:
        child = with_warm_launcher(warm_process()).Popen(
            [sys.executable, *launcher],
            env={**os.environ, **given, "OMP_NUM_THREADS": "2"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=tmp_path / "run",
        )
        try:
            assert child.wait(120) == 0, (tmp_path / "out").read_text("utf-8")
        finally:
            child.kill()
    seen = [
        json.loads(line) for line in (tmp_path / "out").read_text("utf-8").splitlines() if "loaded" in line
    ]
    assert sorted(one["rank"] for one in seen) == ["0", "1"]
    for one in seen:
        assert (one["threads"], one["found"], one["own_folder"]) == (2, "found", False)
        assert one["loaded"] > 2000  # of vLLM, TRL and others


def test_one_that_is_asked_to_ends():
    with Path(os.devnull).open("r+b") as nothing:
        words = ["-c", "import time; time.sleep(60)"]
        child = Child(warm_process().start(words, os.environ, [nothing.fileno()] * 3))
    assert child.poll() is None
    child.terminate()
    assert child.wait(20) == -signal.SIGTERM
    assert child.poll() == -signal.SIGTERM
