r"""Measure the grader: ``python benchmarks/grading.py``, three minutes on two cores.

First table: easy answers, worked solutions of some three hundred characters that end in a box with an
integer, a decimal, a fraction or short LaTeX, right and wrong, no two with the same gold answer and box, so
that the cache answers none. Warm, that is after some others; beside it Math-Verify alone in this process.

Second table: answers made to hang or to break a grader, each with another behind it that must still be
graded. Peak memory is the largest resident size of any worker at work on them; no two rows share a worker.

Third table: the answers labelled by hand in tests/grade, by kind, and with ``--reports`` those of a file.
Fourth, with ``--data``: the gold answers of each JSONL file there, boxed in another writing, so that the
texts differ; and its solutions. Last: processor seconds until a fresh process has its first verdict.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lorr_bench.grade import Policy, grade_many
from lorr_bench.grade.grader import Grader

Item = tuple[str, str]
LABELLED = Path(__file__).parents[1] / "tests" / "grade" / "labelled_answers.jsonl"
WRONG_SHARE = 0.5
SHORT_LATEX_SHARE = 0.1
STEPS = (
    "We know that {a} of them are left, and ${a} + {b} = {c}$.",
    "Each of the {b} parts holds {a}, so there are \\({a} \\cdot {b}\\) in all.",
    "Taking \\[ x = \\frac{{{a}}}{{{b}}} \\] we may go on with the second case.",
    "Next, subtract {b} from {c} and keep the rest, which is {a}.",
)
FAILURES = {
    "tower of powers": r"\boxed{9^{9^{9^9}}}",
    "factorial of 10^9": r"\boxed{(10^{9})!}",
    "factorial of a factorial": r"\boxed{((20!)!)!}",
    "power that fills memory": r"\boxed{10^{10^{10}}}",
    "binomial coefficient": r"\boxed{\binom{10^{12}}{10^{6}}}",
    "sum of 10^9 terms": r"\boxed{\sum_{k=1}^{10^9} \sin(k^k)}",
    "product, expanded": r"\boxed{" + "(a+b+c+d)" * 40 + "^{40}}",
    "fractions, 1,000 deep": r"\boxed{" + r"\frac{" * 1000 + "1" + "}{2}" * 1000 + "}",
    "roots, 1,000 deep": r"\boxed{" + r"\sqrt{" * 1000 + "2" + "}" * 1001,
    "parentheses, 5,000 deep": r"\boxed{" + "(" * 5000 + "1" + ")" * 5000 + "}",
    "tuples, 2,000 deep": r"\boxed{" + "(1," * 2000 + "1" + ")" * 2000 + "}",
    "braces, 1 MB open": "{" * 1_000_000,
    "braces, 1 MB balanced": "{" * 500_000 + "}" * 500_000,
    r"\boxed{ a million times": r"\boxed{" * 1_000_000,
    "boxes, 100,000 side by side": r"\boxed{1} " * 100_000,
    "dollars, 1 MB": "$" * 1_000_000,
    "control characters": "\\boxed{\x00\x01\x1b\x7f 5}",
    "Arabic-Indic digits": "\\boxed{\u0663}",
    "full-width digits": "\\boxed{\uff13}",
    "half a character": "\\boxed{\ud800 5}",
    "10^6 digits": r"\boxed{" + "9" * 1_000_000 + "}",
    "10^6 digits, no box": "9" * 1_000_000,
    "spaces, for regular expressions": r"\boxed{" + r"\text{ }" * 2400 + "x}",
    "answer: answer: answer:": "answer: " * 2400 + "$",
    "list of 3,400 values": r"\boxed{" + ", ".join(map(str, range(3400))) + "}",
    "blanks behind a choice": "the answer" + " " * 19_000 + "is" + " " * 900,
    "1 + 1 + ... + 1": r"\boxed{" + "1+" * 9000 + "1}",
}


def solution(rng: random.Random, value: str) -> str:
    """A worked solution that ends in ``value``."""
    numbers = {"a": rng.randint(2, 999), "b": rng.randint(2, 99), "c": rng.randint(100, 9999)}
    steps = [rng.choice(STEPS).format(**numbers) for _ in range(rng.randint(3, 5))]
    return " ".join(steps) + rf" Therefore the answer is $\boxed{{{value}}}$."


def easy_values(rng: random.Random) -> Iterator[tuple[str, str, str]]:
    """Gold answers, each with a right answer in another writing and a wrong one."""
    while True:
        whole, top, low = rng.randint(-99_999, 99_999), rng.randint(1, 999), rng.randint(2, 99)
        cents = f"{rng.randint(0, 9999)}.{rng.randint(1, 99):02d}"
        if rng.random() < SHORT_LATEX_SHARE:
            yield rng.choice(list(_short_latex(top, low)))
            continue
        yield rng.choice(
            [
                (str(whole), f"{whole:,}", str(whole + rng.choice((-1, 1, 10)))),
                (cents, cents + "0", str(float(cents) + 1)),
                (rf"\frac{{{top}}}{{{low}}}", rf"\dfrac{{{2 * top}}}{{{2 * low}}}", f"{top}/{low + 1}"),
            ]
        )


def _short_latex(top: int, low: int) -> Iterator[tuple[str, str, str]]:
    """The forms that are frequent in MATH beside numbers."""
    yield rf"{top}\sqrt{{{low}}}", rf"{top} \sqrt{{{low}}}", rf"{top}\sqrt{{{low + 1}}}"
    yield rf"\frac{{{top}\pi}}{{{low}}}", rf"\dfrac{{{top} \pi}}{{{low}}}", rf"\frac{{{low}\pi}}{{{top}}}"
    yield f"{low}x + {top}", f"{top} + {low}x", f"{low}x - {top}"


def easy_items(count: int, seed: int) -> list[Item]:
    """Pairs of gold answer and worked solution, every gold answer and box together once.

    One in ten is short LaTeX, a third of that with a variable; the others are integers, decimals, fractions.
    """
    rng = random.Random(seed)
    found: dict[tuple[str, str], Item] = {}
    for gold, right, wrong in easy_values(rng):
        value = wrong if rng.random() < WRONG_SHARE else right
        found[gold, value] = (gold, solution(rng, value))
        if len(found) == count:
            return list(found.values())
    raise AssertionError("the values never end")


def plain_math_verify(items: Sequence[Item]) -> list[bool]:
    """What Math-Verify says by itself, without time-outs, which only a main thread can have."""
    import math_verify

    logging.disable(logging.CRITICAL)  # of what it says about time-outs
    verdicts = []
    for gold, answer in items:
        marked = "$" in gold or r"\boxed" in gold
        right = math_verify.parse(gold if marked else rf"\boxed{{{gold}}}", parsing_timeout=None)
        found = math_verify.parse(answer, parsing_timeout=None)
        verdicts.append(bool(math_verify.verify(right, found, timeout_seconds=None)))
    return verdicts


def speed(
    grade: Callable[[Sequence[Item]], object], pids: Callable[[], Sequence[int]], count: int, repeats: int
) -> tuple[float, float]:
    """Answers a second on the clock, and processor seconds of an answer, all processes together.

    Args:
        grade: Grades items.
        pids: The processes that do it, at the time of asking.
        count: How many fresh answers a set has.
        repeats: How many sets, of which the median counts.
    """
    clocks, processors = [], []
    for repeat in range(repeats):
        items = easy_items(count, seed=repeat + 1)
        used, began = sum(map(_processor_seconds, pids())), time.perf_counter()
        grade(items)
        clocks.append(count / (time.perf_counter() - began))
        processors.append((sum(map(_processor_seconds, pids())) - used) / count)
    return statistics.median(clocks), statistics.median(processors)


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class PeakMemory(threading.Thread):
    """Watches the largest resident size among the workers of a grader, in MiB."""

    def __init__(self, grader: Grader) -> None:
        super().__init__(daemon=True)
        self._grader = grader
        self._done = threading.Event()
        self.peak = 0.0

    def run(self) -> None:
        """Look every 10 ms."""
        while not self._done.wait(0.01):
            for pid in self._grader.worker_pids:
                self.peak = max(self.peak, _resident(pid))

    def stop(self) -> float:
        """End, and give the peak."""
        self._done.set()
        self.join()
        return self.peak


def _resident(pid: int) -> float:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0.0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


def print_speed(count: int, repeats: int) -> None:
    """The first table."""
    grader = Grader()
    warm = [(f"x + {number}", rf"\boxed{{{number} + x}}") for number in range(1000)]
    grader.grade_many(warm, Policy())
    plain_math_verify(warm[:100])
    sample = easy_items(count, seed=1)
    verdicts = grader.grade_many(sample, Policy())
    same = sum(
        ours.correct == theirs for ours, theirs in zip(verdicts, plain_math_verify(sample), strict=True)
    )
    needed = sum(verdict.seconds > 0 for verdict in verdicts)
    characters = statistics.mean(len(answer) for _, answer in sample)
    print(
        f"{count} answers of {characters:.0f} characters, {needed / count:.1%} of them through Math-Verify;"
    )
    print(f"{same} verdicts as Math-Verify's alone, {sum(v.correct for v in verdicts)} right.\n")
    grader.close()
    fresh = Grader()  # nothing remembered
    fresh.grade_many(warm, Policy())
    own = os.getpid()
    ours = speed(
        lambda items: fresh.grade_many(items, Policy()), lambda: [own, *fresh.worker_pids], count, repeats
    )
    fresh.close()
    theirs = speed(plain_math_verify, lambda: [own], count, repeats)
    print("| grader | cores | easy answers a second | processor seconds for 10,000 |\n|---|---|---|---|")
    print(f"| lorr_bench | {len(os.sched_getaffinity(0))} | {ours[0]:,.0f} | {ours[1] * 1e4:.2f} |")
    print(f"| math_verify, one process | 1 | {theirs[0]:,.0f} | {theirs[1] * 1e4:.2f} |\n")


def print_hostile(policy: Policy) -> None:
    """The second table."""
    print(f"Limit: {policy.timeout_seconds:g} s of the processor.\n")
    print("| answer | characters | verdict | seconds | peak MiB of a worker | the next answer |")
    print("|---|---|---|---|---|---|")
    reasons: Counter[str] = Counter()
    for name, answer in FAILURES.items():
        grader = Grader()
        grader.grade_many([("7", r"\boxed{8 - 1}")], policy)  # warm
        watch = PeakMemory(grader)
        watch.start()
        began = time.perf_counter()
        gold = "B" if "choice" in name else "7"
        verdict, after = grader.grade_many([(gold, answer), ("7", r"\boxed{3 + 4}")], policy)
        seconds = time.perf_counter() - began
        peak = watch.stop()
        grader.close()
        reasons[verdict.reason] += 1
        row = f"{name} | {len(answer):,} | {verdict.reason} | {seconds:.2f} | {peak:.0f}"
        print(f"| {row} | {'graded' if after.correct else 'LOST'} |", flush=True)
    print("\n" + ", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items())))


def print_labelled(path: Path, label: str) -> None:
    """The third table: for each kind, wrong answers marked right and right ones marked wrong.

    Args:
        path: A JSONL file with ``kind``, ``gold`` and ``answer``.
        label: The key of the right verdict.
    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    items = [(row["gold"], row["answer"]) for row in rows]
    ours = [verdict.correct for verdict in grade_many(items)]
    pairs, counts = Counter(row["kind"] for row in rows), Counter[tuple[str, int, bool]]()
    for grader, verdicts in enumerate((ours, plain_math_verify(items))):
        for row, verdict in zip(rows, verdicts, strict=True):
            counts[row["kind"], grader, verdict] += verdict != row[label]
    print("\n| kind | pairs | wrong marked right | right marked wrong | the same by Math-Verify alone |")
    print("|---|---|---|---|---|")
    for kind in [*sorted(pairs), None]:
        named = [kind] if kind else list(pairs)
        figures = [sum(counts[n, g, v] for n in named) for g in (0, 1) for v in (True, False)]
        total = sum(pairs[n] for n in named)
        row = f"{kind or '**all**'} | {total} | {figures[0]} | {figures[1]} | {figures[2]}, {figures[3]}"
        print(f"| {row} |")


