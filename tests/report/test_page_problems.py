"""Single problems as the page embeds them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from synthetic_results import make_results

from lorr_bench.report.formats.problems import MAX_MODELS, MAX_TEXT, embedded_problems, without_middle
from lorr_bench.report.study import Study
from lorr_bench.values import START, Point, Results, SampleAnswer


def answer(arm: str, problem: int, benchmark: str = "easy", **changes: Any) -> SampleAnswer:
    point = START if arm == "start" else Point(arm, changes.pop("pairs", 128), changes.pop("seed", 0))
    values = {"text": "so 4", "extracted": "4", "correct": True, "reason": "equal", "tokens": 3, **changes}
    return SampleAnswer(point, benchmark, f"{problem}", f"prompt {problem}", "4", **values)


def data(results: Results, **room: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(embedded_problems(Study(results), **room).json)
    return found


def test_a_problem_holds_the_answers_of_its_models() -> None:
    wrong = answer(
        "dpo+lorr", 0, text="so 5", extracted=None, correct=False, reason="no_answer", truncated=True
    )
    found = data(make_results(answers=[answer("start", 0), wrong]))
    assert found["models"] == ["start model", "dpo+lorr, 128 pairs, seed 0"]
    assert found["problems"] == [
        [
            "easy",
            "0",
            "prompt 0",
            "4",
            [[0, 1, "equal", "4", 3, 0, "so 4"], [1, 0, "no_answer", None, 3, 1, "so 5"]],
        ]
    ]


def test_an_arm_is_shown_at_its_largest_budget_with_every_seed() -> None:
    answers = [
        answer("dpo+plain", 0, pairs=pairs, seed=seed) for pairs, seed in ((128, 0), (512, 2), (512, 1))
    ]
    assert data(make_results(answers=answers))["models"] == [
        "dpo+plain, 512 pairs, seed 1",
        "dpo+plain, 512 pairs, seed 2",
    ]


def test_the_page_says_whose_answers_it_shows() -> None:
    """Of very many arms the store keeps the answers of the first seed alone."""
    scored = make_results()
    seeds = {score.point.seed for score in scored.scores if score.point != START}
    every = [answer("dpo+lorr", 0, seed=seed) for seed in seeds]
    told = [embedded_problems(Study(make_results(answers=shown))).sample for shown in (every, every[:1])]
    assert len(seeds) > 1
    assert told[0].startswith("Of each arm the largest budget, every seed. Sampled by")
    assert told[1].startswith("Of each arm the largest budget, the first seed. Sampled by")


def test_the_first_compared_arm_stands_beside_its_baseline() -> None:
    answers = [answer(arm, 0) for arm in ("start", "dpo+plain", "dpo+no_reset", "dpo+lorr")]
    found = data(make_results(answers=answers))
    assert [found["models"][number].split(",")[0] for number in found["pair"]] == ["dpo+plain", "dpo+lorr"]


def test_without_a_comparison_the_first_model_stands_beside_the_last() -> None:
    assert data(make_results(answers=[answer(arm, 0) for arm in ("start", "dpo+plain")]))["pair"] == [0, 1]
    assert data(make_results(answers=[]))["pair"] == [0, 0]


def test_benchmarks_take_turns_where_room_is_short() -> None:
    answers = [answer("start", number, name) for name in ("easy", "hard") for number in range(5)]
    results = make_results(answers=answers)
    size = len(json.dumps(data(results)["problems"][0], separators=(",", ":"))) + 1
    found = embedded_problems(Study(results), max_bytes=4 * size)
    kept = [(problem[0], problem[1]) for problem in json.loads(found.json)["problems"]]
    assert kept == [("easy", "0"), ("easy", "1"), ("hard", "0"), ("hard", "1")]
    assert (found.problems, found.left_out) == (4, "6 of 10 problems had no room here.")


def test_of_very_many_arms_the_first_are_taken_and_the_others_counted() -> None:
    arms = tuple(f"m{number}+plain" for number in range(MAX_MODELS + 2))
    results = make_results(arms=arms, answers=[answer(arm, 0) for arm in reversed(arms)])
    found = embedded_problems(Study(results))
    assert found.models == MAX_MODELS
    assert json.loads(found.json)["models"][0].startswith("m0+plain,")
    assert found.left_out == "The answers of 2 more models had no room here."


def test_arms_that_the_suite_does_not_have_come_in_the_order_of_their_answers() -> None:
    """Of a set every process would have another order; nine arms are in order once in 362,880 times."""
    arms = [f"m{number}+plain" for number in (5, 3, 8, 1, 9, 2, 7, 4, 6)]
    found = data(make_results(answers=[answer(arm, 0) for arm in arms]))
    assert [label.partition(",")[0] for label in found["models"]] == arms


def test_nothing_left_out_is_not_mentioned() -> None:
    assert embedded_problems(Study(make_results())).left_out == ""


def test_a_model_that_lacks_a_problem_is_left_out_of_it_alone() -> None:
    answers = [answer("start", 0), answer("dpo+plain", 0), answer("dpo+plain", 1)]
    problems = data(make_results(answers=answers))["problems"]
    assert [[one[0] for one in problem[4]] for problem in problems] == [[0, 1], [1]]


def test_long_texts_keep_beginning_and_end() -> None:
    text = "a" * MAX_TEXT + "b" * 1234 + "the answer is 4"
    found = without_middle(text)
    assert found.startswith("aaaa")
    assert found.endswith("bbthe answer is 4")
    assert "[… 1,249 characters left out …]" in found
    assert without_middle("a" * MAX_TEXT) == "a" * MAX_TEXT


def test_hostile_text_is_made_visible_in_every_field() -> None:
    results = make_results(
        answers=[replace(answer("start", 0), text="\x1b", extracted="\x00", gold="\ud800", prompt="\u202e")]
    )
    problem = data(results)["problems"][0]
    assert problem[2:] == ["⟨U+202E⟩", "⟨U+D800⟩", [[0, 1, "equal", "⟨U+0000⟩", 3, 0, "⟨U+001B⟩"]]]
