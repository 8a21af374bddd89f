from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.grade.segment import BOX, final_content, final_segment, is_integer, is_readable, plain, tidy


@pytest.mark.parametrize(
    ("answer", "segment"),
    [
        (r"1 + 1 = 2. \boxed{2} is it", r"\boxed{2}"),
        (r"so \boxed{\frac{1}{2}}.", r"\boxed{\frac{1}{2}}"),
        (r"\boxed{1}" + "." * 80 + r"\boxed{2}", r"\boxed{2}"),
        (r"$\boxed{1}$ and $\boxed{2}$", r"\boxed{1}$ and $\boxed{2}"),
        (r"\boxed{4} then \boxed{5", r"\boxed{4}"),
        (r"\boxed{1 \boxed{5}", r"\boxed{5}"),
        (r"\boxed{\boxed{5}}", r"\boxed{5}"),
        (r"} \boxed{5} {", r"\boxed{5}"),
        ("no box: 5", "no box: 5"),
        (r"\boxed 5", r"\boxed 5"),
        (r"\boxed{1} and" + "." * 80 + r"\boxed{2}", r"\boxed{2}"),
        (r"\boxed{1} was a guess, wrong \boxed{2}", r"\boxed{1} was a guess, wrong \boxed{2}"),
        (r"\boxed{1} was a guess. Better: \boxed{2}", r"\boxed{2}"),
        ("", ""),
    ],
)
def test_the_last_balanced_box_decides(answer, segment):
    assert final_segment(answer) == segment


texts_with_boxes = st.lists(
    st.sampled_from([BOX, "{", "}", "5", " and ", "$", "\n", "x" * 75]) | st.text(max_size=5), max_size=30
).map("".join)


@given(texts_with_boxes)
def test_a_segment_is_a_part_that_reads_the_same_again(answer):
    segment = final_segment(answer)
    assert segment in answer
    assert final_segment(segment) == segment


@given(st.text(alphabet="0123456789abc+-=. ", max_size=60), st.integers())
def test_what_comes_before_the_only_box_is_left_out(before, value):
    assert final_segment(f"{before}{BOX}{value}}}") == f"{BOX}{value}}}"


def test_a_hundred_thousand_open_boxes_take_no_time():
    text = BOX * 100_000
    assert final_segment(text) == text


@pytest.mark.parametrize(
    ("segment", "content"),
    [
        (r"\boxed{ 5 }", "5"),
        (r"\boxed{1} \boxed{2}", "1, 2"),
        (r"\boxed{7} and \boxed{7}", "7"),
        (r"\boxed{3}, \boxed{1}, \boxed{1}", "3, 1, 1"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        ("5", None),
        (r"\boxed{5", None),
        (r"\boxed{}", ""),
        ("3 + 4 = 7\n#### 7", "7"),
        ("#### 6\nno:\n#### 7\nDone.", "7"),
        ("####", ""),
        ("### Answer", None),
    ],
)
def test_what_a_segment_gives_as_its_answer(segment, content):
    assert final_content(segment) == content


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        (r"\left( 3, \dfrac{\pi}{2} \right)", r"( 3, \frac{\pi}{2} )"),
        (r"10,\!080", "10,080"),
        (r"1{,}000", "1,000"),
        (r"$x$, $y$.", "x, y"),
        (r"\$5\%", r"\$5%"),
        (r"a \leqslant b \geq c \leq d \ge e", r"a \le b \ge c \le d \ge e"),
        (r"\leftarrow", r"\leftarrow"),
        (r"1 \\ 2", r"1 \\ 2"),
        (r"5\,\text{cm}", r"5 \text{cm}"),
        ("\u0663\uff14", "34"),
        ("\uff08\uff11\uff09", "(1)"),
        ("\u22127 \u00d7 10\u207b\u00b2\u00b3", r"-7 \times 10^{-23}"),
        ("90\u00b0", r"90^\circ"),
        ("\u00bd", "\u00bd"),
    ],
)
def test_tidy_text(text, tidied):
    assert tidy(text) == tidied


@pytest.mark.parametrize("text", ["0", "57", "-3", "123456789012345"])
def test_integers_in_the_usual_writing(text):
    assert is_integer(text)


@pytest.mark.parametrize("text", ["057", "-0", "+3", "1.0", "1,000", "", "٣", "5\n", "1234567890123456"])
def test_other_writings_are_left_to_math_verify(text):
    assert not is_integer(text)


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


def test_words_alone_hold_nothing_to_read():
    assert not is_readable("I do not know.")
    assert is_readable("seven is 7")
    assert is_readable("$x$")
