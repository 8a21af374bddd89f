r"""Where in a text the answer stands."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorr_bench.grade import Policy
from lorr_bench.grade.extraction.finding import find_answer, gold_answer, is_boxed

BOX = "\\boxed{"


def found(text: str, gold: str = "7", **options) -> str | None:
    return find_answer(gold, text, Policy(**options)).content


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (r"1 + 1 = 2. \boxed{2} is it", "2"),
        (r"so \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed{1}" + "." * 80 + r"\boxed{2}", "2"),
        (r"\boxed{4} then \boxed{5", "4"),
        (r"\boxed{1 \boxed{5}", "5"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"} \boxed{5} {", "5"),
        (r"\boxed{ 5 }", "5"),
        (r"\fbox{5} \framebox{6}", "5, 6"),
        (r"\boxed {42}", "42"),
        (r"\boxed 42.", "42"),
        ("\x08oxed{42}", "42"),
        ("\\boxed{\x0crac{1}{2}}", r"\frac{1}{2}"),
    ],
)
def test_the_last_balanced_box_decides(answer, content):
    assert found(answer) == content


@pytest.mark.parametrize(
    ("between", "parts"),
    [
        (" and ", True),
        ("$ and $", True),
        (", ", True),
        (" ", True),
        (r"\) or \(", True),
        (" apples and ", True),
        (", and $y = $", True),
        (" und ", True),
        (" 和 ", True),
        ("\n\n", False),
        (" was a guess, wrong ", False),
        (". Wait, ", False),
        ("? no, ", False),
        (", so the sum is ", False),
        (" rows, 17 columns, so ", False),
        (" but ", False),
        (" or rather ", False),
        (" = ", False),
        (" and therefore the whole is a third of that, which makes ", False),
    ],
)
def test_boxes_that_are_parts_of_one_answer_and_boxes_that_are_steps(between, parts):
    text = rf"\boxed{{1}}{between}\boxed{{2}}"
    assert found(text) == ("1, 2" if parts else "2")
    assert found(text, boxes="last") == "2"


def test_boxes_that_hold_the_same_are_one_answer_said_again():
    assert found(r"\boxed{7} and \boxed{7}") == "7"
    assert found(r"\boxed{3}, \boxed{1}, \boxed{1}") == "3, 1, 1"


@pytest.mark.parametrize("content", ["", "...", r"\ldots", "answer", r"\text{your answer}", "?"])
def test_a_box_that_is_spoken_of_is_no_answer(content):
    quoted = rf"\boxed{{{content}}}"
    assert found(rf"I must use {quoted}. So \boxed{{8}}") == "8"
    assert found(rf"So \boxed{{8}}. I have used {quoted}.") == "8"
    assert found(f"12 + 7 = 19. {quoted}") is None
    assert found(f"The answer is 19. It is in {quoted}.") == "19"


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (r"<think>\boxed{6}?</think> It is \boxed{7}.", "7"),
        (r"<think>\boxed{6}?</think> The answer is 7.", "7"),
        (r"<think>So \boxed{6}.</think>", "6"),
        (r"<think>6?</think><answer> 7 </answer>", "7"),
        (r"<answer>\boxed{7}</answer> and \boxed{8}", "7"),
        ("<answer>7", "7"),
        (r"\boxed{7}<|im_end|>", "7"),
        ("The answer is 7</s>", "7"),
    ],
)
def test_thoughts_tags_and_marks_of_the_end(answer, content):
    assert found(answer) == content


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("3 + 4 = 7\n#### 7", "7"),
        ("#### 6\nno:\n#### 7\nDone.", "7"),
        ("#### **7**", "7"),
        ("####", None),
        ("#### Answer: 7", "7"),
        ("#### Step 2: add\nSo there are 7 of them.", "7"),
        ("#### 2. Add\nSo there are 7 of them.", "7"),
        ("### 7", "7"),
    ],
)
def test_headings_and_the_mark_of_gsm8k(text, content):
    assert found(text) == content


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("The answer is 7.", "7"),
        ("The final answer is: $7$. I hope it is correct.", "7"),
        ("**Answer:** 7", "7"),
        ("Final answer\n\n**7**", "7"),
        (r"The answer is $1$ and $2$, as shown.", "1, 2"),
        ("The answer is 72, in total, so the farmer has more.", "72"),
        ("The answer is 1.5 hours.", "1.5 hours"),
        (r"The answer is \$29.00", r"\$29.00"),
        ("The answer is $1{,}000.", "$1{,}000"),
        ("The answer to the first part of this is 3. The answer is 7.", "7"),
        ("The answer is pi/2", "pi/2"),
        ("La réponse est 7.", "7"),
        ("答案为7", "7"),
        ("答案是：$7$。", "7"),
        ("Die Antwort ist 7.", "7"),
        ("La respuesta es 7.", "7"),
        ("Ответ: 7", "7"),
        ("정답은 7", "7"),
    ],
)
def test_statements_of_the_answer(text, content):
    assert found(text) == content


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("7", "7"),
        ("7.", "7"),
        (r"\dfrac{9}{7}", r"\dfrac{9}{7}"),
        ("(3*sqrt(5))/7", "(3*sqrt(5))/7"),
        (r"\left(3, \frac{\pi}{2}\right)", r"\left(3, \frac{\pi}{2}\right)"),
        ("x<2", "x<2"),
        ("So we have\n\n$x = 7$", "x = 7"),
        (r"\[ \begin{aligned} 2x &= 14 \\ x &= 7 \end{aligned} \]", "x  = 7"),
        ("She sold 48 + 24 = 72 clips.", "72"),
        ("So the value is $80,000 (before) + $120,000 (increase) = $200,000.", "200,000"),
        ("She has **5 apples** left.", "5"),
        ("He pays 50% of it.", "50%"),
        ("we get $2$ and $1$", "2, 1"),
        ("so it is \\frac{1}{2}.", r"\frac{1}{2}"),
        ("It is 5 m long.", "5 m"),
        ("She needs 2 million more.", "2 million"),
        ("it is −5.", "-5"),
        ("no idea at all", None),
        ("", None),
    ],
)
def test_what_a_text_without_a_statement_tells(text, content):
    assert found(text) == content


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("The function is even.", "even"),
        ("The function is not even.", "not even"),
        ("<answer>odd</answer>", "odd"),
        ("Therefore the answer is **odd**.", "odd"),
    ],
)
def test_words_where_words_are_asked_for(text, content):
    assert found(text, gold=r"\text{even}") == content


@pytest.mark.parametrize(
    ("gold", "content"),
    [
        ("7", "7"),
        (r"We get $x = \boxed{12}$, so the sum is $\boxed{204}$.", "204"),
        (r"The roots are $\boxed{2}$ and $\boxed{5}$. Done.", "2, 5"),
        (r"\begin{align*} x &= 1 + 1 \\ &= \boxed{2} \end{align*} as was asked.", "2"),
        ("2 + 2 = 4\n#### 4", "4"),
    ],
)
def test_a_gold_answer_written_as_a_solution(gold, content):
    assert gold_answer(gold) == content


def test_an_answer_is_boxed_where_its_box_holds_something():
    assert is_boxed(r"so \boxed{7}")
    assert not is_boxed(r"so \boxed{}")
    assert not is_boxed("so 7")


texts_with_boxes = st.lists(
    st.sampled_from([BOX, "{", "}", "5", " and ", "$", "\n", "x" * 75, "####", "answer is "])
    | st.text(max_size=5),
    max_size=30,
).map("".join)


@pytest.mark.slow
@settings(deadline=None)
@given(texts_with_boxes)
def test_any_text_gives_an_answer_or_none(text):
    content = found(text)
    assert content is None or isinstance(content, str)


@pytest.mark.slow
@settings(deadline=None)
@given(st.text(alphabet="0123456789abc+-=. ", max_size=60), st.integers())
def test_what_comes_before_the_only_box_is_left_out(before, value):
    assert found(f"{before}{BOX}{value}}}") == str(value)


@pytest.mark.parametrize(
    "text",
    [
        BOX * 20_000,
        "the answer is " * 1500,
        "answer" + " \n" * 10_000 + "is" + " " * 10_000 + "x",
        "answer: " * 2400 + "$",
        "$" * 20_000,
        r"\(" * 10_000,
        "1," * 10_000,
        "#### " * 4000,
        "**" * 10_000,
        "<answer>" * 2500,
        "is " * 7000,
        "answer to " * 2000,
        r"\boxed{1} and " * 1500,
        r"\text{" * 3000,
    ],
)
def test_long_texts_take_no_longer_than_their_length(text):
    """A pattern that goes over them in many ways takes minutes."""
    found(text)
    found(text, gold="B")
    found(text, gold=r"\text{even}")
