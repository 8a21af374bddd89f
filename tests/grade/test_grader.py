from __future__ import annotations

import os
import random
import threading

import math_verify
import pytest

from lorr_bench.errors import MissingPackageError, StageError
from lorr_bench.grade import Policy, close, grade_many, process
from lorr_bench.grade.grader import Grader
from lorr_bench.grade.process import Judge, Question

QUICK = Policy(timeout_seconds=1.0)
LONG = " + 0" * 80
"""What makes an answer too long to be read where it can't be ended."""
ROOT_GOLD, ROOT_BOX = r"1 + \sqrt{2}", rf"\boxed{{\sqrt{{2}} + 1{LONG}}}"


@pytest.fixture
def grader():
    grader = Grader()
    yield grader
    grader.close()


def whole_text_verdict(gold: str, answer: str) -> bool:
    """Math-Verify by the book."""
    right = math_verify.parse(rf"\boxed{{{gold}}}", parsing_timeout=None)
    found = math_verify.parse(answer, parsing_timeout=None)
    return math_verify.verify(right, found, timeout_seconds=None)


def worked_answers(count: int) -> list[tuple[str, str]]:
    """Answers in many shapes, right and wrong, with one boxed value each (or a list of them, or none)."""
    rng = random.Random(0)
    values = [
        "7",
        "-7",
        "12",
        "0.5",
        r"\frac{1}{2}",
        "(1,2)",
        r"\{1,2\}",
        "[1,2]",
        "x+1",
        r"50\%",
        "1,234",
        r"\pi",
    ]
    shapes = [
        r"{a} + 4 = {b}. {b} * 2 = {a}. \boxed{{{v}}}",
        r"We get $x = {a}$, hence $\boxed{{{v}}}$.",
        "First {a}.\n\\[ \\boxed{{{v}}} \\]\n",
        r"Therefore, the final answer is: $\boxed{{{v}}}$. I hope it is correct.",
        r"The answer is \boxed{{{v}}}",
        r"\(\frac{{{a}}}{{{b}}}\) so \boxed{{{v}}} is what we want.",
        r"$\boxed{{{v}}}$ and $\boxed{{{w}}}$",
        r"\boxed{{{w}}} was a guess; after a long look at the steps above, which were wrong: $\boxed{{{v}}}$",
        "{a} + {b} = 9. The answer is {b}.",
        "no idea at all",
    ]
    return [
        (
            rng.choice(values),
            rng.choice(shapes).format(
                a=rng.randint(0, 99), b=rng.randint(1, 99), v=rng.choice(values), w=rng.choice(values)
            ),
        )
        for _ in range(count)
    ]


@pytest.mark.slow
def test_verdicts_are_math_verifys_on_the_whole_text():
    items = worked_answers(400)
    verdicts = grade_many(items)
    assert [v.correct for v in verdicts] == [whole_text_verdict(*item) for item in items]
    assert {v.reason for v in verdicts} == {"equal", "different", "no_answer"}


@pytest.mark.parametrize(
    ("gold", "answer", "ours"),
    [
        ("57", r"\boxed{57}. The final answer is 12", True),
        ("19", r"12 + 7 = 19. \boxed{??}", False),
        ("57", r"The final answer is $12$. I hope it is correct. \boxed{57}", True),
        ("yes", "yes", True),
        ("C", "Answer: C", True),
        ("5 cm", r"\boxed{5\text{ m}}", False),
        ("12.5", r"\boxed{12.5\%}", True),
        ("0.0000001", r"\boxed{0.0000002}", False),
        (r"(2,\infty)", r"\boxed{x > 2}", True),
        ("2t", r"\boxed{2}", False),
    ],
)
def test_where_the_verdict_is_meant_to_differ_from_the_whole_text(gold, answer, ours):
    assert grade_many([(gold, answer)])[0].correct == ours
    assert whole_text_verdict(gold, answer) != ours


HOSTILE = {
    "tower of powers": r"\boxed{9^{9^{9^9}}}",
    "factorial": r"\boxed{(10^{9})!}",
    "deep fractions": r"\boxed{" + r"\frac{" * 1000 + "1" + "}{2}" * 1000 + "}",
    "deep parentheses": r"\boxed{" + "(" * 5000 + "1" + ")" * 5000 + "}",
    "a megabyte of braces": "{" * 1_000_000,
    "a megabyte of boxes": r"\boxed{" * 150_000,
    "control characters": "\\boxed{\x00\x01\x1b 5}",
    "other digits": "\\boxed{\u0663}",
    "half a character": "\\boxed{\ud800 5}",
    "many digits": r"\boxed{" + "9" * 19_000 + "}",
    "many dollars": "$" * 20_000,
    "a deep sum": r"\boxed{" + r"\sum_{n=1}^{9} " * 500 + "n}",
    "a long list": r"\boxed{" + ", ".join(map(str, range(3900))) + "}",
    "brackets that open": r"\boxed{" + "[(" * 5000 + "}",
    "units without end": r"\boxed{" + r"\text{ }" * 2400 + "x}",
    "members of members": r"\boxed{" + r"x \in " * 2800 + "x}",
}


