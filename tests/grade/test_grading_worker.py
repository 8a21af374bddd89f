from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lorr_bench.grade import Policy, worker
from lorr_bench.grade.process import MEMORY_BYTES, Judge, Question

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


@pytest.mark.parametrize("last_question", ["1", "9^{9^{9^9}}"], ids=["idle", "busy"])
def test_the_worker_dies_with_a_killed_parent(last_question):
    script = f"""
import sys, time
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.process import Question, Worker
worker = Worker()
worker.greet()
worker.give([(0, Question("7", "{last_question}", Policy(timeout_seconds=0.5)))])
print(worker.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert wait_until_gone(pid, 20)


def test_the_worker_dies_with_its_parent_although_a_sibling_holds_its_input():
    script = """
import os, sys, time
from lorr_bench.grade.process import Worker
worker = Worker()
worker.greet()
if os.fork():
    print(worker.pid, flush=True)
    os.kill(os.getpid(), 9)
os.close(1)
time.sleep(20)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    assert wait_until_gone(int(done.stdout), 10)


def test_memory_is_bounded():
    with Judge() as judge:
        judge.ask([Question("1/2", "0.5", Policy())])
        limits = Path(f"/proc/{judge.worker_pids[0]}/limits").read_text()
    assert limits.split("Max address space")[1].split()[:2] == [str(MEMORY_BYTES)] * 2


def test_a_worker_with_half_of_its_memory_in_use_is_replaced(monkeypatch):
    monkeypatch.setattr(
        "lorr_bench.grade.process.MEMORY_BYTES", 120 << 20
    )  # Math-Verify alone takes over 60 MiB
    questions = [Question("1/2", "0.5", Policy())] * (worker.LOOK_EVERY + 1)
    with Judge(cores=1) as judge:
        judge.ask(questions[:1])
        [first] = judge.worker_pids
        assert {finding.reason for finding in judge.ask(questions)} == {"equal"}
        assert judge.worker_pids != [first]


def test_ctrl_c_is_the_parents_to_handle():
    with Judge() as judge:
        judge.ask([Question("1/2", "0.5", Policy())])
        [pid] = judge.worker_pids
        os.kill(pid, signal.SIGINT)
        assert judge.ask([Question("1/4", "0.25", Policy())])[0].reason == "equal"
        assert judge.worker_pids == [pid]


@pytest.mark.parametrize(
    ("gold", "text", "finding"),
    [
        ("1/2", r"\frac{\sqrt{4}}{4}", ("equal", r"\frac{\sqrt{4}}{4}")),
        ("$x$", "x", ("equal", "x")),
        (r"\int x\,dx", r"\int x^2\,dx", ("different", r"\int x^2\,dx")),
        (
            r"\frac{1}{2}",
            r"\lim_{x \to 0} \frac{1 - \cos x}{x^2}",
            ("equal", r"\lim_{x \to 0} \frac{1 - \cos x}{x^2}"),
        ),
        (r"x \text{ cm}", r"x \text{ m}", ("different", r"x \text{ m}")),
        ("7", "1 = ", ("different", "1 = ")),
    ],
)
def test_judging(gold, text, finding):
    assert worker.judge(gold, text, Policy()) == finding


def test_what_is_shown_of_an_answer_is_short():
    assert len(worker.judge("7", "1+" * 500 + "1", Policy())[1]) == worker.SHOWN_CHARS


def test_a_value_that_sympy_cannot_find_is_no_error():
    """Every level of the sum is a level of recursion in SymPy."""
    deep = "+".join([r"\sum_{n=1}^{16} \frac{1}{n}"] * 3) + "+1" * 2000
    assert worker.judge("7", deep, Policy())[0] == "different"


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        (r"\sqrt{2}", "1.41421356", True),
        (r"\sqrt{2}", "1.41421", True),
        (r"\sqrt{2}", "1.4143", False),
        (r"2^{1009}", r"2^{1009} + 1", False),
        (r"\frac{1}{3} + \frac{1}{6}", "0.5", True),
        ("0", r"\sin(\pi)", True),
        ("x^2 - 1", "(x - 1)(x + 1)", True),
        ("x^2 - 1", "(x - 1)(x + 2)", False),
        ("x + 1", "y + 1", False),
        (r"\sin^2 x + \cos^2 x", "1", True),
        ("f(x) + 1", "f(x) + 2", False),
        ("3 + 4i", "4i + 3", True),
        (r"\sqrt{x^2}", "|x|", True),
    ],
)
def test_values_that_need_algebra(gold, answer, equal):
    assert worker.same_value(gold, answer, Policy()) == equal


def test_a_large_parent_does_not_cost_the_worker():
    """The peak memory of a process is inherited by its children; the worker must not take it for its own."""
    block = bytearray(b"x") * (900 * 2**20)
    with Judge() as judge:
        judge.ask([Question("1/2", "0.5", Policy())])
        [pid] = judge.worker_pids
        judge.ask([Question("1/4", "0.25", Policy())])
        assert judge.worker_pids == [pid]
    del block
