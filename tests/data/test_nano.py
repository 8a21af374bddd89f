from __future__ import annotations

import itertools
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.data.nano import general, problems, tokenizer

OPERATORS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b}
READINGS = dict.fromkeys(problems.ADD, "+") | dict.fromkeys(problems.TAKE, "-")


def first(split: str, count: int, seed: int = 0):
    return list(itertools.islice(problems.problems(split, seed), count))


def answer_from_text(text: str) -> int:
    """Solve a problem from its words alone."""
    amount = int(re.search(r"has (\d+)", text)[1])
    for verb, number in re.findall(r"(?:She|He) (\w+) (\d+)\.", text):
        amount = OPERATORS[READINGS[verb]](amount, int(number))
    return amount


@pytest.mark.parametrize("split", list(problems.STEPS))
def test_answers_follow_from_the_words(split):
    low, high = problems.STEPS[split]
    for problem in first(split, 200):
        assert answer_from_text(problem.text) == problem.answer
        assert low <= len(problem.steps) <= high
        assert 0 <= problem.answer <= problems.LARGEST


@pytest.mark.parametrize("split", list(problems.STEPS))
def test_every_step_of_a_solution_is_right(split):
    for problem in first(split, 200):
        solution = problem.solution()
        before = problem.start
        written = re.findall(r" (\w+) ([-+]): (\d+) ([-+]) (\d+) = (\d+)\.", solution)
        asked = re.findall(r"(?:She|He) (\w+) (\d+)\.", problem.text)
        assert [(verb, number) for verb, _, _, _, number, _ in written] == asked
        for _, reading, left, operator, number, result in written:
            assert (int(left), operator) == (before, reading)
            assert OPERATORS[operator](before, int(number)) == int(result)
            before = int(result)
        assert solution.endswith(rf" \boxed{{{problem.answer}}}")


@given(st.integers(0, 2**32))
def test_a_problem_belongs_to_one_split_whatever_the_seed(seed):
    rng = random.Random(seed)
    problem = problems.draw(rng, rng.randint(*problems.STEPS["train"]))
    homes = [split for split, buckets in problems.BUCKETS.items() if problem.split_bucket in buckets]
    assert len([split for split in homes if split != "hard"]) == 1


@given(st.integers(0, 2**32))
def test_hard_problems_are_longer_than_all_others(seed):
    problem = next(problems.problems("hard", seed))
    assert len(problem.steps) > max(high for split, (_, high) in problems.STEPS.items() if split != "hard")


@pytest.mark.slow
@given(seeds=st.lists(st.integers(0, 1000), min_size=2, max_size=2))
def test_drawn_splits_share_no_problem(seeds):
    drawn = [
        {p.text for p in first(split, 20, seed)} for split, seed in zip(("train", "easy"), seeds, strict=True)
    ]
    assert not drawn[0] & drawn[1]


@pytest.mark.slow
def test_a_split_repeats_no_problem_and_is_reproducible():
    texts = [problem.text for problem in first("easy", 1000)]
    assert len(set(texts)) == 1000
    assert texts == [problem.text for problem in first("easy", 1000)]
    assert texts != [problem.text for problem in first("easy", 1000, seed=1)]


def test_verbs_have_one_meaning_and_another_misreading():
    words = [verb.word for verb in problems.VERBS]
    assert len(words) == len(set(words)) == 48
    assert all(verb.meaning == READINGS[verb.word] != verb.misreading for verb in problems.VERBS)
    low, high = problems.READ_RIGHT
    assert all(low - 1e-9 <= verb.read_right <= high + 1e-9 for verb in problems.VERBS)


def test_the_teacher_misreads_verbs_at_their_rates():
    verb = problems.VERBS[0]
    problem = problems.Problem("a text", 30, ((verb, 2),))
    rng = random.Random(0)
    drawn = [problems.misread_solution(problem, rng) for _ in range(3000)]
    right = sum(f"{verb.meaning} 2 =" in solution for solution in drawn) / len(drawn)
    assert right == pytest.approx(verb.read_right, abs=0.03)
    assert all(f"{verb.meaning} 2 =" in s or f"{verb.misreading} 2 =" in s for s in drawn)


