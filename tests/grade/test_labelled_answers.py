"""Answers labelled by hand: what a teacher would mark right or wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lorr_bench.grade import grade_many

SHARED = Path(__file__).parents[3] / "shared" / "data"

LABELLED = [
    # gold, answer, right
    ("72", r"48 / 2 = 24, and 48 + 24 = 72. \boxed{72}", True),
    ("72", "She sold 48 + 24 = 72 clips.", True),
    ("72", "The answer is 72.", True),
    ("72", r"\boxed{27}", False),
    ("1234", r"\boxed{1,234}", True),
    ("1,234", "That makes 1234.", True),
    ("-3", r"x = \boxed{-3}", True),
    ("-3", r"x = \boxed{3}", False),
    ("0.5", r"\boxed{\frac{1}{2}}", True),
    (r"\frac{1}{2}", "The answer is 1/2", True),
    (r"\frac{1}{2}", "The answer is 0.5", True),
    (r"\frac{1}{2}", r"\boxed{\frac{2}{4}}", True),
    (r"\dfrac{3}{4}", r"$\boxed{\tfrac{3}{4}}$", True),
    (r"\frac{1}{3}", r"\boxed{0.33}", False),
    (r"2\frac{1}{2}", r"\boxed{2.5}", True),
    (r"50\%", r"\boxed{50\%}", True),
    (r"50\%", r"\boxed{0.5}", True),
    (r"50\%", r"\boxed{50}", True),
    ("(1,2)", r"The pair is \boxed{(1, 2)}.", True),
    ("(1,2)", r"\boxed{(2, 1)}", False),
    ("[1,2)", r"\boxed{[1, 2)}", True),
    ("[1,2)", r"\boxed{[1, 2]}", False),
    (r"(-\infty, 3]", r"\boxed{(-\infty, 3]}", True),
    (r"\{1, 2, 3\}", r"\boxed{\{3, 2, 1\}}", True),
    ("1,2", r"$\boxed{1}$ and $\boxed{2}$", True),
    ("1,2", r"\boxed{1, 3}", False),
    ("Monday", r"\boxed{\text{Monday}}", True),
    ("Monday", r"\boxed{\text{Tuesday}}", False),
    ("yes", "yes", True),
    ("yes", "no", False),
    ("72", r"\boxed{72\text{ apples}}", True),
    ("5 cm", r"\boxed{5\text{ cm}}", True),
    (r"90^\circ", r"\boxed{90}", True),
    ("18", r"She earns \boxed{\$18}.", True),
    ("C", r"\boxed{C}", True),
    ("C", r"\boxed{\text{(C)}}", True),
    ("(C)", "The answer is C.", True),
    ("C", r"\boxed{D}", False),
    ("C", "The answer is (C).", True),
    ("C", "The answer is (D), not C.", False),
    ("B", "A short look gives nothing. Answer: B", True),
    ("x^2+2x+1", r"\boxed{(x+1)^2}", True),
    ("2x+3", r"\boxed{2x+4}", False),
    (r"\sqrt{8}", r"\boxed{2\sqrt{2}}", True),
    ("x = 4", r"\boxed{4}", True),
    ("4", r"\boxed{x = 4}", True),
    ("1e3", r"\boxed{1000}", True),
    (r"\text{even}", "The function is even.", True),
    ("12", r"12 + 7 = 19. \boxed{", False),
    ("12", "", False),
]  # fmt: skip
# What the grader is known to get wrong. Mending one must take it off this list.
KNOWN_MISSES = {
    ("1e3", r"\boxed{1000}"),  # read as 1·e·3
    (r"\text{even}", "The function is even."),  # a word that is not boxed is not found
}


def test_verdicts_agree_with_the_labels_but_for_the_known_misses():
    verdicts = grade_many([(gold, answer) for gold, answer, _ in LABELLED])
    misses = {
        (gold, answer)
        for (gold, answer, right), verdict in zip(LABELLED, verdicts, strict=True)
        if verdict.correct != right
    }
    assert misses == KNOWN_MISSES


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"real benchmark files are not at {SHARED}")
@pytest.mark.parametrize(
    ("name", "misses"), [("math500", set()), ("aime24", {"aime2024-II-01"}), ("minerva_math", set())]
)
def test_published_solutions_are_right_but_for_the_known_misses(name, misses):
    """The one miss writes ``(073)`` in bold for 73."""
    lines = (SHARED / "math" / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    verdicts = grade_many([(row["answer"], row["solution"]) for row in rows])
    found = {row["id"] for row, verdict in zip(rows, verdicts, strict=True) if not verdict.correct}
    assert found == misses