def print_golds(folder: Path) -> None:
    """The fourth table."""
    print(
        "| file | gold answers | not equal to themselves | solutions | not equal to theirs |\n"
        "|---|---|---|---|---|"
    )
    for path in sorted(folder.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        golds = [row["answer"] for row in rows]
        own = _wrong([(gold, rf"\boxed{{{_rewritten(gold)}}}") for gold in golds])
        solved = [(row["answer"], row["solution"]) for row in rows if row.get("solution")]
        counts = f"{len(solved):,} | {_wrong(solved)}" if solved else "none | "
        print(f"| {path.stem} | {len(golds):,} | {own} | {counts} |", flush=True)


def _wrong(items: Sequence[Item]) -> int:
    return sum(not verdict.correct for verdict in grade_many(items))


def _rewritten(gold: str) -> str:
    return gold.replace(r"\frac", r"\dfrac").replace("+", " + ").replace(" - ", "-") + r"\,"


FIRST_CALL = """
import time
from lorr_bench.grade import grade_many
grade_many([("x^2 - 1", r"\\boxed{(x - 1)(x + 1)}")])
print(time.process_time())
"""


def print_first_call() -> None:
    """Processor seconds of a fresh process until the verdict on an expression, its imports included."""
    done = subprocess.run([sys.executable, "-c", FIRST_CALL], capture_output=True, text=True, check=True)
    print(f"\nFirst verdict on an expression: {float(done.stdout):.2f} processor seconds of a fresh process.")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="easy answers in a measurement")
    parser.add_argument("--repeats", type=int, default=3, help="measurements, of which the median is shown")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds for a hostile answer")
    parser.add_argument("--data", type=Path, help="a folder of JSONL files with gold answers")
    parser.add_argument("--reports", type=Path, help="a JSONL file with kind, gold, answer and expected")
    arguments = parser.parse_args()
    print_speed(arguments.count, arguments.repeats)
    print_hostile(Policy(timeout_seconds=arguments.timeout))
    print_labelled(LABELLED, "right")
    if arguments.reports:
        print_labelled(arguments.reports, "expected")
    if arguments.data:
        print_golds(arguments.data)
    print_first_call()


if __name__ == "__main__":
    main()
