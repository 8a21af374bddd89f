"""Why an answer has its verdict; files of answers; the command for both."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from lorr_bench.cli import app
from lorr_bench.errors import DataError, LorrBenchError, StoreError
from lorr_bench.grade import Policy
from lorr_bench.grade.answer_file import option_values, read_answer_file, read_policy
from lorr_bench.grade.explanation import explain


@pytest.mark.parametrize(
    ("gold", "answer", "content", "place", "rule", "right"),
    [
        ("1/2", r"so \boxed{0.5}", "0.5", "box", "numbers", True),
        ("5", r"\boxed{x + 2 = 5}", "x + 2 = 5", "box", "equations and inequalities", False),
        ("413_5", r"\boxed{413_7}", "413_7", "box", "numerals of a base", False),
        ("x<1 or x>3", r"\boxed{x<1 \text{ and } x>3}", r"x<1 \text{ and } x>3", "box", "sets of real numbers", False),
        ("1, 2", "The answer is $2, 1$.", "2, 1", "statement of the answer", "same text", True),
        ("B", "I choose B.", "B", "choice named in the text", "same text", True),
        ("7", "no idea", None, "last value", "nothing to compare", False),
        ("x^2 - 1", r"\boxed{(x-1)(x+1)}", "(x-1)(x+1)", "box", "expressions", True),
        (r"\int x dx", r"\boxed{\int t^2 dt}", r"\int t^2 dt", "box", "Math-Verify", False),
    ],
)  # fmt: skip
def test_what_was_found_and_which_rule_decided(gold, answer, content, place, rule, right):  # noqa: PLR0917
    explanation = explain(gold, answer, Policy())
    assert explanation.found == (content, place)
    assert (explanation.rule, explanation.verdict.correct) == (rule, right)


def test_what_every_other_policy_would_say():
    explanation = explain(r"5 \text{ cm}", r"\boxed{5 \text{ m}}", Policy())
    assert [key for key, right in explanation.others.items() if right] == [("units", "ignore")]
    named = {option for option, _ in explanation.others}
    assert named == {*option_values(), "tolerance"}


def test_a_long_answer_is_said_to_be_long():
    assert "long" in explain("7", rf"\boxed{{{'1 + ' * 200}1}}", Policy()).rule


@pytest.fixture
def answers(tmp_path):
    def write(*lines: str):
        path = tmp_path / "answers.jsonl"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return write


GOOD = '{"gold": "1/2", "answer": "\\\\boxed{0.5}", "id": 7}'
WRONG = '{"gold": "5 cm", "answer": "\\\\boxed{5 m}"}'


def test_a_file_of_answers(answers):
    assert read_answer_file(answers(GOOD, "", WRONG)) == [("1/2", r"\boxed{0.5}"), ("5 cm", r"\boxed{5 m}")]


@pytest.mark.parametrize(
    ("lines", "line", "what"),
    [
        ([GOOD, "{"], "line 2", "this is no JSON"),
        ([GOOD, "", '{"gold": "1"}'], "line 3", "no text under answer"),
        (['{"gold": 1, "answer": 2}'], "line 1", "no text under gold and answer"),
        (["[1]"], "line 1", "no text under gold and answer"),
        ([], "answers.jsonl", "is empty"),
    ],
)
def test_a_file_that_can_not_be_graded_says_the_line(answers, lines, line, what):
    with pytest.raises(DataError, match=what) as caught:
        read_answer_file(answers(*lines))
    assert line in caught.value.where


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="can't be read"):
        read_answer_file(tmp_path / "nowhere")


def test_settings_of_a_policy():
    policy = read_policy(["units=ignore", "tolerance=0.01", "max_chars=100"])
    assert policy == Policy(units="ignore", tolerance=0.01, max_chars=100)


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("units", "no option with a value"),
        ("colour=red", "no option with a value"),
        ("units=no", "can't be 'no'"),
        ("tolerance=much", "must be a number"),
        ("tolerance=2", "at least 0 and below 1"),
    ],
)
def test_settings_that_are_refused(setting, what):
    with pytest.raises(LorrBenchError, match=what):
        read_policy([setting])


def run(*arguments: str):
    return CliRunner().invoke(app, ["grade", *map(str, arguments)])


def test_the_command_prints_a_table(answers):
    output = run(answers(GOOD, WRONG)).output
    assert "1 of 2 right (50.0%); 1 different" in output


def test_the_command_prints_and_writes_json_lines(answers, tmp_path):
    written = tmp_path / "verdicts.jsonl"
    result = run(answers(GOOD, WRONG), "--json", "-o", written, "--policy", "units=ignore")
    assert result.stdout == written.read_text("utf-8")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["correct"] for row in rows] == [True, True]
    assert rows[0] == {"gold": "1/2", "correct": True, "extracted": "0.5", "reason": "equal", "seconds": 0.0}


def test_the_command_explains_a_verdict():
    output = run("--explain", "5 cm", r"\boxed{5 m}").output
    for told in ("5 m", "box", "numbers", "wrong (different)", "right, otherwise than now"):
        assert told in output


def test_the_command_wants_a_file_or_a_pair(answers):
    assert isinstance(run().exception, LorrBenchError)
    assert isinstance(run(answers(GOOD), "--explain", "1", "1").exception, LorrBenchError)


def test_verdicts_that_can_not_be_written_are_an_error(answers, tmp_path):
    assert isinstance(run(answers(GOOD), "-o", tmp_path / "no" / "folder").exception, StoreError)


@pytest.mark.slow
def test_a_long_table_says_how_many_rows_are_left_out(answers):
    assert "10 more rows" in run(answers(*[GOOD] * 60)).output


@pytest.mark.parametrize(
    ("setting", "near"), [("unit=ignore", "did you mean `units`?"), ("units=ignor", "did you mean `ignore`?")]
)
def test_a_setting_that_is_misspelt_is_told_the_nearest(setting, near):
    with pytest.raises(LorrBenchError) as caught:
        read_policy([setting])
    assert caught.value.fix.startswith(near)
