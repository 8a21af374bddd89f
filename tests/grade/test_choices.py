from __future__ import annotations

import pytest

from lorr_bench.grade import Policy
from lorr_bench.grade.choices import given_choice, gold_choice


@pytest.mark.parametrize(
    ("gold", "letter"),
    [("B", "B"), ("(B)", "B"), (r"\text{(B)}", "B"), (r"\textbf{(J)}", "J"), ("b", None), (r"\text{\left(B\right)}\,", "B"), ("K", None), ("AB", None), ("12", None), ("B" * 50, None)],
)  # fmt: skip
def test_gold_answers_that_are_choices(gold, letter):
    assert gold_choice(gold) == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The answer is (D), not C.", "D"),
        ("I ruled out answer A. The answer is: **B**.", "B"),
        ("Answer: C", "C"),
        ("the correct option is c.", "C"),
        (r"The best choice is \textbf{(E)}.", "E"),
        ("The answer is a square.", None),
        ("The answer is B because 3 < 4.", "B"),
        ("The answer is Bob.", None),
        ("The answer is A square.", None),
        ("(D)", "D"),
        ("D", "D"),
        ("Nothing at all.", None),
    ],
)
def test_a_choice_in_a_text(text, letter):
    assert given_choice(text, Policy(), final=False) == letter


def test_blanks_without_end_are_no_trouble():
    assert given_choice("answer" + " \n" * 10_000 + "is" + " " * 10_000 + "x", Policy(), final=False) is None
