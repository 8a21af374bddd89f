"""Expressions: what the grammar reads, what they are worth, and which are equal."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from lorr_bench.grade.algebra.expression import UndecidedError, UnreadError
from lorr_bench.grade.algebra.grammar import read_expression
from lorr_bench.grade.algebra.identity import constant_value, equal
from lorr_bench.grade.algebra.tokens import MAX_TOKENS, tokens
from lorr_bench.grade.notation.tidy import tidy
from lorr_bench.grade.policy import Policy


def same(gold: str, answer: str, **options) -> bool:
    return equal(read_expression(tidy(gold)), read_expression(tidy(answer)), Policy(**options))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4", 14),
        ("2 - 3 - 4", -5),
        ("12 / 3 / 2", 2),
        (r"\frac12 + \frac{1}{3}", Fraction(5, 6)),
        (r"2\frac{1}{2}", Fraction(5, 2)),
        ("2^3^2", 512),
        ("2^{-3}", Fraction(1, 8)),
        ("-2^2", -4),
        ("(-2)^2", 4),
        ("8^{1/3}", 2),
        (r"\sqrt[3]{-27}", -3),
        (r"\sqrt{16}", 4),
        ("5!", 120),
        ("6!!", 48),
        (r"\binom{5}{2}", 10),
        ("C(5, 2)", 10),
        (r"{5 \choose 2}", 10),
        ("|3 - 5|", 2),
        ("||-2| - 5|", 3),
        (r"\lfloor -3.5 \rfloor", -4),
        (r"\lceil 3.2 \rceil", 4),
        (r"\gcd(12, 18)", 6),
        (r"\mathrm{lcm}(4, 6)", 12),
        (r"\max(3, 7)", 7),
        (r"\sum_{k=1}^{4} k^2", 30),
        (r"\prod_{i=1}^{4} i", 24),
        (r"\sum_{i=1}^{3} i", 6),
        (r"\det\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", -2),
        (r"\begin{vmatrix} 2 & 0 \\ 0 & 3 \end{vmatrix}", 6),
    ],
)
def test_exact_values(text, value):
    assert constant_value(read_expression(tidy(text))) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"\pi", 3.14159265358979),
        ("e^2", 7.38905609893065),
        (r"\sin 30^\circ", 0.5),
        (r"\sin \pi/6", 0.5),
        (r"\cos(\pi)^2", 1),
        (r"\sin^2 1 + \cos^2 1", 1),
        (r"\tan^{-1} 1", 0.785398163397448),
        (r"\log_2 8", 3),
        ("log2(8)", 3),
        (r"\lg 1000", 3),
        (r"\ln e^3", 3),
        (r"\int_0^1 x^2 dx", 1 / 3),
        (r"\sum_{n=1}^{\infty} \frac{1}{n^2}", 1.64493406684823),
        (r"\sum_{n=0}^{\infty} \frac{1}{2^n}", 2),
    ],
)
def test_other_values(text, value):
    assert float(constant_value(read_expression(tidy(text)))) == pytest.approx(value, abs=1e-14)


@pytest.mark.parametrize(
    "text",
    ["", "+", "2 +", "(2", "2)", "2 3", "4'", r"\frac{1}", r"\unknown", "x <", r"\int x dx", "a & b", "(1, 2)", r"\sqrt{", "{" * 50 + "1" + "}" * 50, "1+" * MAX_TOKENS + "1", "$"],
)  # fmt: skip
def test_what_is_no_expression(text):
    with pytest.raises(UnreadError):
        read_expression(text)


@pytest.mark.parametrize(
    "text", ["9^{9^{9^9}}", "((20!)!)!", r"\binom{10^{12}}{10^6}", r"\sum_{k=1}^{10^9} k", r"\sin(10^{10^5})", r"\sum_{n=1}^{\infty} \frac{1}{n}", "7" + "^7" * 30]
)  # fmt: skip
def test_values_that_take_too_long_are_left_to_who_can_be_ended(text):
    with pytest.raises(UndecidedError):
        constant_value(read_expression(text))


@pytest.mark.parametrize(
    ("gold", "answer", "is_equal"),
    [
        ("x^2 - 1", "(x - 1)(x + 1)", True),
        ("x^2 - 1", "(x - 1)(x + 2)", False),
        (r"\sqrt{x^2}", "|x|", True),
        (r"\sqrt{x^2}", "x", False),
        (r"\sqrt{ab}", r"\sqrt a \sqrt b", True),
        (r"\sqrt{1/n}", r"\frac{1}{\sqrt n}", True),
        (r"2\ln x", r"\ln x^2", True),
        ("(-1)^n", r"\cos(n\pi)", True),
        ("x^{1/3}", r"\sqrt[3]{x}", True),
        ("n!", "n(n-1)!", True),
        (r"\sum_{k=1}^{n} k", r"\frac{n(n+1)}{2}", True),
        (r"\sum_{k=1}^{n} a_k", r"\sum_{j=1}^{n} a_j", True),
        (r"\sum_{k=1}^{n} a_k", r"\sum_{k=1}^{n} b_k", False),
        (r"\sum_{d|n} d", r"\sum_{d|n} 1", False),
        (r"\sum_{i<j} x_i x_j", r"\sum_{i \le j} x_i x_j", False),
        (r"\int_a^b f(x) dx", r"\int_a^b f(t) dt", True),
        ("x_1", "x_{1}", True),
        ("x_1", "x_2", False),
        ("y'", "y", False),
        ("f(x) + 1", "1 + f(x)", True),
        ("f(x)", "f(y)", False),
        ("I(0)", "0", False),
        ("I(0)", "I(1)", False),
        ("n(n-1)", "n^2 - n", True),
        ("sinx", r"\sin x", True),
        ("2pir", r"2\pi r", True),
        (r"\begin{pmatrix} 2 & 4 \end{pmatrix}", r"2\begin{pmatrix} 1 & 2 \end{pmatrix}", True),
        ("e^{i\\pi}", "-1", True),
        ("262537412640768744", r"e^{\pi\sqrt{163}}", False),
    ],
)
def test_equal_expressions(gold, answer, is_equal):
    assert same(gold, answer) is is_equal


def test_two_expressions_without_values_are_not_called_equal():
    with pytest.raises(UndecidedError):
        same(r"\sqrt{-x^2 - 1}", r"\ln(-x^2 - 1)")


LEAVES = st.sampled_from(["x", "y", "1", "2", "7", r"\pi"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, inner).map(lambda t: rf"{t[0]} \cdot {t[1]}"),
        st.tuples(inner, inner).map(lambda t: rf"\frac{{{t[0]}}}{{{t[1]} + 3}}"),
        st.tuples(inner, st.integers(2, 3)).map(lambda t: f"({t[0]})^{{{t[1]}}}"),
    ),
    max_leaves=8,
)


def by_sympy(text: str) -> sympy.Expr:
    """The expression by plain replacement and Python's own grammar."""
    for old, new in ((r"\cdot", "*"), (r"\pi", "pi"), ("^", "**")):
        text = text.replace(old, new)
    while r"\frac" in text:
        start = text.rindex(r"\frac")
        middle = _closing(text, start + 5)
        end = _closing(text, middle + 1)
        over, under = text[start + 6 : middle], text[middle + 2 : end]
        text = f"{text[:start]}(({over})/({under})){text[end + 1 :]}"
    return sympy.sympify(text.replace("{", "(").replace("}", ")"))


def _closing(text: str, opening: int) -> int:
    depth = 0
    for place in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise AssertionError(text)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(TREES, TREES)
def test_equality_is_that_of_sympy(gold, answer):
    assert same(gold, answer) == (sympy.simplify(by_sympy(gold) - by_sympy(answer)) == 0)


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(TREES)
def test_an_expression_is_equal_to_itself_expanded_and_to_no_more(text):
    expanded = str(sympy.expand(by_sympy(text)))
    assert same(text, expanded)
    assert not same(text, f"{expanded} + 1")


@pytest.mark.slow
@settings(deadline=None)
@given(st.text(alphabet=r"\{}()[]|^_+-*/!,'0129xyeinC ", max_size=40) | st.text(max_size=20))
def test_any_text_is_read_or_refused(text):
    try:
        expression = read_expression(tidy(text))
        constant_value(expression)
    except (UnreadError, UndecidedError):
        return


@given(st.text(alphabet="0123456789.xyz+-*/^() ", max_size=60))
def test_tokens_hold_all_that_is_written(text):
    try:
        found = tokens(text)
    except UnreadError:
        return
    assert "".join(token.text for token in found) == text.replace(" ", "")
