"""Methods in a third party's package: found, validated and trained without a change to lorr-bench."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command_line import ROOT, lorr_bench_here
from warm_process import run_warm

HERE = Path(__file__).parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that pip has installed the package into."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "toy_loss.py", "toy_preference.py"):
        shutil.copy(HERE / name, source)
    target = tmp_path_factory.mktemp("installed")
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *offline, "--target", target, source],
        check=True,
        timeout=120,
    )
    return target


@pytest.fixture
def run(installed):
    """Runs Python with the package installed."""

    def run(*arguments):
        variables = {**os.environ, "PYTHONPATH": str(installed)}
        return run_warm(*arguments, environment=variables, cwd=ROOT, more_packages=True)

    return run


def test_they_are_listed_with_their_papers(run):
    done = run("-m", "lorr_bench.cli", "list", "methods")
    assert done.returncode == 0, done.stderr
    for word in ("nca", "2402.05369", "sppo", "2405.00675"):
        assert word in done.stdout


def test_without_the_package_a_suite_that_names_one_is_refused(suite):
    done = lorr_bench_here("validate", suite)
    assert done.returncode == 2
    assert "no adapter is called 'nca'" in done.stderr


def test_a_suite_that_names_them_is_valid(run, suite):
    done = run("-m", "lorr_bench.cli", "validate", suite)
    assert done.returncode == 0, done.stderr
    assert "valid, 4 arms" in done.stdout


def test_a_setting_that_a_method_does_not_have_is_refused(run, suite):
    done = run("-m", "lorr_bench.cli", "validate", suite, "--set", "methods.nca.betta=1")
    assert done.returncode == 2
    assert "betta" in done.stderr


def test_they_keep_the_contract(run, tmp_path):
    """The tests of the contract, as the package's authors would run them; they train both methods."""
    options = [
        "-k",
        "nca or sppo",
        "-rp",
        "-p",
        "no:cacheprovider",
        "--assert=plain",
        f"--basetemp={tmp_path}",
    ]
    done = run("-m", "pytest", "tests/contract", *options)
    assert done.returncode == 0, done.stdout
    for name in ("nca", "sppo"):
        passed = f"PASSED tests/contract/test_contract_training.py::test_the_weights_have_moved[{name}]"
        assert passed in done.stdout


@pytest.fixture
def suite(tmp_path):
    """The smoke suite with these methods in place of its own."""
    content = yaml.safe_load((ROOT / "suites" / "smoke.yaml").read_text("utf-8"))
    settings = {"learning_rate": 1.0e-4, "max_length": 128}
    content["methods"] = {"nca": {"beta": 0.02, **settings}, "sppo": settings}
    file = tmp_path / "suite.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    return file
