"""Commands on shipped suites, as they are typed in a folder that has nothing to do with the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lorr_bench(tmp_path):
    def run(*arguments, **variables):
        own = {key: value for key, value in os.environ.items() if not key.startswith("LORR_BENCH_")}
        return subprocess.run(
            [sys.executable, "-m", "lorr_bench.cli", *map(str, arguments)],
            cwd=tmp_path,
            env=own | {"COLUMNS": "160"} | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def test_results_of_a_name_are_those_of_the_checkout(lorr_bench):
    done = lorr_bench("status", "smoke")
    assert done.returncode == 0, done.stderr
    results = ROOT / "results"
    assert done.stderr == f"note: results in {results}/runs/smoke, store in {results}/store\n"


def test_results_of_a_file_are_in_the_current_folder_and_need_no_word(lorr_bench):
    done = lorr_bench("plan", ROOT / "suites" / "smoke.yaml")
    assert done.returncode == 0
    assert "Store: results/store" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("suite", ["smoke", ROOT / "suites" / "smoke.yaml"], ids=["name", "file"])
def test_a_variable_names_another_folder_for_both(lorr_bench, tmp_path, suite):
    done = lorr_bench("report", suite, LORR_BENCH_RESULTS=str(tmp_path / "mine"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Report: {tmp_path}/mine/runs/smoke/report/report.html\n"
    assert f"store in {tmp_path}/mine/store" in done.stderr


def test_what_an_option_says_is_not_said_again(lorr_bench, tmp_path):
    done = lorr_bench("report", "smoke", "-o", "out")
    assert (done.stdout, done.stderr) == ("Report: out/report/report.html\n", "")


def test_a_secret_in_the_address_of_a_store_is_not_shown(lorr_bench):
    done = lorr_bench("status", "smoke", "--store", "memory://user:hunter2@host/store")
    assert "hunter2" not in done.stdout + done.stderr


def test_a_second_copy_is_one_message(lorr_bench):
    assert lorr_bench("copy", "smoke").stdout == "Suite: smoke.yaml\n"
    again = lorr_bench("copy", "smoke")
    assert again.returncode == 2
    assert again.stderr.startswith("error: smoke.yaml: is there already")