@pytest.fixture(scope="module")
def shared_grader():
    """Its worker serves until an answer ends it."""
    grader = Grader()
    yield grader
    grader.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_end_in_a_verdict_and_take_no_other_along(name, shared_grader):
    limit = QUICK.timeout_seconds * process.BUSY_FACTOR + process.GRACE_SECONDS
    other_answer = rf"\boxed{{{len(name)} + 4}}"  # a new one each time: known answers are not asked again
    gold = str(len(name) + 4)
    verdict, other = shared_grader.grade_many([(gold, HOSTILE[name]), (gold, other_answer)], QUICK)
    assert not verdict.correct
    assert verdict.reason in {"timeout", "different", "no_answer", "crash"}
    assert verdict.seconds <= limit
    assert other.correct
    str(verdict.extracted).encode()


@pytest.mark.slow
def test_a_time_out_says_so_and_is_remembered(grader):
    hostile = ("7", HOSTILE["tower of powers"])
    first, again = grader.grade_many([hostile, hostile], Policy(timeout_seconds=0.3))
    assert (first.reason, first.correct, first.extracted) == ("timeout", False, None)
    assert first.seconds > 0
    assert again.seconds == 0
    assert grader.worker_pids == []


def test_what_needs_no_algebra_starts_no_worker(grader):
    answers = [
        ("57", r"19 * 3 = 57. \boxed{57}"),
        ("57", r"\boxed{58}"),
        ("57", "words"),
        ("x^2", r"\boxed{x^2}"),
        (r"\frac{1}{2}", r"\boxed{0.5}"),
        ("(1, 2)", r"\boxed{(1, 3)}"),
        ("C", "The answer is D."),
        (r"\text{even}", "It is even."),
        ("7", r"\boxed{}"),
    ]
    verdicts = grader.grade_many(answers, Policy())
    reasons = "equal different no_answer equal equal different different equal no_answer"
    assert " ".join(v.reason for v in verdicts) == reasons
    assert sum(v.seconds for v in verdicts) == 0
    assert grader.worker_pids == []


@pytest.mark.slow
def test_a_known_answer_starts_no_worker(grader):
    assert grader.grade_many([(ROOT_GOLD, rf"so {ROOT_BOX}")], Policy())[0].seconds > 0
    grader.close()
    verdict = grader.grade_many([(ROOT_GOLD, rf"otherwise, {ROOT_BOX}")], Policy())[0]
    assert verdict.correct
    assert verdict.seconds == 0
    assert grader.worker_pids == []


@pytest.mark.slow
def test_one_worker_serves_many_calls(grader):
    grader.grade_many([(ROOT_GOLD, ROOT_BOX)], Policy())
    workers = grader.worker_pids
    grader.grade_many([("x + 1", rf"\boxed{{x + 2{LONG}}}")], Policy())
    assert grader.worker_pids == workers


def test_grading_works_in_another_thread():
    results = []
    thread = threading.Thread(
        target=lambda: results.extend(grade_many([(r"5 + \sqrt{2}", rf"\boxed{{\sqrt{{2}} + 5{LONG}}}")]))
    )
    thread.start()
    thread.join()
    assert results[0].correct


def test_only_the_tail_of_a_long_answer_is_read(grader):
    answer = r"\boxed{1}" + " " * 100 + r"\boxed{2}" + "." * 50
    assert grader.grade_many([("2", answer)], Policy(max_chars=60))[0].correct
    assert not grader.grade_many([("2", answer)], Policy(max_chars=20))[0].correct


def test_the_found_answer_is_shown_as_written(grader):
    verdict = grader.grade_many([("1/2", r"so \boxed{0.5}")], Policy())[0]
    assert verdict.extracted == "0.5"


def test_no_items_give_no_verdicts():
    assert grade_many([]) == []


def test_the_cache_is_bounded_and_forgets_the_oldest(grader, monkeypatch):
    monkeypatch.setattr("lorr_bench.grade.grader.CACHE_ENTRIES", 20)
    grader.grade_many([(str(i), r"\boxed{0}") for i in range(30)], Policy())
    assert len(grader._cache) == 20
    assert grader.grade_many([("29", r"\boxed{0}")], Policy())[0].reason == "different"


