"""Which problems a report shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from lorr_bench.store.generations import ANSWERS_FILE, PROBLEMS_FILE, VERDICTS_FILE, first_answers
from lorr_bench.store.sampled_problems import Folders, sampled_ids


def write(path: Path, rows: Sequence[dict[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def model(folder: Path, name: str, verdicts: str) -> Folders:
    """Answers and verdicts of a model: ``+`` right, ``-`` wrong; two answers to each problem."""
    answers, grades = folder / f"{name}-answers", folder / f"{name}-grades"
    ids = [f"p{number}" for number in range(len(verdicts))]
    write(answers / PROBLEMS_FILE, [{"id": each, "prompt": each} for each in ids])
    write(answers / ANSWERS_FILE, [{"id": each, "text": f"{each} {turn}"} for turn in (0, 1) for each in ids])
    right = [{"correct": sign == "+"} for sign in verdicts]
    write(grades / VERDICTS_FILE, [*right, *({"correct": False} for _ in ids)])
    return answers, grades


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, set()), (1, {"p0", "p1", "p2", "p4"}), (2, {"p0", "p1", "p2", "p3", "p4", "p5"})],
)
def test_each_verdict_pattern_has_its_first_problems(tmp_path: Path, count: int, expected: set[str]) -> None:
    # p0 and p3 both right, p1 and p5 fixed, p2 broken, p4 both wrong; p6 is the third that was right.
    left, right = model(tmp_path, "left", "+-++--+"), model(tmp_path, "right", "++-+-++")
    assert sampled_ids((left, right), left[0], count) == expected


def test_without_a_pair_the_first_problems_are_taken(tmp_path: Path) -> None:
    answers, _ = model(tmp_path, "start", "+-+-")
    assert sampled_ids(None, answers, 3) == {"p0", "p1", "p2"}


def test_the_first_answer_to_each_chosen_problem_is_read(tmp_path: Path) -> None:
    answers, grades = model(tmp_path, "start", "+-+")
    found = [
        (row.answer["text"], row.verdict["correct"]) for row in first_answers(answers, grades, {"p1", "p2"})
    ]
    assert found == [("p1 0", False), ("p2 0", True)]
