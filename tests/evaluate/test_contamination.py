from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.evaluate import contamination
from lorr_bench.evaluate.contamination import find_overlap

MATH = Path(__file__).parents[3] / "shared" / "data" / "math"
words = st.lists(st.sampled_from("abc"), max_size=8)


def text(letters: str) -> str:
    return " ".join(letters)


def test_thirteen_words_in_a_row_match_by_default():
    assert find_overlap([text("abcdefghijklm")], [("p", text("xabcdefghijklmy"))]) == ("p",)
    assert find_overlap([text("abcdefghijkl")], [("p", text("xabcdefghijkly"))]) == ()


def test_case_punctuation_and_latex_signs_do_not_count():
    training = ["What is $\\frac{1}{2} + x_1$?"]
    assert find_overlap(training, [("p", "what IS: frac 1 2 x 1")], 7) == ("p",)


def test_words_of_all_scripts_count():
    assert find_overlap(["Wie GROẞ ist Ωmega?"], [("p", "wie groß ist ωmega")], 4) == ("p",)
    assert find_overlap(["求 x 的 值"], [("p", "求 y 的 值"), ("q", "求 x 的 值")], 4) == ("q",)


def test_a_short_problem_matches_as_a_whole_only():
    training = ["we compute the sine of sixty degrees today"]
    problems = [("whole", "Compute the sine"), ("part", "Compute the sine again")]
    assert find_overlap(training, problems, 13) == ("whole",)


def test_no_match_runs_over_the_end_of_a_prompt():
    assert find_overlap(["a b", "c d"], [("p", "a b c d")], 4) == ()
    assert find_overlap(["a b", "c d"], [("p", "b c")], 13) == ()


def test_nothing_matches_nothing():
    assert find_overlap([], [("p", "a b")], 2) == ()
    assert find_overlap(["a b", "", "?!"], [("empty", ""), ("signs", "?!")], 2) == ()
    assert find_overlap(["a b"], [], 2) == ()


def test_an_ngram_of_no_words_is_an_error():
    with pytest.raises(ValueError, match="ngram must be at least 1, not 0"):
        find_overlap(["a"], [("p", "a")], 0)


@pytest.mark.slow
@given(st.lists(words, max_size=4), st.lists(words, max_size=4), st.integers(1, 5))
def test_the_matches_are_those_of_a_plain_search(training, problems, ngram):
    def is_in(window, prompt):
        return f" {text(window)} " in f" {text(prompt)} "

    expected = []
    for index, problem in enumerate(problems):
        length = min(ngram, len(problem))
        windows = [problem[i : i + length] for i in range(len(problem) - length + 1)] if length else []
        if any(is_in(window, prompt) for window in windows for prompt in training):
            expected.append(str(index))
    found = find_overlap(
        [text(prompt) for prompt in training], [(str(i), text(p)) for i, p in enumerate(problems)], ngram
    )
    assert found == tuple(expected)


@pytest.mark.slow
@given(st.lists(words, min_size=1, max_size=6), st.integers(1, 4))
def test_a_longer_ngram_never_matches_more(training, ngram):
    problems = [("p", "a b c a b c"), ("q", "c c b b a a"), ("r", "a")]
    prompts = [text(prompt) for prompt in training]
    assert set(find_overlap(prompts, problems, ngram + 1)) <= set(find_overlap(prompts, problems, ngram))


def test_equal_hashes_are_no_match(monkeypatch):
    monkeypatch.setattr(contamination, "_FACTOR", contamination.np.uint64(0))  # only the last word is left
    assert find_overlap(["a b c z"], [("p", "x y w z")], 4) == ()
    assert find_overlap(["a b c z"], [("p", "a b c z x y w z")], 4) == ("p",)


def test_batches_are_looked_at_to_the_last(monkeypatch):
    monkeypatch.setattr(contamination, "_BATCH", 2)
    prompts = ["a a", "b b", "c c", "d d", "e e"]
    assert find_overlap(prompts, [(x, f"{x} {x}") for x in "abcdef"], 2) == tuple("abcde")


def test_what_more_than_ten_prompts_say_is_no_match():
    prompts = [f"number {i} find the sum of m and n" for i in range(11)]
    problems = [("p", "Find the sum of m and n.")]
    assert find_overlap(prompts[:10], problems) == ("p",)
    assert find_overlap(prompts, problems) == ()


def test_a_prompt_that_is_repeated_counts_once():
    assert find_overlap(["a b c"] * 20, [("p", "a b c")], 3) == ("p",)
    assert find_overlap(["a b c " * 20], [("p", "a b c")], 3) == ("p",)


def test_a_template_of_all_prompts_is_no_match(monkeypatch):
    monkeypatch.setattr(contamination, "_BATCH", 4)
    prompts = [f"Question: what is {i} plus {i}? Let's think step by step." for i in range(12)]
    problems = [("same words", "Let's think: step by step."), ("same problem", "What is 7 plus 7?")]
    assert find_overlap(prompts, problems, 5) == ("same problem",)


def test_random_prompts_share_only_what_was_planted():
    rng = random.Random(0)
    vocabulary = [f"w{i}" for i in range(500)]
    prompts = [rng.choices(vocabulary, k=30) for _ in range(2_000)]
    problems = [rng.choices(vocabulary, k=30) for _ in range(300)]
    problems[17][5:18] = prompts[1234][9:22]
    found = find_overlap(
        [" ".join(prompt) for prompt in prompts], [(str(i), " ".join(p)) for i, p in enumerate(problems)]
    )
    assert found == ("17",)


def rows(name):
    with (MATH / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.slow
@pytest.mark.skipif(not MATH.is_dir(), reason="needs the benchmark files in ../shared")
def test_the_three_known_problems_of_olympiadbench_are_found():
    training = [row["problem"] for row in rows("math8k_train")]
    problems = [(row["id"], row["problem"]) for row in rows("olympiadbench_oe_to_maths_en_comp")]
    known = {f"olympiadbench-{number}" for number in (2713, 2791, 2890)}  # equal in letters and digits
    assert set(find_overlap(training, problems)) >= known
