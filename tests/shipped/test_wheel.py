"""The package as a user installs it: an sdist, the wheel of that, in an empty folder without the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = (
    "pyproject.toml",
    "README.md",
    "lorr_bench",
    "adapters",
    "suites",
    "results/reference",
    "results/published",
)
OFFLINE = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from an sdist of what git has, as `python -m build` does it."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for part in PARTS:
        (source / part).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / part, source / part, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / part, source / part)
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    python(source, "-c", code, built)
    (sdist,) = built.glob("*.tar.gz")
    python(built, "-m", "pip", "wheel", *OFFLINE, "--no-build-isolation", "-w", built, sdist)
    (wheel,) = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("installed")
    python(target, "-m", "pip", "install", *OFFLINE, "--target", target, wheel)
    return target


@pytest.fixture
def lorr_bench(installed, tmp_path):
    """Runs a command where nothing but the installed package is, with the user's data in ``tmp_path / "data"``."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("LORR_BENCH_")}
    own |= {"PYTHONPATH": str(installed), "XDG_DATA_HOME": str(tmp_path / "data"), "COLUMNS": "160"}

    def run(*arguments, folder="here"):
        (tmp_path / folder).mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, "-m", "lorr_bench.cli", *map(str, arguments)],
            cwd=tmp_path / folder,
            env=own,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    return run


def python(folder, *arguments):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_suites_and_published_tables_are_in_the_wheel_byte_for_byte(wheel):
    kept = {
        "suites": ROOT / "suites",
        "reference": ROOT / "results/reference",
        "published": ROOT / "results/published",
    }
    with zipfile.ZipFile(wheel) as archive:
        for name, folder in kept.items():
            packed = {
                path.removeprefix(f"lorr_bench/shipped/{name}/"): archive.read(path)
                for path in archive.namelist()
                if path.startswith(f"lorr_bench/shipped/{name}/")
            }
            files = (path for path in folder.rglob("*") if path.is_file())
            assert packed == {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_suites_are_listed(lorr_bench, installed):
    done = lorr_bench("list", "suites")
    assert done.returncode == 0, done.stderr
    needs = {
        cells[1].strip(): cells[3].strip()
        for line in done.stdout.splitlines()
        if len(cells := line.split("│")) == 5
    }
    assert needs["quickstart"] == "nothing"
    assert needs["paper/main_table"] == "models and data of the Hub"
    assert needs["gsm8k"].startswith("files of yours: model.path")
    assert str(installed) in done.stdout.replace("\n", "")  # not the checkout's


@pytest.mark.parametrize("name", ["quickstart", "smoke", "methods", "nano/curve", "paper/iterative_math"])
def test_a_shipped_suite_is_valid_by_its_name(lorr_bench, name):
    done = lorr_bench("validate", name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{name}: valid, ")


def test_a_suite_that_needs_other_files_says_so(lorr_bench):
    done = lorr_bench("run", "gsm8k")
    assert done.returncode == 2
    assert "gsm8k: needs files of yours, which do not come with it: model.path" in done.stderr


def test_plan_says_where_results_will_lie(lorr_bench, tmp_path):
    done = lorr_bench("plan", "quickstart")
    assert done.returncode == 0, done.stderr
    data = tmp_path / "data" / "lorr-bench"
    assert f"note: results in {data}/runs/quickstart, store in {data}/store" in done.stderr
    assert not data.exists()


def test_a_copy_is_a_suite_with_results_in_the_current_folder(lorr_bench, tmp_path):
    done = lorr_bench("copy", "quickstart", ".")
    assert (done.returncode, done.stdout) == (0, "Suite: quickstart.yaml\n")
    assert lorr_bench("validate", "quickstart.yaml").stdout == "quickstart.yaml: valid, 4 arms, 184 stages\n"
    assert "is both a shipped suite and a file here" in lorr_bench("validate", "quickstart").stderr
    planned = lorr_bench("plan", "quickstart.yaml")
    assert "Store: results/store" in planned.stdout
    assert "results in" not in planned.stderr


def test_every_file_of_the_packages_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    for package, place in (("lorr_bench", ROOT), ("lorr_bench_adapters", ROOT / "adapters")):
        for file in (place / package).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert packed[file.relative_to(place).as_posix()] == file.read_bytes()


def test_a_run_is_found_again_from_another_folder(lorr_bench, smoke, tmp_path):
    """The installed package trains and answers as the checkout does, so it is given what that has stored."""
    store = tmp_path / "data" / "lorr-bench" / "store"
    shutil.copytree(smoke[0] / "store", store, ignore=shutil.ignore_patterns("grade_math"))
    done = lorr_bench("run", "smoke")
    assert done.returncode == 0, done.stderr
    page = tmp_path / "data" / "lorr-bench" / "runs" / "smoke" / "report" / "report.html"
    assert done.stdout.splitlines()[-1] == f"Report: {page}"
    assert page.is_file()
    assert list((tmp_path / "here").iterdir()) == []
    assert (
        len(list((store / "grade_math").glob("*/record.json"))) == 5
    )  # of the start model and 4 trained ones
    total = len(list(store.glob("*/*/record.json")))
    assert f"{total} of {total} stages done" in lorr_bench("status", "smoke", folder="elsewhere").stdout
    again = lorr_bench("run", "smoke", folder="elsewhere")
    assert f"Nothing to run: all {total} stages were done before." in again.stdout
