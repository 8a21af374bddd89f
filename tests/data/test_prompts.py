from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.data.prompts import load_prompts
from lorr_bench.errors import DataError
from lorr_bench.spec.sources import PromptSpec

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"real benchmark files are not at {SHARED}")


@pytest.fixture
def write(tmp_path):
    """Write rows (objects, or lines as they are) to problems.jsonl."""

    def write(*rows):
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        (tmp_path / "problems.jsonl").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def load(folder, count=None, *, seed=0, render=None, shuffle=False, **spec):
    return load_prompts(
        PromptSpec(**{"source": "problems.jsonl", **spec}),
        folder=folder,
        count=count,
        seed=seed,
        render=render,
        shuffle=shuffle,
    )


def problem(number: int, **more):
    return {"problem": f"What is {number} + 0?", "answer": str(number), **more}


def failure(folder, count=None, **spec) -> str:
    with pytest.raises(DataError) as caught:
        load(folder, count, **spec)
    assert caught.value.where
    assert caught.value.fix
    return str(caught.value)


def test_nano_problems_are_numbered_and_nested(tmp_path):
    few = load(tmp_path, 3, source="nano/easy")
    many = load(tmp_path, 5, source="nano/easy")
    assert [prompt.id for prompt in few] == ["nano-easy-0-0", "nano-easy-0-1", "nano-easy-0-2"]
    assert many[:3] == few
    assert all(prompt.answer.isdigit() for prompt in many)


def test_the_seed_chooses_the_nano_problems(tmp_path):
    texts = [
        {prompt.text for prompt in load(tmp_path, 50, source="nano/train", seed=seed)} for seed in (0, 1)
    ]
    assert texts[0] != texts[1]


def test_nano_without_a_count_is_refused(tmp_path):
    assert "`limit`" in failure(tmp_path, source="nano/easy")


def test_an_unknown_nano_split_gets_the_nearest(tmp_path):
    assert "did you mean validation?" in failure(tmp_path, 3, source="nano/valid")


def test_the_pretraining_problems_are_no_source(tmp_path):
    assert "no split 'pretrain'" in failure(tmp_path, 3, source="nano/pretrain")


def test_a_file_is_read_in_order_with_line_ids(write):
    prompts = load(write(problem(1), "", problem(2)))
    assert [(p.id, p.text, p.answer) for p in prompts] == [
        ("problems-1", "What is 1 + 0?", "1"),
        ("problems-3", "What is 2 + 0?", "2"),
    ]


def test_a_count_takes_the_first(write):
    assert [p.answer for p in load(write(*map(problem, range(9))), 2)] == ["0", "1"]


def test_shuffling_is_drawn_by_the_seed_and_nested(write):
    folder = write(*map(problem, range(50)))
    drawn = load(folder, 20, seed=3, shuffle=True)
    assert drawn == load(folder, 40, seed=3, shuffle=True)[:20]
    assert drawn != load(folder, 20, seed=4, shuffle=True)
    assert sorted(int(p.answer) for p in load(folder, 50, seed=3, shuffle=True)) == list(range(50))


def test_columns_and_ids_can_be_named(write):
    row = {"q": "1 + 1?", "a": "2", "id": 7}
    assert load(write(row), problem_column="q", answer_column="a")[0].id == "7"


def test_template_then_chat_template(write):
    row = {"problem": "solve {x}", "answer": "1"}
    prompt = load(write(row), template="Q: {problem} {}", render=lambda text: f"<{text}>")[0]
    assert prompt.text == "<Q: solve {x} {}>"


