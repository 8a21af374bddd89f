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
# -c: the checks pass. -m venv: a copy of this file. -m pip: a line in the log; faults by variables.
case "$1 ${2:-}" in
"-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip")
    shift 2
    [ "$1" = --version ] && exit 0
    echo "$*" >>"$LOG"
    case "$*" in
    *--dry-run*) echo "${REPORT:-}" >"$5" && exit "${DRY_RUN_STATUS:-0}" ;;
    *-e*) exit "${INSTALL_STATUS:-0}" ;;
    esac
    ;;
esac
exit 0
"""
Install = Callable[..., subprocess.CompletedProcess[str]]


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy2(ROOT / ".ci" / "install", folder / ".ci" / "install")
    shutil.copy2(ROOT / "pyproject.toml", folder / "pyproject.toml")
    return folder


@pytest.fixture
def install(checkout: Path, tmp_path: Path) -> Install:
    """Run the script; its standard output, then the pip calls in `.args`."""
    python = script(tmp_path / "fake" / "python", FAKE_PYTHON)
    script(tmp_path / "fake" / "nvidia-smi", "#!/bin/sh\nexit ${NVIDIA_SMI_STATUS:-1}\n")

    def run(*arguments: str, folder: Path = checkout, **variables: str) -> subprocess.CompletedProcess[str]:
        log = tmp_path / "log"
        log.write_text("")
        environment = os.environ | {
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


def test_cpu_takes_the_plain_build_of_torch_when_it_is_for_cpu(install: Install) -> None:
    done = install()
    assert done.returncode == 0
    assert done.args == [
        "install -q --dry-run --report .venv/.torch-report.json torch==2.13.0",
        "install -q torch==2.13.0",
        "install -q -e .[cpu]",
        "uninstall -q -y torchvision torchaudio torchcodec",
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
    assert done.args[1] == f"install -q {CPU_INDEX} torch==2.13.0"


def test_nvidia(install: Install) -> None:
    assert install(NVIDIA_SMI_STATUS="0").args == ["install -q -e .[nvidia]"]


def test_a_second_call_does_nothing(install: Install) -> None:
    install()
    second = install()
    assert (second.returncode, second.stdout, second.args) == (0, "", [])


def test_dev_is_more_than_running_needs(install: Install) -> None:
    install()
    assert "install -q -e .[cpu,dev]" in install("dev").args
    assert install("dev").args == []
    assert install().args == []


def test_dev_first_serves_running_too(install: Install) -> None:
    install("dev")
    assert install().args == []


@pytest.mark.parametrize("name", ["pyproject.toml", ".ci/install"])
def test_a_change_installs_again_in_place(install: Install, checkout: Path, name: str) -> None:
    install()
    (checkout / ".venv" / "kept").touch()
    with (checkout / name).open("a") as file:
        file.write("# changed\n")
    assert "install -q -e .[cpu]" in install().args
    assert (checkout / ".venv" / "kept").exists()


def test_an_interrupted_set_up_is_started_over(install: Install, checkout: Path) -> None:
    assert install(INSTALL_STATUS="7").returncode == 7
    (checkout / ".venv" / "half").touch()
    again = install()
    assert again.returncode == 0
    assert "An earlier set-up was interrupted: starting over" in again.stdout
    assert "install -q -e .[cpu]" in again.args
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
    assert "install -q -e .[cpu]" in done.args


def test_another_kind_of_machine_is_set_up_anew(install: Install) -> None:
    install()
    done = install(NVIDIA_SMI_STATUS="0")
    assert ".venv was made for cpu: starting over" in done.stdout
    assert done.args == ["install -q -e .[nvidia]"]


@pytest.mark.parametrize(
    ("fault", "word"),
    [("version_info", "is missing or older than 3.11"), ("ensurepip", "lacks the venv module")],
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
