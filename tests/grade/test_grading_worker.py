from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lorr_bench.grade import worker
from lorr_bench.grade.process import MEMORY_BYTES, Judge, Question

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


@pytest.mark.parametrize("last_question", ["1", r"\\boxed{9^{9^{9^9}}}"], ids=["idle", "busy"])
def test_the_worker_dies_with_a_killed_parent(last_question):
    script = f"""
import sys, time
from lorr_bench.grade.process import Question, Worker
worker = Worker()
worker.write([Question("7", "{last_question}", 0.5)])
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
        judge.ask([Question("1/2", r"\boxed{0.5}", 5)])
        limits = Path(f"/proc/{judge.worker_pid}/limits").read_text()
    assert limits.split("Max address space")[1].split()[:2] == [str(MEMORY_BYTES)] * 2


def test_a_worker_with_half_of_its_memory_in_use_is_replaced(monkeypatch):
    monkeypatch.setattr(
        "lorr_bench.grade.process.MEMORY_BYTES", 120 << 20
    )  # Math-Verify alone takes over 60 MiB
    with Judge() as judge:
        assert judge.ask([Question("1/2", r"\boxed{0.5}", 5)])[0].reason == "equal"
        first = judge.worker_pid
        assert judge.ask([Question("1/4", r"\boxed{0.25}", 5)])[0].reason == "equal"
        assert judge.worker_pid != first


def test_ctrl_c_is_the_parents_to_handle():
    with Judge() as judge:
        judge.ask([Question("1/2", r"\boxed{0.5}", 5)])
        pid = judge.worker_pid
        os.kill(pid, signal.SIGINT)
        assert judge.ask([Question("1/4", r"\boxed{0.25}", 5)])[0].reason == "equal"
        assert judge.worker_pid == pid


@pytest.mark.parametrize(
    ("gold", "text", "finding"),
    [
        ("1/2", r"\boxed{0.5}", ("equal", r"\frac{1}{2}")),
        ("7", "it is 8", ("different", "8")),
        ("7", "no idea", ("no_answer", None)),
        ("C", "the answer: (C)", ("equal", "c")),
        ("C", "the answer: C", ("equal", "c")),
        ("$x$", r"\boxed{x}", ("equal", "x")),
    ],
)
def test_judging(gold, text, finding):
    assert worker.judge(gold, text) == finding


def test_what_is_shown_of_an_answer_is_short():
    assert len(worker.judge("7", r"\boxed{" + "1+" * 500 + "1}")[1]) == worker.SHOWN_CHARS


def test_a_large_parent_does_not_cost_the_worker():
    """The peak memory of a process is inherited by its children; the worker must not take it for its own."""
    block = bytearray(b"x") * (900 * 2**20)
    with Judge() as judge:
        judge.ask([Question("1/2", r"\boxed{0.5}", 5)])
        pid = judge.worker_pid
        judge.ask([Question("1/4", r"\boxed{0.25}", 5)])
        assert judge.worker_pid == pid
    del block