@pytest.mark.slow
@given(st.text(alphabet="{}problem ", max_size=30))
def test_braces_of_a_problem_are_kept(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("braces")
    (folder / "problems.jsonl").write_text(json.dumps({"problem": f"p{text}", "answer": "1"}))
    assert load(folder, template="Q: {problem} A:")[0].text == f"Q: p{text} A:"


@pytest.mark.parametrize(
    ("answer", "text"), [(72, "72"), (1.5, "1.5"), (27.0, "27"), ("x", "x"), (10**400, str(10**400))]
)
def test_answers_may_be_numbers(write, answer, text):
    assert load(write({"problem": "p", "answer": answer}))[0].answer == text


@pytest.mark.parametrize("answer", [True, [True], {"a": 1}, float("nan"), [float("inf")], [None]])
def test_other_answers_are_refused(write, answer):
    message = failure(write({"problem": "p", "answer": answer}))
    assert "problems.jsonl:1: column 'answer' holds" in message


@pytest.mark.parametrize("answer", ["", "  ", None, []])
def test_an_empty_answer_is_refused(write, answer):
    assert "problems.jsonl:2: no answer in column 'answer': it is empty" in failure(
        write(problem(1), {"problem": "p", "answer": answer})
    )


def test_a_solution_without_the_pattern_is_refused_with_its_row(write):
    folder = write({"problem": "p", "answer": "so\n#### 4"}, {"problem": "p", "answer": "so 4"})
    message = failure(folder, answer_pattern="#### (.*)")
    assert (
        "problems.jsonl:2: no answer in column 'answer': nothing matches `answer_pattern: #### (.*)`"
        in message
    )


@pytest.mark.parametrize("row", [{"problem": "p", "answer": None}, {"problem": " ", "answer": "2"}])
def test_incomplete_rows_can_be_left_out(write, row):
    folder = write(problem(1), row, problem(3))
    assert [prompt.answer for prompt in load(folder, incomplete="skip")] == ["1", "3"]


def test_a_source_in_which_no_row_is_complete_is_refused(write):
    message = failure(write(problem(1), problem(2)), answer_pattern="#### (.*)", incomplete="skip")
    assert "none of 2 rows is a problem with an answer" in message


def test_without_an_answer_column_there_are_no_answers(write):
    folder = write({"problem": "p"}, {"problem": "q", "answer": "1"})
    assert [prompt.answer for prompt in load(folder, answer_column=None)] == ["", ""]


def test_problems_of_the_hub_keep_their_order_and_rows(hub, tmp_path):
    hub.rows = [{"question": "q0", "answer": "so\n#### 1,000"}, {"question": "q1", "answer": "#### 2"}]
    pinned = {"source": "openai/gsm8k", "revision": "abc", "subset": "main", "split": "test"}
    prompts = load(tmp_path, problem_column="question", answer_pattern="#### (.*)", **pinned)
    assert hub.calls == [("openai/gsm8k", "main", {"revision": "abc", "split": "test"})]
    assert [(p.id, p.text, p.answer) for p in prompts] == [
        ("openai/gsm8k-0", "q0", "1,000"),
        ("openai/gsm8k-1", "q1", "2"),
    ]


def test_a_row_of_the_hub_is_named_in_errors(hub, tmp_path):
    hub.rows = [problem(0), {"problem": "p", "answer": ""}]
    message = failure(tmp_path, source="some/set", revision="abc", split="test")
    assert "some/set@abc test row 1: no answer" in message


@pytest.mark.parametrize("text", [" ", None])
def test_an_empty_problem_is_refused(write, text):
    assert "problems.jsonl:1: no problem in column 'problem'" in failure(
        write({"problem": text, "answer": "1"})
    )


def test_a_missing_file_names_the_nearest(write):
    folder = write(problem(1))
    assert "did you mean problems.jsonl?" in failure(folder, source="problem.jsonl")
    assert "relative to the suite file" in failure(folder, source="other.txt")
    assert "no folder" in failure(folder, source="nowhere/problems.jsonl")


def test_a_folder_is_no_file(tmp_path):
    assert "this is a folder" in failure(tmp_path, source=".")


def test_an_unreadable_file_says_why(tmp_path):
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    assert "cannot be read" in failure(tmp_path, source="loop.jsonl")


def test_a_binary_file_is_refused(tmp_path):
    (tmp_path / "problems.jsonl").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in failure(tmp_path)


@pytest.mark.parametrize("line", ["{", "not json", '{"problem": "p"', "[" * 100_000])
def test_a_damaged_line_is_named(write, line):
    assert "problems.jsonl:2: not JSON" in failure(write(problem(1), line))


@pytest.mark.parametrize(
    ("line", "kind"), [("[1]", "list"), ("3", "int"), ('"text"', "str"), ("null", "NoneType")]
)
def test_a_line_that_is_no_object_is_named(write, line, kind):
    assert f"problems.jsonl:1: a JSON {kind}" in failure(write(line))


def test_a_wrong_column_gets_the_nearest(write):
    message = failure(write({"question": "p", "answers": "1"}), problem_column="questions")
    assert "no column 'questions'" in message
    assert "did you mean 'question'? Set `problem_column`" in message


def test_a_wrong_column_with_nothing_near(write):
    assert "set `answer_column`" in failure(write({"problem": "p", "zzz": "1"}))


def test_an_empty_file_is_refused(write):
    assert "none of 0 rows is a problem with an answer" in failure(write())


def test_too_few_problems_says_how_many_there_are(write):
    assert "5 problems asked for, but there are 2" in failure(write(problem(1), problem(2)), 5)


def test_an_id_used_twice_is_refused(write):
    message = failure(write(problem(1, id="a"), problem(2, id="a")))
    assert "problems.jsonl:2: the id 'a' was already used at" in message


def test_a_byte_order_mark_is_no_damage(tmp_path):
    (tmp_path / "problems.jsonl").write_text("\ufeff" + json.dumps(problem(1)), encoding="utf-8")
    assert load(tmp_path)[0].answer == "1"


@needs_shared
@pytest.mark.parametrize(
    ("name", "count"),
    [("gsm8k_test", 1319), ("math500", 500), ("minerva_math", 272), ("amc23", 40), ("math8k_train", 8521)],
)
def test_real_benchmarks_load(name, count):
    prompts = load(SHARED, source=f"math/{name}.jsonl", template="{problem}\nAnswer:")
    assert len(prompts) == count
    assert all(prompt.text.endswith("\nAnswer:") and prompt.answer for prompt in prompts)


@pytest.mark.slow
@needs_shared
def test_the_answers_of_real_worked_solutions_are_found():
    """The solutions are GSM8K's own, ``#### `` included; the answer column holds them without commas."""
    source = "math/gsm8k_train.jsonl"
    found = load(SHARED, source=source, answer_column="solution", answer_pattern="#### (.*)")
    known = load(SHARED, source=source)
    assert [p.answer.replace(",", "") for p in found] == [p.answer for p in known]


@needs_shared
def test_the_boxes_of_real_worked_solutions_are_found():
    source = "math/minerva_math.jsonl"
    found = load(SHARED, source=source, answer_column="solution", answer_pattern="boxed")
    assert [p.answer for p in found] == [p.answer.strip() for p in load(SHARED, source=source)]
