from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.grade.compare.forms import MAX_DEPTH, Form, as_list, read_form


def shape(form: Form):
    """A form as nested lists of texts, the kind first."""
    if form.kind == "scalar":
        return form.text
    return [form.kind + form.brackets, *(shape(part) for part in form.parts)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", "7"),
        ("1,234", "1,234"),
        ("1,-2", ["list", "1", "-2"]),
        ("1 and 2", ["list", "1", "2"]),
        (r"x=1 \text{ or } x=2", ["list", "x=1", "x=2"]),
        ("1; 2", ["list", "1", "2"]),
        ("1, 1, 2", ["list", "1", "1", "2"]),
        (r"\{1, 1, 2\}", ["set", "1", "2"]),
        ("$69$,$84$", ["list", "69", "84"]),
        ("1,234, 5,678", ["list", "1,234", "5,678"]),
        (r"1,000\pi", r"1000\pi"),
        (r"(100,200) \cup (300,400)", r"(100,200) \cup (300,400)"),
        (r"x \in y \in z", r"x \in y \in z"),
        ("(x, y) = (1, 2)", ["tuple()", "1", "2"]),
        ("(x, y) = 1", "(x, y) = 1"),
        ("(1,2)", ["tuple()", "1", "2"]),
        ("(1,234)", ["tuple()", "1", "234"]),
        (r"\langle 3, -1 \rangle", ["tuple()", "3", "-1"]),
        ("[1,2)", ["tuple[)", "1", "2"]),
        (r"\left(-\infty, 3\right]", ["tuple(]", r"-\infty", "3"]),
        (r"x \in [-2,7]", ["tuple[]", "-2", "7"]),
        (r"(0,9) \cup (9,36)", r"(0,9) \cup (9,36)"),
        ("(1,2),(3,4)", ["list", ["tuple()", "1", "2"], ["tuple()", "3", "4"]]),
        (r"\{1, 2\}", ["set", "1", "2"]),
        (r"\{\}", ["set"]),
        (r"\emptyset", ["set"]),
        (r"\{1 \pm \sqrt{5}, -2\}", ["set", r"1 + \sqrt{5}", r"1 - \sqrt{5}", "-2"]),
        (r"\pm 3", ["list", "+ 3", "- 3"]),
        (r"\pm 1 \pm 2", r"\pm 1 \pm 2"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", ["tuple()", "1", "2"]),
        (r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}", ["matrix", ["matrix", "1", "2"], ["matrix", "3", "4"]]),
        (r"\left[\begin{array}{cc} 1 & 2 \\ 3 & 4 \end{array}\right]", ["matrix", ["matrix", "1", "2"], ["matrix", "3", "4"]]),
        (r"\begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}", r"\begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}"),
        (r"\begin{cases} x = 3 \\ y = -1 \end{cases}", ["list", "x = 3", "y = -1"]),
        (r"\begin{aligned} x &= 3 \\ y &= -1 \end{aligned}", ["list", "x = 3", "y = -1"]),
        (r"\begin{cases} x & x = 1 \\ -x & x = 2 \end{cases}", r"\begin{cases} x & x = 1 \\ -x & x = 2 \end{cases}"),
        (r"\textbf{(073)}", "073"),
        (r"\text{Bob and Alice}", ["list", "Bob", "Alice"]),
        ("f(x,y)=x", "f(x,y)=x"),
        ("band", "band"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_structure_of_an_answer(text, expected):
    assert shape(read_form(text)) == expected


def test_a_number_with_commas_may_be_a_list():
    assert shape(as_list(read_form("100,200"))) == ["list", "100", "200"]


def test_structure_ends_at_some_depth():
    form = read_form("(1," * 100 + "1" + ")" * 100)
    depth = 0
    while form.parts:
        form, depth = form.parts[-1], depth + 1
    assert depth == MAX_DEPTH


@pytest.mark.slow
@given(st.lists(st.integers(1, 999), min_size=2, max_size=6, unique=True))
def test_what_was_put_into_brackets_is_found(values):
    inner = ", ".join(map(str, values))
    for text, kind in ((f"({inner})", "tuple()"), (rf"\{{{inner}\}}", "set"), (inner, "list")):
        assert shape(read_form(text)) == [kind, *map(str, values)]


@pytest.mark.slow
@given(st.text(alphabet=r"()[]{}\,;12 $^_&", max_size=60))
def test_any_text_has_a_structure(text):
    assert isinstance(read_form(text), Form)
