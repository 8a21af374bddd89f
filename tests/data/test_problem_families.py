"""The families of problems, beside the problems that ``load_problems`` gives for the same source."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lorr_bench.data.nano.families import problem_family
from lorr_bench.data.nano.problems import VERBS, Problem
from lorr_bench.data.prompts import load_families, load_problems
from lorr_bench.errors import DataError
from lorr_bench.spec.sources import PromptSpec

WEIGHT = {verb.word: verb.weight for verb in VERBS}
# Families that alternate, in no order; two rows are no problem with an answer.
ROWS = [
    {"problem": "a", "answer": "1", "text": "moon", "id": "p9"},
    {"problem": "b", "answer": "", "text": "sun", "id": "p1"},
    {"problem": "c", "answer": "3", "text": 7, "id": "p4"},
    {"problem": "d", "answer": "4", "text": "moon", "id": "p2"},
    {"problem": " ", "answer": "5", "text": "moon", "id": "p3"},
    {"problem": "f", "answer": "6", "text": " sun ", "id": "p0"},
    {"problem": "g", "answer": "7", "text": "7", "id": "p5"},
]
SKIP = {"incomplete": "skip"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, ROWS)
    return tmp_path


def write(folder: Path, rows: list[dict[str, object]]) -> None:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def spec_of(**fields: object) -> PromptSpec:
    return PromptSpec.model_validate({"source": "rows.jsonl", **fields})


def failure(folder: Path, column: str, count: int | None = None, **fields: object) -> str:
    with pytest.raises(DataError) as caught:
        load_families(spec_of(**fields), column, folder=folder, count=count)
    assert caught.value.where
    assert caught.value.fix
    return str(caught.value)


@pytest.mark.parametrize("count", [None, 1, 3])
def test_families_are_those_of_the_rows_that_are_problems(folder: Path, count: int | None) -> None:
    """By hand: rows b and e are left out, a number is its digits, blanks around a name do not count."""
    expected = [("p9", "moon"), ("p4", "7"), ("p2", "moon"), ("p0", "sun"), ("p5", "7")]
    assert load_families(spec_of(**SKIP), "text", folder=folder, count=count) == expected[:count]


def test_families_stand_in_the_order_of_the_problems(folder: Path) -> None:
    spec = spec_of(**SKIP)
    loaded = load_problems(spec, folder=folder, count=4, seed=0)
    by_id = {row["id"]: str(row["text"]).strip() for row in ROWS}
    assert load_families(spec, "text", folder=folder, count=4) == [(p.id, by_id[p.id]) for p in loaded]


def test_a_column_of_the_hub_names_families(hub: object, tmp_path: Path) -> None:
    hub.rows = [{"problem": "a", "answer": "1", "text": "x"}, {"problem": "b", "answer": "2", "text": "x"}]
    spec = spec_of(source="owner/set", revision="0" * 40, split="test")
    assert load_families(spec, "text", folder=tmp_path, count=None) == [
        ("owner/set-0", "x"),
        ("owner/set-1", "x"),
    ]


def test_an_unknown_column_has_its_line_and_the_nearest_name(folder: Path) -> None:
    told = failure(folder, "texts", **SKIP)
    assert "rows.jsonl:1: no column 'texts'; there are 'problem', 'answer', 'text', 'id'" in told
    assert "did you mean 'text'? Set `cluster_column`" in told


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_a_problem_without_a_family_has_its_line(tmp_path: Path, empty: str | None) -> None:
    write(tmp_path, [ROWS[0], {"problem": "b", "answer": "2", "text": empty}])
    told = failure(tmp_path, "text")
    assert "rows.jsonl:2: no family in column 'text': it is empty" in told
    assert "or say `cluster_column: off`" in told
    assert load_families(spec_of(), "text", folder=tmp_path, count=1) == [("p9", "moon")]


@pytest.mark.parametrize("value", [["x"], {"a": 1}, True])
def test_a_family_is_text_or_a_number(tmp_path: Path, value: object) -> None:
    write(tmp_path, [{"problem": "a", "answer": "1", "text": value}])
    assert "rows.jsonl:1: column 'text' holds" in failure(tmp_path, "text")


def test_more_problems_than_there_are_are_refused(folder: Path) -> None:
    assert "6 problems asked for, but there are 5" in failure(folder, "text", 6, **SKIP)


def test_a_word_problem_is_of_the_family_of_its_verbs_in_order() -> None:
    one, two = VERBS[0], VERBS[5]
    assert problem_family(Problem("", 40, ((one, 2), (two, 3)))) == f"{one.word} {two.word}"
    assert problem_family(Problem("other names", 50, ((one, 9), (two, 8)))) == f"{one.word} {two.word}"
    assert problem_family(Problem("", 40, ((two, 2), (one, 3)))) == f"{two.word} {one.word}"
    assert problem_family(Problem("", 40, ((one, 2), (one, 3)))) == f"{one.word} {one.word}"


@pytest.mark.parametrize("split", ["easy", "hard"])
def test_the_embedded_families_are_those_of_the_texts_that_are_asked(split: str) -> None:
    spec = PromptSpec(source=f"nano/{split}")
    asked = load_problems(spec, folder=Path(), count=60, seed=0)
    found = load_families(spec, "family", folder=Path(), count=60)
    verbs = [re.findall(r"(?:She|He) (\w+) \d\.", problem.text) for problem in asked]
    assert found == [(problem.id, " ".join(words)) for problem, words in zip(asked, verbs, strict=True)]
