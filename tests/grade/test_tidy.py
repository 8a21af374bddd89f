from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.grade.notation.tidy import plain, tidy, undamaged


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        (r"\left( 3, \dfrac{\pi}{2} \right)", r"( 3, \frac{\pi}{2} )"),
        (r"10,\!080", "10,080"),
        (r"1{,}000", "1,000"),
        (r"1\,234.5", "1234.5"),
        ("9\u2009500", "9500"),
        (r"$x$, $y$.", "x, y"),
        (r"\$5\%", r"\$5%"),
        (r"a \leqslant b \geq c \leq d \ge e", r"a \le b \ge c \le d \ge e"),
        ("a <= b != c", r"a \le b \ne c"),
        (r"\leftarrow", r"\leftarrow"),
        (r"1 \\ 2", r"1 \\ 2"),
        (r"5\,\text{cm}", r"5 \text{cm}"),
        ("\u0663\uff14", "34"),
        ("\uff08\uff11\uff09", "(1)"),
        ("\u22127 \u00d7 10\u207b\u00b2\u00b3", r"-7 \times 10^{-23}"),
        ("90\u00b0", r"90^\circ"),
        ("\u221a12", r"\sqrt{12}"),
        ("x\u2081", "x_{1}"),
        ("1\u30012", "1,2"),
        ("x\u6216y", "x or y"),
        (r"\mathrm{e}^2 + \text{i}", "e^2 + i"),
        (r"2{\rm e}", "2 e"),
        (r"5 \mathrm{m}", r"5 \mathrm{m}"),
        ("x**2", "x^2"),
        ("**7**", "7"),
        (r"1, \dots, n", r"1, \ldots , n"),
        (r"\text{ or }", "or"),
        ("5..", "5"),
        (". .", ""),
    ],
)
def test_tidy_text(text, tidied):
    assert tidy(text) == tidied


@pytest.mark.slow
@given(st.text(max_size=40))
def test_what_is_tidy_stays_so(text):
    assert tidy(tidy(text)) == tidy(text)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("\x08oxed{1}", r"\boxed{1}"),
        ("\x0crac{1}{2}", r"\frac{1}{2}"),
        ("\text{a}", r"\text{a}"),
        ("a\tb", "a\tb"),
    ],
)
def test_backslashes_that_a_json_reader_took_are_put_back(text, mended):
    assert undamaged(text) == mended


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        (r"\text{Monday}", "Monday"),
        ("$5$", "5"),
        (" yes.\n", "yes"),
        ("a   b", "a b"),
        (r"\mathrm{cm}", "cm"),
    ],
)
def test_plain_text(text, bare):
    assert plain(text) == bare
