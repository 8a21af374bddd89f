"""Help, completion, and the ways to begin: what a shell is told."""

import runpy
import sys
from unittest.mock import patch

import pytest
from command_line import lorr_bench_here

COMMANDS = [
    "run",
    "regrade",
    "validate",
    "plan",
    "status",
    "report",
    "open",
    "compare",
    "export",
    "publish",
    "reproduce",
    "grade",
    "list",
    "schema",
    "init",
    "copy",
    "clean",
    "doctor",
]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_help_that_is_read_as_it_was_written(command):
    words = [command] if command else []
    done = lorr_bench_here(*words, "-h", COLUMNS="80")
    assert done.returncode == 0
    assert done.stdout == lorr_bench_here(*words, "--help", COLUMNS="80").stdout
    assert "<bool>" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_no_command_is_cut_short_in_the_overview():
    done = lorr_bench_here("-h", COLUMNS="80")
    listed = done.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS
    assert not any(line.endswith("...") for line in listed)


def test_defaults_and_brackets_are_shown():
    text = " ".join(lorr_bench_here("run", "-h", COLUMNS="80").stdout.split())
    assert "for example seeds=[0,1]." in text
    assert "[default: (RESULTS/runs/<name of the suite>)]" in text
    assert "[default: (as many as the GPUs hold, or the cores of a CPU up to 8)]" in text
    assert "[default: methods]" in lorr_bench_here("list", "-h", COLUMNS="80").stdout


def test_a_command_that_is_misspelt_is_told_the_nearest():
    done = lorr_bench_here("stauts")
    assert done.returncode == 2
    assert "Did you mean 'status'?" in done.stderr


def completed(words, position):
    """What a shell is offered for the word at a position."""
    variables = {"COMP_WORDS": words, "COMP_CWORD": str(position), "_LORR_BENCH_COMPLETE": "complete_bash"}
    return lorr_bench_here(**variables).stdout.split()


@pytest.mark.slow
def test_a_shell_completes_commands_suites_and_lists():
    assert completed("lorr-bench reg", 1) == ["regrade"]
    assert completed("lorr-bench run quick", 2) == ["quickstart"]
    assert completed("lorr-bench list pl", 2) == ["plugins"]


def test_the_package_is_a_command_too(capsys):
    with patch.object(sys, "argv", ["lorr-bench", "--version"]), pytest.raises(SystemExit) as ended:
        runpy.run_module("lorr_bench", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("lorr-bench 0.")
