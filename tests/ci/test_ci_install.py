"""`.ci/install` against an interpreter that only writes down what it is asked to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CPU_INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu"
FAKE_PYTHON = """\
#!/bin/sh
# -c: the checks pass. -m venv: a copy of this file. -m pip: a line in the log, with what a file of requirements in
# the environment holds; faults by variables. pip compiles nothing; -m compileall is a line too, and finds a fault.
case "$1 ${2:-}" in
"-m compileall") echo "$*" >>"$LOG" && exit 1 ;;
"-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip")
    shift 2
    [ "$1" = --version ] && exit 0
    [ "${PIP_COMPILE-}" = 0 ] || exit 9
    echo "$*" >>"$LOG"
    case "$*" in
    *--dry-run*) echo "${REPORT:-}" >"$5" && exit "${DRY_RUN_STATUS:-0}" ;;
    *.build-tools.txt) cat .venv*/.build-tools.txt >>"$LOG" ;;
    *" -e "*) exit "${INSTALL_STATUS:-0}" ;;
    esac
    ;;
esac
exit 0
"""
SMI = """\
#!/bin/sh
[ "$1" = -L ] || echo "${DRIVER_VERSION:-}"
exit ${NVIDIA_SMI_STATUS:-1}
"""
LOCKED = """\
numpy==2.0.0 \\
    --hash=sha256:00
setuptools==80.0.0 ; python_version > '3' \\
    --hash=sha256:11 \\
    --hash=sha256:22
    # via torch
six==1.0.0 \\
    --hash=sha256:33
