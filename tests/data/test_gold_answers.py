from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.data.answers import gold_answer, last_boxed
from lorr_bench.data.rows import Row
from lorr_bench.errors import DataError
from lorr_bench.grade import grade_many


def answer_of(value, pattern=None):
    return gold_answer(Row({"answer": value}, "file:1", "file-1"), "answer", pattern)


def test_the_last_match_of_a_pattern_counts():
    assert answer_of("#### 3 is wrong\nso\n#### 1,234 ", "#### (.*)") == "1,234"


def test_a_pattern_that_matches_nothing_finds_nothing():
    assert answer_of("the answer is 3", "#### (.*)") == ""


def test_a_group_that_takes_no_part_finds_nothing():
    assert answer_of("yes", "yes|(no)") == ""


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"So $x = \boxed{3}$.", "3"),
        (r"First \boxed{1}, then \boxed{ 2 }.", "2"),
        (r"$\boxed{\frac{1}{\sqrt{2}}}$", r"\frac{1}{\sqrt{2}}"),
        (r"$\boxed{\{1,2\}}$", r"\{1,2\}"),
        (r"so $\boxed 2$.", "2"),
        (r"so $\boxed2$.", "2"),
        (r"so \boxed 2.5.", "2.5"),
        (r"there are $\boxed{}$ primes", ""),
        (r"cut off in \boxed{\frac{1", ""),
        (r"at the end \boxed", ""),
        ("no box", ""),
    ],
)
def test_the_last_box_of_a_solution(solution, answer):
    assert last_boxed(solution) == answer
    assert answer_of(solution, "boxed") == answer


balanced = st.recursive(
    st.text(alphabet="ab1+ ", max_size=5),
    lambda inner: inner.map("{{{}}}".format) | st.tuples(inner, inner).map("".join),
)


@pytest.mark.slow
@given(st.text(alphabet="ab{}$ ", max_size=20), balanced, st.text(alphabet="ab}{$ ", max_size=20))
def test_what_was_put_into_the_last_box_is_found(before, content, after):
    assert last_boxed(f"{before}\\boxed{{{content}}}{after}") == content.strip()


def test_a_list_of_one_is_its_element():
    assert answer_of(["$-2,0,2$"]) == "$-2,0,2$"


def test_a_list_is_written_as_the_grader_reads_a_set():
    """An answer must give all values, in any order."""
    gold = answer_of(["1 ", "$\\frac{1}{2}$"])
    assert gold == "$1$, $\\frac{1}{2}$"
    given_answers = [r"\boxed{1, \frac12}", r"\boxed{0.5, 1}", r"\boxed{1}", r"\boxed{1, 2}"]
    verdicts = grade_many([(gold, text) for text in given_answers])
    assert [verdict.correct for verdict in verdicts] == [True, True, False, False]


@pytest.mark.parametrize("value", [None, [], "", " "])
def test_nothing_is_no_answer(value):
    assert answer_of(value) == ""


def test_numbers_in_a_list_are_written_out():
    assert answer_of([1, 2.5]) == "$1$, $2.5$"


def test_other_values_are_refused():
    with pytest.raises(DataError, match="column 'answer' holds"):
        answer_of([{"value": 1}])