@pytest.mark.slow
def test_a_forked_child_uses_a_worker_of_its_own():
    grade_many([(ROOT_GOLD, ROOT_BOX)])
    child = os.fork()
    if child == 0:
        right = grade_many([(r"3 + \sqrt{2}", rf"\boxed{{\sqrt{{2}} + 3{LONG}}}")])[0].correct
        close()
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert grade_many([(r"4 + \sqrt{2}", rf"\boxed{{\sqrt{{2}} + 4{LONG}}}")])[0].correct


STUB = """
import json, os, sys, time
def reply(**message): print(json.dumps(message), flush=True)
{greeting}
seen = 0
for line in sys.stdin:
    question = json.loads(line)
    seen += 1
    if question["text"] == "die" or (question["text"] == "die second" and seen > 1): os._exit(3)
    if question["text"] == "sleep": time.sleep(60)
    reply(reason="equal", extracted=question["text"], seconds=0.0)
"""


@pytest.fixture
def stub_worker(tmp_path, monkeypatch):
    """Replace the worker by one that dies, sleeps or agrees, as the text says."""

    def write(greeting: str = "reply(ready=True)") -> None:
        script = tmp_path / "stub.py"
        script.write_text(STUB.format(greeting=greeting))
        monkeypatch.setattr(process, "SCRIPT", script)

    return write


BRIEF = Policy(timeout_seconds=0.2)


def asked(*texts: str) -> list[str]:
    with Judge() as judge:
        return [finding.reason for finding in judge.ask([Question("", text, BRIEF) for text in texts])]


@pytest.mark.slow
def test_an_answer_that_ends_the_worker_twice_is_a_crash(stub_worker):
    stub_worker()
    assert asked("a", "die", "b") == ["equal", "crash", "equal"]


@pytest.mark.slow
def test_an_answer_whose_worker_died_of_others_is_asked_again(stub_worker):
    stub_worker()
    assert asked("a", "die second", "b") == ["equal", "equal", "equal"]


def test_a_worker_that_does_not_keep_the_limit_is_killed(stub_worker, monkeypatch):
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.1)
    stub_worker()
    assert asked("sleep", "b") == ["timeout", "equal"]


@pytest.mark.slow
def test_many_long_answers_go_through_the_pipes(stub_worker):
    stub_worker()
    assert set(asked(*(["x" * 20_000] * 30 + ["short"] * 2000))) == {"equal"}


@pytest.mark.slow
def test_two_workers_share_the_questions_and_answers_keep_their_order(stub_worker):
    stub_worker()
    texts = [str(number) for number in range(500)]
    with Judge(cores=2) as judge:
        findings = judge.ask([Question("", text, QUICK) for text in texts])
        assert len(set(judge.worker_pids)) == 2
    assert [finding.extracted for finding in findings] == texts


@pytest.mark.slow
def test_workers_that_die_or_hang_take_no_other_answer_along(stub_worker, monkeypatch):
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.1)
    stub_worker()
    texts = [{100: "die", 101: "die", 300: "sleep"}.get(number, str(number)) for number in range(500)]
    with Judge(cores=2) as judge:
        reasons = [finding.reason for finding in judge.ask([Question("", text, BRIEF) for text in texts])]
    assert {number: reason for number, reason in enumerate(reasons) if reason != "equal"} == {
        100: "crash",
        101: "crash",
        300: "timeout",
    }


def test_few_questions_start_one_worker(stub_worker):
    stub_worker()
    with Judge(cores=2) as judge:
        judge.ask([Question("", "a", QUICK)] * process.QUESTIONS_PER_WORKER)
        assert len(judge.worker_pids) == 1


def test_a_worker_that_does_not_start_is_an_error(stub_worker):
    stub_worker("sys.exit(1)")
    with pytest.raises(StageError, match="ended before it was ready"):
        asked("a")


def test_a_missing_math_verify_names_the_command(stub_worker):
    stub_worker("reply(missing='No module named math_verify')")
    with pytest.raises(MissingPackageError, match="pip install math-verify"):
        asked("a")


@pytest.mark.slow
def test_an_interrupted_batch_leaves_no_replies_behind(stub_worker, monkeypatch):
    stub_worker()
    with Judge() as judge:
        judge.ask([Question("", "a", QUICK)])
        with monkeypatch.context() as patch:
            patch.setattr(process.Worker, "replies", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                judge.ask([Question("", "left over", QUICK)])
        assert judge.ask([Question("", "b", QUICK)])[0].extracted == "b"


@pytest.mark.slow
def test_what_goes_wrong_here_is_judged_where_it_ends_nothing_else(grader, monkeypatch):
    def fail(*_):
        raise TypeError("not foreseen")

    monkeypatch.setattr("lorr_bench.grade.grader.Comparison.same", fail)
    verdict = grader.grade_many([("x + 1", r"\boxed{1 + x}")], Policy())[0]
    assert verdict.correct
    assert verdict.seconds > 0
