"""What is said at the end of a run of stages that failed."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console
from stage_samples import numbered

from lorr_bench.events import Dropped, GivenUp, RunBegan
from lorr_bench.run.local import log_file
from lorr_bench.terminal.failures import MAX_CAUSES, Cause, Failures, advice, print_failures

STAGES = [numbered("train", number, f"train arm{number}") for number in range(6)]
STATUS = ("lorr-bench", "status", "my suite.yaml")


def causes(*events):
    failures = Failures()
    for event in (RunBegan(SimpleNamespace(stages=STAGES, of_tries=False), tuple(STAGES)), *events):
        failures.watch(event)
    return failures.causes


def given_up(number, reason, **more):
    return GivenUp(STAGES[number].digest, reason, **more)


def printed(found, logs, width=80):
    out = io.StringIO()
    print_failures(Console(file=out, width=width), found, STATUS, logs)
    return out.getvalue().splitlines()


def test_each_cause_is_there_once_in_the_order_of_its_first_failure():
    found = causes(given_up(0, "no room"), given_up(1, "no model"), given_up(2, "no room"))
    told = [(cause.reason, [stage.label for stage in cause.stages]) for cause in found]
    assert told == [("no room", ["train arm0", "train arm2"]), ("no model", ["train arm1"])]


def test_reasons_that_differ_in_the_names_of_the_stage_are_one():
    reasons = [f"{STAGES[n].label}: store/train/{STAGES[n].digest}/x is gone" for n in (0, 1)]
    assert len(causes(given_up(0, reasons[0]), given_up(1, reasons[1]))) == 1


def test_reasons_that_differ_in_what_was_missing_are_two():
    assert len(causes(given_up(0, "a.jsonl is missing"), given_up(1, "b.jsonl is missing"))) == 2


def test_what_waits_for_a_failed_stage_is_counted_with_its_cause():
    digests = tuple(stage.digest for stage in STAGES[3:])
    found = causes(given_up(0, "no room"), Dropped(digests, "it failed"), given_up(1, "no model"))
    assert [cause.behind for cause in found] == [3, 0]


def test_a_second_run_forgets_the_first():
    assert causes(given_up(0, "no room"), RunBegan(SimpleNamespace(stages=STAGES, of_tries=False), ())) == ()


def test_the_end_says_each_cause_with_the_commands_that_say_more(tmp_path):
    log = log_file(tmp_path / "logs", STAGES[0])
    log.parent.mkdir(parents=True)
    log.write_text("Killed", "utf-8")
    found = causes(
        given_up(0, "its process was killed, most often because memory ran out", used_up=True),
        Dropped((STAGES[3].digest,), "it failed"),
        given_up(
            1,
            "training diverged: the loss is nan. Lower its learning_rate, or set max_grad_norm.",
            lasting=True,
        ),
        given_up(
            2,
            "training diverged: the loss is nan. Lower its learning_rate, or set max_grad_norm.",
            lasting=True,
        ),
    )
    assert printed(found, tmp_path / "logs") == [
        "4 stages have no result, for 2 causes:",
        "  1. its process was killed, most often because memory ran out",
        "     train arm0. Behind it: 1 stage",
        f"     Log: tail -n 40 {log}",
        "  2. training diverged: the loss is nan. Lower its learning_rate, or set",
        "     max_grad_norm.",
        "     train arm1; train arm2",
        "All of them: lorr-bench status 'my suite.yaml'",
        "Mend what is said above, then run the same command with --retry-failed.",
    ]


def test_a_log_below_the_current_folder_is_named_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = log_file(tmp_path / "logs", STAGES[0])
    log.parent.mkdir(parents=True)
    log.write_text("Killed", "utf-8")
    assert f"     Log: tail -n 40 {log.relative_to(tmp_path)}" in printed(
        causes(given_up(0, "x")), tmp_path / "logs"
    )


def test_a_log_that_holds_nothing_is_not_named(tmp_path):
    log = log_file(tmp_path, STAGES[0])
    log.parent.mkdir(parents=True)
    log.touch()
    assert not any("Log:" in line for line in printed(causes(given_up(0, "x")), tmp_path))


def test_many_causes_and_many_stages_are_counted(tmp_path):
    many = [Cause(f"cause {number}", STAGES[:5]) for number in range(MAX_CAUSES + 2)]
    lines = printed(many, tmp_path)
    assert lines[0] == "60 stages have no result, for 12 causes:"
    assert "     train arm0; train arm1; train arm2; and 2 more" in lines
    assert lines[-3] == "  and 2 more causes"


@pytest.mark.parametrize(
    ("lasting", "used_up", "words"),
    [
        (True, False, "Mend what is said above, then run the same command again."),
        (True, True, "Mend what is said above, then run the same command with --retry-failed."),
        (False, True, "Their attempts are used up: --retry-failed gives them new ones."),
        (False, False, "Run the same command again to try them again."),
    ],
)
def test_the_advice_is_what_can_help(lasting, used_up, words):
    assert advice([Cause("x", lasting=lasting, used_up=used_up)]) == words


def test_a_try_that_diverged_is_no_failure():
    tries = RunBegan(SimpleNamespace(stages=STAGES, of_tries=True), ())
    behind = Dropped((STAGES[1].digest,), "it failed")
    assert causes(tries, given_up(0, "training diverged", counts=True), behind) == ()


def test_failures_of_the_tries_stay_while_the_rest_runs():
    tries, rest = (RunBegan(SimpleNamespace(stages=STAGES, of_tries=each), ()) for each in (True, False))
    found = causes(tries, given_up(0, "no tensor"), rest, given_up(1, "no room"), rest)
    assert [cause.reason for cause in found] == ["no tensor"]
