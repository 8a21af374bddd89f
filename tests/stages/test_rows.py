"""Training rows of each kind, from four prompts: the first and the third gave a pair."""

import dataclasses
import json

import pytest

from lorr_bench.stages.training.rows import Collection, labelled, training_rows
from lorr_bench.values import Demonstration, Labelled, Pair, Prompt

PAIRS = [Pair("a", "A?", "1", "2", 0), Pair("c", "C?", "5", "6", 2), Pair("d", "D?", "7", "8", 3)]
ANSWERS = [
    ("a", "A?", "1", [("1", True), ("2", False)]),
    ("b", "B?", "3", [("3", True), ("03", True)]),
    ("c", "C?", "5", [("5", True), ("5", True)]),
    ("d", "D?", "7", [("7", True), ("8", False)]),
]


@pytest.fixture
def collection(tmp_path):
    rows = [
        {
            "id": name,
            "prompt": prompt,
            "gold": gold,
            "text": text,
            "correct": correct,
            "truncated": text == "03",
            "end": "" if text == "03" else "<end>",
            "usable": True,
        }
        for name, prompt, gold, answers in ANSWERS
        for text, correct in answers
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    asked = [{"id": name, "answers": len(answers)} for name, _, _, answers in ANSWERS]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked), "utf-8")
    return tmp_path


def test_pairs_are_rows(tmp_path):
    assert training_rows("pairs", PAIRS, Collection(tmp_path)) == PAIRS


def test_a_pair_gives_two_labels(tmp_path):
    assert training_rows("labels", PAIRS[:2], Collection(tmp_path)) == [
        Labelled("A?", "1", True),
        Labelled("A?", "2", False),
        Labelled("C?", "5", True),
        Labelled("C?", "6", False),
    ]


def test_ends_and_what_was_never_finished_come_along(tmp_path):
    pair = dataclasses.replace(PAIRS[0], rejected_truncated=True, chosen_end="<end>")
    wanted, unwanted = training_rows("labels", [pair], Collection(tmp_path))
    assert (wanted.truncated, wanted.end) == (False, "<end>")
    assert (unwanted.truncated, unwanted.end) == (True, "")
    assert training_rows("chosen", [pair], Collection(tmp_path)) == [wanted.demonstration]


def test_labels_of_the_first_pairs_are_the_first_labels():
    assert labelled(PAIRS)[:4] == labelled(PAIRS[:2])


def test_the_chosen_response_is_shown(tmp_path):
    assert training_rows("chosen", PAIRS[:2], Collection(tmp_path)) == [
        Demonstration("A?", "1"),
        Demonstration("C?", "5"),
    ]


def test_right_answers_are_those_to_all_prompts_up_to_the_last_pair_each_once(collection):
    """B gave no pair, but was asked; the two right answers to C are the same."""
    assert training_rows("right_answers", PAIRS[:2], Collection(collection)) == [
        Demonstration("A?", "1", end="<end>"),
        Demonstration("B?", "3", end="<end>"),
        Demonstration("B?", "03", truncated=True),
        Demonstration("C?", "5", end="<end>"),
    ]


def test_a_right_answer_that_may_not_be_trained_on_is_left_out(collection):
    file = collection / "answers.jsonl"
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    kept = [{**row, "usable": not row["truncated"]} for row in lines]
    file.write_text("".join(json.dumps(row) + "\n" for row in kept), "utf-8")
    rows = training_rows("right_answers", PAIRS[:2], Collection(collection))
    assert [row.response for row in rows] == ["1", "3", "5"]


def test_the_same_answer_to_two_prompts_counts_for_each(collection):
    file = collection / "answers.jsonl"
    file.write_text(file.read_text("utf-8").replace('"text": "3"', '"text": "1"'), "utf-8")
    rows = training_rows("right_answers", PAIRS[:2], Collection(collection))
    assert Demonstration("A?", "1", end="<end>") in rows
    assert Demonstration("B?", "1", end="<end>") in rows


def test_prompts_are_all_that_were_asked_up_to_the_last_pair(collection):
    assert training_rows("prompts", PAIRS[:2], Collection(collection)) == [
        Prompt("a", "A?", "1"),
        Prompt("b", "B?", "3"),
        Prompt("c", "C?", "5"),
    ]


def test_a_prompt_that_was_never_asked_keeps_its_place(collection):
    """The first prompt did not fit the context: it has no answers, and D still is the fifth."""
    file = collection / "prompts.jsonl"
    file.write_text('{"id": "long", "answers": 0}\n' + file.read_text("utf-8"), "utf-8")
    rows = training_rows("prompts", [dataclasses.replace(PAIRS[1], prompt_index=3)], Collection(collection))
    assert [row.id for row in rows] == ["a", "b", "c"]


def test_right_answers_and_prompts_that_differ_in_white_space_at_the_ends_count_once(collection):
    file = collection / "answers.jsonl"
    changed = file.read_text("utf-8").replace('"03"', '"3 \\n"').replace('"prompt": "C?"', '"prompt": "A? "')
    file.write_text(changed, "utf-8")
    assert training_rows("right_answers", PAIRS[:2], Collection(collection)) == [
        Demonstration("A?", "1", end="<end>"),
        Demonstration("B?", "3", end="<end>"),
        Demonstration("A? ", "5", end="<end>"),
    ]
    assert [row.id for row in training_rows("prompts", PAIRS[:2], Collection(collection))] == ["a", "b"]


def test_a_file_of_a_collection_is_read_once(collection):
    found = Collection(collection)
    first = found.answers_up_to(PAIRS[:2])
    for name in ("prompts", "answers"):
        (collection / f"{name}.jsonl").unlink()
    assert found.answers_up_to(PAIRS[:2]) == first
    assert len(found.prompts_up_to(PAIRS[:2])) == 3


@pytest.mark.parametrize(("pairs", "answers"), [(1, 2), (2, 6), (3, 8)])
def test_a_larger_budget_asked_more(collection, pairs, answers):
    assert len(Collection(collection).answers_up_to(PAIRS[:pairs])) == answers


# --- label noise: the pair of the first prompt is the wrong way round ------------------------------------


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("pairs", [Pair("a", "A?", "2", "1", 0, chosen_score=0.0, rejected_score=1.0), PAIRS[1]]),
        (
            "labels",
            [
                Labelled("A?", "2", True),
                Labelled("A?", "1", False),
                Labelled("C?", "5", True),
                Labelled("C?", "6", False),
            ],
        ),
        ("chosen", [Demonstration("A?", "2"), Demonstration("C?", "5")]),
        # The second prompt has no pair, so nothing of it is flipped.
        (
            "right_answers",
            [
                Demonstration("A?", "2", end="<end>"),
                Demonstration("B?", "3", end="<end>"),
                Demonstration("B?", "03", truncated=True),
                Demonstration("C?", "5", end="<end>"),
            ],
        ),
    ],
)
def test_a_flipped_pair_is_trained_on_the_wrong_way_round(collection, kind, rows):
    assert training_rows(kind, PAIRS[:2], Collection(collection), frozenset("a")) == rows


def test_a_flipped_row_of_one_response_has_the_other_label(tmp_path):
    [row] = training_rows("labels", [Pair("a", "A?", "", "1", 0)], Collection(tmp_path), frozenset("a"))
    assert row == Labelled("A?", "1", True)