"""
EXACTLY = "install -q --no-deps --no-build-isolation"
BUILD_TOOLS = [
    f"{EXACTLY} --require-hashes -r .venv/.build-tools.txt",
    "setuptools==80.0.0 ; python_version > '3' \\",
    "    --hash=sha256:11 \\",
    "    --hash=sha256:22",
]
EDITABLE = f"{EXACTLY} -e ."
Install = Callable[..., subprocess.CompletedProcess[str]]


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / ".ci" / "locked").mkdir(parents=True)
    (folder / "lorr_bench" / "locked").mkdir(parents=True)
    shutil.copy2(ROOT / ".ci" / "install", folder / ".ci" / "install")
    (folder / "pyproject.toml").write_text('    "torch==2.14.0",\n')
    (folder / "lorr_bench" / "locked" / "cpu.txt").write_text(f"# for CPU\n# torch==2.13.0\n{LOCKED}")
    (folder / "lorr_bench" / "locked" / "nvidia.txt").write_text(LOCKED)
    for kind in ("cpu", "nvidia"):
        (folder / ".ci" / "locked" / f"{kind}-dev.txt").write_text("pytest==9.0.0\n")
    return folder


@pytest.fixture
def install(checkout: Path, tmp_path: Path) -> Install:
    """Run the script; its standard output, then the pip calls in `.args`."""
    python = script(tmp_path / "fake" / "python", FAKE_PYTHON)
    script(tmp_path / "fake" / "nvidia-smi", SMI)

    def run(*arguments: str, folder: Path = checkout, **variables: str) -> subprocess.CompletedProcess[str]:
        log = tmp_path / "log"
        log.write_text("")
        own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = own | {
            "PYTHON": str(python),
            "LOG": str(log),
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            **variables,
        }
        done = subprocess.run(
            [str(folder / ".ci" / "install"), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        done.args = log.read_text().splitlines()
        return done

    return run


@pytest.mark.parametrize(
    ("cuda", "driver", "wanted"),
    [
        ("13.0.96", "570.124.06", "CUDA 13 and want 580 or newer"),
        ("13.0.96", "580.65.06", None),
        ("12.8.90", "520.61.05", "CUDA 12 and want 525 or newer"),
        ("13.0.96", "", None),  # it does not say
    ],
)
def test_a_driver_that_is_too_old_is_told_before_anything_is_loaded(
    checkout: Path, install: Install, cuda: str, driver: str, wanted: str | None
) -> None:
    locked = checkout / "lorr_bench" / "locked" / "nvidia.txt"
    locked.write_text(f"{LOCKED}nvidia-cuda-runtime=={cuda} \\\n    --hash=sha256:44\n")
    done = install(NVIDIA_SMI_STATUS="0", DRIVER_VERSION=driver)
    assert (done.returncode != 0) == (wanted is not None)
    if wanted is not None:
        assert wanted in done.stderr
        assert done.args == []
        assert install(NVIDIA_SMI_STATUS="0", DRIVER_VERSION=driver, DRIVER="any").returncode == 0


def test_where_python_writes_no_bytecode_all_is_compiled_at_once(install: Install) -> None:
    done = install(PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 0
    assert done.args[-2:] == [EDITABLE, "-m compileall -qq -j 0 .venv/lib lorr_bench adapters"]


def test_cpu_takes_the_plain_build_of_torch_when_it_is_for_cpu(install: Install) -> None:
    done = install()
    assert done.returncode == 0
    assert done.args == [
        "install -q --dry-run --report .venv/.torch-report.json torch==2.13.0",
        "install -q --no-deps torch==2.13.0",
        *BUILD_TOOLS,
        f"{EXACTLY} --require-hashes -r lorr_bench/locked/cpu.txt",
        EDITABLE,
    ]
    assert done.stdout.splitlines()[-1] == "Ready: .venv/bin/lorr-bench"
    assert done.stderr == ""


@pytest.mark.parametrize(
    "fault",
    [
        {"REPORT": '{"name": "nvidia-cublas"}'},
        {"REPORT": '{"name": "cuda-toolkit"}'},
        {"DRY_RUN_STATUS": "1"},
    ],
)
def test_cpu_adds_the_cpu_index_when_the_plain_build_is_not_for_cpu(
    install: Install, fault: dict[str, str]
) -> None:
    done = install(**fault)
    assert done.returncode == 0
    assert done.args[1] == f"install -q --no-deps {CPU_INDEX} torch==2.13.0"


NVIDIA = [*BUILD_TOOLS, f"{EXACTLY} --require-hashes -r lorr_bench/locked/nvidia.txt", EDITABLE]


def test_nvidia(install: Install) -> None:
    assert install(NVIDIA_SMI_STATUS="0").args == NVIDIA


def test_a_second_call_does_nothing(install: Install) -> None:
    install()
    second = install()
    assert (second.returncode, second.stdout, second.args) == (0, "", [])


@pytest.mark.slow
def test_dev_is_more_than_running_needs(install: Install) -> None:
    install()
    both = "-r lorr_bench/locked/cpu.txt -r .ci/locked/cpu-dev.txt"
    assert f"{EXACTLY} --require-hashes {both}" in install("dev").args
    assert install("dev").args == []
    assert install().args == []


def test_dev_first_serves_running_too(install: Install) -> None:
    install("dev")
    assert install().args == []


@pytest.mark.parametrize(
    "name", ["pyproject.toml", ".ci/install", "lorr_bench/locked/cpu.txt", ".ci/locked/cpu-dev.txt"]
)
def test_a_change_installs_again_in_place(install: Install, checkout: Path, name: str) -> None:
    install()
    (checkout / ".venv" / "kept").touch()
    with (checkout / name).open("a") as file:
        file.write("# changed\n")
    assert EDITABLE in install().args
    assert (checkout / ".venv" / "kept").exists()


def test_an_interrupted_set_up_is_started_over(install: Install, checkout: Path) -> None:
    assert install(INSTALL_STATUS="7").returncode == 7
    (checkout / ".venv" / "half").touch()
    again = install()
    assert again.returncode == 0
    assert "An earlier set-up was interrupted: starting over" in again.stdout
    assert EDITABLE in again.args
    assert not (checkout / ".venv" / "half").exists()


def test_a_folder_without_pip_gets_one(install: Install, checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    assert install().returncode == 0
    assert (checkout / ".venv" / "bin" / "python").exists()


def test_a_moved_checkout_is_set_up_anew(install: Install, checkout: Path) -> None:
    install()
    moved = checkout.rename(checkout.with_name("moved"))
    done = install(folder=moved)
    assert "The checkout was moved: starting over" in done.stdout
    assert EDITABLE in done.args


def test_another_kind_of_machine_is_set_up_anew(install: Install) -> None:
    install()
    done = install(NVIDIA_SMI_STATUS="0")
    assert ".venv was made for cpu: starting over" in done.stdout
    assert done.args == NVIDIA


@pytest.mark.parametrize(
    ("fault", "word"),
    [("version_info", "is missing or not Python 3.11 to 3.13"), ("ensurepip", "lacks the venv module")],
)
def test_an_unfit_python_is_refused(install: Install, tmp_path: Path, fault: str, word: str) -> None:
    python = script(tmp_path / "unfit", f'#!/bin/sh\ncase "$2" in *{fault}*) exit 1 ;; esac\n')
    done = install(PYTHON=str(python))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {python} ")
    assert word in done.stderr
    assert done.args == []


def test_a_missing_python_is_refused(install: Install) -> None:
    done = install(PYTHON="/no/such/python")
    assert done.returncode == 1
    assert "make install PYTHON=python3.12" in done.stderr


@pytest.mark.slow
def test_newest_takes_what_pyproject_allows_anew_each_time(install: Install, checkout: Path) -> None:
    install("dev")
    for _ in range(2):
        done = install("newest")
        assert done.returncode == 0
        assert done.args == [
            "install -q --dry-run --report .venv-newest/.torch-report.json torch==2.14.0",
            "install -q --no-deps torch==2.14.0",
            "install -q -e .[cpu,dev]",
            "uninstall -q -y torchvision torchaudio torchcodec",
        ]
        assert not (checkout / ".venv-newest" / "before").exists()
        (checkout / ".venv-newest" / "before").touch()
    assert "The newest versions are looked up again: starting over" in done.stdout
    assert install("dev").args == []


def test_newest_for_nvidia(install: Install) -> None:
    assert install("newest", NVIDIA_SMI_STATUS="0").args == ["install -q -e .[nvidia,dev]"]