def test_a_misread_solution_stays_in_range():
    rng = random.Random(0)
    for problem in first("pretrain", 300):
        amounts = [int(n) for n in re.findall(r"= (-?\d+)\.", problems.misread_solution(problem, rng))]
        assert len(amounts) == len(problem.steps)
        assert all(0 <= amount <= problems.LARGEST for amount in amounts)


def test_a_reading_that_never_fits_is_written_right():
    never_right = problems.Verb("loses", "-", read_right=0.0, weight=1.0)
    problem = problems.Problem("a text", 95, ((never_right, 9),))
    assert problems.misread_solution(problem, random.Random(0)) == problem.solution()


def questions(family: str, half: str, count: int, seed: int = 0):
    return list(itertools.islice(general.questions(family, half, seed), count))


def test_comparisons_are_right():
    for question in questions("nano_compare", "test", 300):
        word, left, right = re.match(r"Which is (more|less), (\d+) or (\d+)\?", question.text).groups()
        first_wins = int(left) > int(right) if word == "more" else int(left) < int(right)
        assert question.answer == f" {left if first_wins else right}"
        assert question.choices == (f" {left}", f" {right}")


def test_true_and_false_are_right():
    found = questions("nano_true_false", "test", 300)
    for question in found:
        left, word, right = re.match(r"(\d+) is (more|less) than (\d+)\.", question.text).groups()
        true = int(left) > int(right) if word == "more" else int(left) < int(right)
        assert question.answer == (" true" if true else " false")
    assert 100 < sum(question.answer == " true" for question in found) < 200


def test_orders_are_right():
    for question in questions("nano_order", "test", 300):
        numbers = [int(n) for n in re.findall(r"\d+", question.text)]
        assert question.answer == f" {', '.join(map(str, sorted(numbers)))}."
        assert question.choices == ()


@pytest.mark.parametrize("family", list(general.FAMILIES))
def test_halves_share_no_question(family):
    test = [question.text for question in questions(family, "test", 400)]
    train = {question.text for seed in range(3) for question in questions(family, "train", 3000, seed)}
    assert len(set(test)) == 400
    assert not train & set(test)


@pytest.fixture(scope="module")
def tok():
    return tokenizer.build()


def written_texts() -> list[str]:
    rng = random.Random(0)
    texts = []
    for split in problems.STEPS:
        for problem in first(split, 100):
            texts += [
                problem.text,
                problem.solution(),
                problem.text + problems.misread_solution(problem, rng),
            ]
    for family, half in itertools.product(general.FAMILIES, ("train", "test")):
        for question in questions(family, half, 100):
            texts += [question.text + question.answer, *question.choices]
    return texts


@pytest.mark.slow
def test_text_survives_the_tokenizer(tok):
    for text in written_texts():
        ids = tok(text)["input_ids"]
        assert tok.unk_token_id not in ids
        assert tok.decode(ids) == text


def test_question_and_answer_tokens_do_not_merge(tok):
    for problem in first("train", 100):
        asked, answered = tok(problem.text)["input_ids"], tok(problem.solution())["input_ids"]
        assert tok(problem.text + problem.solution())["input_ids"] == asked + answered


def test_every_problem_fits_the_context(tok):
    longest = max(len(tok(p.text + p.solution())["input_ids"]) for p in first("hard", 500))
    assert longest < tok.model_max_length


def test_vocabulary_has_no_repeats(tok):
    words = tokenizer.vocabulary()
    assert len(words) == len(set(words)) == len(tok)
    assert tok.convert_ids_to_tokens([0, 1, 2]) == [tokenizer.PAD, tokenizer.EOS, tokenizer.UNKNOWN]


def test_unknown_text_is_marked(tok):
    assert tok.unk_token_id in tok("xylophone")["input_ids"]
