from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorr_bench.grade import Policy
from lorr_bench.grade.compare.comparison import same
from lorr_bench.grade.compare.forms import read_form
from lorr_bench.grade.notation.canonical import canonical
from lorr_bench.grade.notation.words import is_words


def compared(gold: str, answer: str) -> bool:
    """Without algebra: parts that need it are taken for different, and noted."""
    return same(read_form(gold), read_form(answer), Policy(), lambda *_: False)


def asked(gold: str, answer: str) -> list[tuple[str, str]]:
    """The parts that algebra is asked about."""
    pairs: list[tuple[str, str]] = []
    same(read_form(gold), read_form(answer), Policy(), lambda *pair: bool(pairs.append(pair)))
    return pairs


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("x = 4", "4", True),
        ("4", "x = 4", True),
        ("4", "E(6, 1) = 2 + 2 = 4", True),
        ("4", "4 = 2 + 3 = 5", False),
        ("x = 4", "x = 5", False),
        ("x = 2, x = -3", "-3, 2", True),
        ("x = 1, y = 2", "(1, 2)", True),
        ("x = 1, y = 2", "(2, 1)", False),
        ("100,200", "200, 100", True),
        ("200, 100", "100,200", True),
        ("100,200", "100200", True),
        ("7", r"7, \frac{14}{2}", True),
        ("7", "7, 8", False),
        ("1, 2", "1", False),
        ("16, 3, 1, 1", "(16, 3, 1, 1)", True),
        ("16, 3, 1, 1", "16, 3, 1", False),
        ("[1, 2]", "(1, 2)", False),
        ("[1, 2]", r"\{1, 2\}", False),
        ("1, 2", r"\{2, 1\}", True),
        (r"\{5\}", "5", True),
        ("(1, 2)", "7", False),
        (r"\emptyset", "0", False),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"\begin{pmatrix} 1.0 & 2 \\ 3 & 4 \end{pmatrix}", True),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "(1, 2)", False),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", "(1, 2)", True),
        (r"\text{Yes}", "yes", True),
        (r"\text{Yes}", "7", False),
        ("east", "southeast", False),
        (r"11\sqrt2", r"\sqrt{242}", True),
        (r"11\sqrt2", r"11\sqrt{3}", False),
        ("7", r"\sqrt{49}", True),
        (r"2\pi", "2", False),
        (r"\frac12 x", r"\frac{1}{2}x", True),
    ],
)  # fmt: skip
def test_what_needs_no_algebra(gold, answer, equal):
    assert compared(gold, answer) == equal


@pytest.mark.parametrize(
    ("gold", "answer", "parts"),
    [
        ("(x+1, 2)", "(1+x, 2)", []),
        ("y = 2x", "2x - y = 0", []),
        ("[-2, 7]", r"-2 \le x \le 7", []),
        ("9", r"9^{9^{9^9}}", [("9", "9^{9^{9^9}}")]),
        (r"\int x\,dx", r"\int 2x\,dx", [(r"\int x dx", r"\int 2x dx")]),
    ],
)
def test_what_algebra_is_asked(gold, answer, parts):
    assert asked(gold, answer) == parts


@pytest.mark.slow
@given(st.lists(st.integers(-99, 99), min_size=1, max_size=6, unique=True), st.randoms(use_true_random=False))
def test_a_list_is_equal_in_any_order_and_a_tuple_in_its_own(values, random):
    shuffled = random.sample(values, len(values))
    gold, answer = (", ".join(map(str, v)) for v in (values, shuffled))
    assert compared(gold, answer)
    assert compared(f"({gold})", f"({answer})") == (values == shuffled)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Monday", True),
        ("no solution", True),
        (r"\text{Yes}", True),
        ("p - q", False),
        ("xyz", False),
        ("x y z", False),
        (r"\text{(C)}", False),
        ("2x", False),
        ("", False),
    ],
)
def test_words_are_no_products(text, words):
    assert is_words(text) == words


def test_spaces_between_digits_are_kept():
    assert canonical(r"3 1/4 + x_{1}") == "3 1/4+x_1"


PIECES = st.lists(
    st.sampled_from(
        [*[
    word
    for line in (
        r"\frac{ \sqrt{ \sum_{k=1}^{n} \int_0^1 \begin{pmatrix} \end{pmatrix} \left( \right) \cup",
        r"\text{ or } \{ \} dx",
    )
    for word in line.split()
], "{", "}", "(", ")", "[", "]", "|", "^", "_", "!", "x", "y", "i", "e", "n", "0", "1", "2", "-3", "0.5", "+", "-", "=", "<", ",", ":", "%", " ", r"\pi", r"\infty", r"\le ", r"\pm ", r"\ln ", r"\sin ", "million", "base 5", "_5", r"^\circ", "\\\\", "&"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@pytest.mark.slow
@settings(deadline=None, max_examples=400)
@given(PIECES, PIECES)
def test_any_two_answers_are_the_same_or_not(gold, answer):
    assert compared(gold, answer) in (True, False)


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(PIECES)
def test_an_answer_is_the_same_as_itself(text):
    assert compared(text, f" {text} ")
