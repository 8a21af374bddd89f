from __future__ import annotations

import pytest

from lorr_bench.grade import Policy
from lorr_bench.grade.extraction.choices import choice_in_content, choice_in_text, gold_choice


@pytest.mark.parametrize(
    ("gold", "letter"),
    [("B", "B"), ("(B)", "B"), (r"\text{(B)}", "B"), (r"\textbf{(J)}", "J"), ("b", None), (r"\text{\left(B\right)}\,", "B"), ("K", None), ("AB", None), ("12", None), ("B" * 50, None)],
)  # fmt: skip
def test_gold_answers_that_are_choices(gold, letter):
    assert gold_choice(gold) == letter


@pytest.mark.parametrize(
    ("content", "letter"),
    [
        ("(D)", "D"),
        ("D", "D"),
        ("d", "D"),
        ("D. 12 apples", "D"),
        ("(D) Alina", "D"),
        (r"D \text{ (twelve)}", "D"),
        (r"\text{Option D}", "D"),
        (r"\text{Answer: D}", "D"),
        (r"12 \text{ (D)}", "D"),
        ("A. Not B", "A"),
        ("B, C", None),
        ("(B) and (C)", None),
        ("B or C", None),
        ("Denmark", None),
        ("A house", None),
        ("12", None),
    ],
)
def test_a_choice_by_itself(content, letter):
    assert choice_in_content(content, Policy()) == letter


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
        ("The answer is C. Option B gives 5.", "C"),
        ("The answer is A.", "A"),
        ("The answer is I", "I"),
        ("Option A is correct", "A"),
        ("(G) is the right one, so we are done", "G"),
        ("I choose H.", "H"),
        ("答案选C", "C"),
        ("Nothing at all.", None),
    ],
)
def test_a_choice_in_a_text(text, letter):
    assert choice_in_text(text, Policy()) == letter


@pytest.mark.parametrize("letter", "ABCDEFGHIJ")
def test_every_letter_is_found_alike(letter):
    for sentence in (
        "The answer is {}.",
        "Option {} is correct.",
        "Answer: ({})",
        "**{}** is the correct answer",
    ):
        assert choice_in_text(sentence.format(letter), Policy()) == letter


def test_blanks_without_end_are_no_trouble():
    assert choice_in_text("answer" + " \n" * 10_000 + "is" + " " * 10_000 + "x", Policy()) is None
