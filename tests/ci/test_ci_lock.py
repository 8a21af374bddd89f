"""`.ci/lock` with a tool that knows seven packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAKE_PYTHON = """\
#!/bin/sh
# -m venv: a copy of this file, and the tool. -m pip: a line in the log.
case "$1 $2" in
"-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$TOOL" "$3/bin/uv" ;;
"-m pip") echo "pip $*" >>"$LOG" ;;
esac
"""
FAKE_TOOL = f"""\
#!{sys.executable}
import os, sys
from pathlib import Path

def given(option):
    pairs = zip(sys.argv, [*sys.argv[1:], ""], strict=True)
    return [b for a, b in pairs if a == option] + [a.partition("=")[2] for a in sys.argv if a.startswith(option + "=")]

overrides = [Path(file).read_text().strip() for file in given("--overrides")]
with open(os.environ["LOG"], "a") as log:
    print(*sorted(given("--extra")), *overrides, file=log)
if sorted(given("--extra")) == os.environ.get("FAIL", "").split():
    sys.exit("no solution")
names = ["cuda-toolkit", "numpy", "nvidia-cublas", "torch", "torchvision", "triton"]
names += ["pytest"] if "dev" in given("--extra") else []
left_out = given("--no-emit-package") + [name for file in given("--excludes") for name in Path(file).read_text().split()]
out = Path(given("-o")[0])
version = "2.0" if out.exists() else "1.0"  # that of a file to be written is kept; seen by pytest alone
with out.open("w") as file:
    for name in sorted(set(names) - set(left_out)):
        print(f"{{name}}=={{version}} ; python_version < '4' \\\\\\n    --hash=sha256:00\\n    # via -r cpu.in", file=file)
    print("\\n# The following packages were excluded from the output:\\n# " + "\\n# ".join(left_out), file=file)
"""


def block(name: str, version: str = "1.0") -> str:
    return f"{name}=={version} ; python_version < '4' \\\n    --hash=sha256:00\n    # via -r cpu.in\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / ".ci" / "locked").mkdir(parents=True)
    (folder / "lorr_bench" / "locked").mkdir(parents=True)
    shutil.copy2(ROOT / ".ci" / "lock", folder / ".ci" / "lock")
    (folder / "pyproject.toml").write_text('    "torch==2.14.0",\n')
    for name in ("python", "tool"):
        (tmp_path / name).write_text({"python": FAKE_PYTHON, "tool": FAKE_TOOL}[name])
        (tmp_path / name).chmod(0o755)
    return folder


def lock(folder: Path, **variables: str) -> tuple[int, list[str]]:
    """The exit status, and what was asked of pip and of the tool."""
    above = folder.parent
    (above / "scratch").mkdir(exist_ok=True)
    places = {
        "PYTHON": above / "python",
        "TOOL": above / "tool",
        "LOG": above / "log",
        "TMPDIR": above / "scratch",
    }
    environment = os.environ | {name: str(place) for name, place in places.items()} | variables
    done = subprocess.run([str(folder / ".ci" / "lock")], env=environment, capture_output=True, check=False)
    assert list((above / "scratch").iterdir()) == []
    return done.returncode, (above / "log").read_text().splitlines()


@pytest.mark.slow
def test_both_kinds_are_locked_for_running_and_for_tests(checkout: Path) -> None:
    status, asked = lock(checkout)
    assert status == 0
    assert asked[0].startswith("pip -m pip install -q --disable-pip-version-check uv==")
    assert asked[1:] == ["nvidia", "dev nvidia", "cpu torch==2.14.0", "cpu dev torch==2.14.0"]
    files = {
        path.relative_to(checkout).as_posix(): path.read_text().partition("\n")
        for path in checkout.rglob("*.txt")
    }
    every = ("cuda-toolkit", "numpy", "nvidia-cublas", "torch", "torchvision", "triton")
    for_tests = block("pytest", "2.0")
    assert {name: body for name, (_, _, body) in files.items()} == {
        "lorr_bench/locked/nvidia.txt": "".join(map(block, every)),
        "lorr_bench/locked/cpu.txt": files["lorr_bench/locked/cpu.txt"][2],
        ".ci/locked/nvidia-dev.txt": for_tests,
        ".ci/locked/cpu-dev.txt": for_tests,
    }
    head, _, body = files["lorr_bench/locked/cpu.txt"][2].partition("on PyPI.\n")
    assert head.startswith("# torch==2.14.0\n# is installed before these, without a hash: ")
    assert body == block("numpy")
    assert all("Made by `make lock`" in first for first, _, _ in files.values())


@pytest.mark.slow
def test_what_stands_stays_where_one_can_not_be_resolved(checkout: Path) -> None:
    old = checkout / "lorr_bench" / "locked" / "nvidia.txt"
    old.write_text("old\n")
    status, asked = lock(checkout, FAIL="cpu dev")
    assert status != 0
    assert asked[-1] == "cpu dev torch==2.14.0"
    assert [path.read_text() for path in checkout.rglob("*.txt")] == ["old\n"]
