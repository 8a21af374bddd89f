from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.data.pairs import load_pair_file, read_pairs, write_pairs
from lorr_bench.errors import DataError
from lorr_bench.spec.sources import PairFileSpec
from lorr_bench.values import Pair

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"real preference files are not at {SHARED}")

texts = st.text(max_size=20)
pairs_of_any_text = st.lists(
    st.builds(
        Pair, texts, texts, texts, texts, st.integers(0, 9), st.floats(allow_nan=False, allow_infinity=False)
    )
)


@pytest.mark.slow
@given(pairs_of_any_text)
def test_pairs_survive_the_file(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    write_pairs(path, pairs)
    assert read_pairs(path) == pairs


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"chosen": None}, "has the wrong type in chosen"),
        ({"prompt_index": 1.5}, "has the wrong type in prompt_index"),
        ({"more": 1}, "has unknown more"),
        ({}, "lacks rejected"),
    ],
)
def test_a_damaged_pair_names_its_line(tmp_path, change, fault):
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [Pair("a", "q", "c", "r", 0)] * 2)
    first, second = path.read_text().splitlines()
    row = json.loads(second) | change
    if not change:
        del row["rejected"]
    path.write_text(f"{first}\n{json.dumps(row)}\n")
    with pytest.raises(DataError, match=rf"pairs.jsonl:2: not a pair: {fault}"):
        read_pairs(path)


def test_a_torn_line_names_its_line(tmp_path):
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [Pair("a", "q", "c", "r", 0)])
    path.write_text(path.read_text()[:-10])
    with pytest.raises(DataError, match=r"pairs.jsonl:1: not JSON"):
        read_pairs(path)


@pytest.fixture
def write(tmp_path):
    def write(*rows):
        (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return tmp_path

    return write


def row(prompt="q", chosen="c", rejected="r", **more):
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected, **more}


LOCAL = PairFileSpec(source="set.jsonl")


def test_a_ready_made_file_is_loaded(write):
    loaded = load_pair_file(LOCAL, write(row("a"), row("b"), row("a", "d")))
    assert loaded.dropped == 0
    assert [(pair.id, pair.prompt_index) for pair in loaded.pairs] == [
        ("set-1", 0),
        ("set-2", 1),
        ("set-3", 0),
    ]


def test_columns_can_be_named(write):
    spec = PairFileSpec(source="set.jsonl", prompt_column="p", chosen_column="w", rejected_column="l")
    pair = load_pair_file(spec, write({"p": "q", "w": "c", "l": "r", "id": "x"})).pairs[0]
    assert (pair.id, pair.prompt, pair.chosen, pair.rejected) == ("x", "q", "c", "r")


def test_useless_rows_are_dropped_and_counted(write):
    rows = [row(), row("z", "same", "same"), row(""), row(chosen=" "), row(rejected=""), row(chosen=None)]
    loaded = load_pair_file(LOCAL, write(*rows))
    assert (len(loaded.pairs), loaded.dropped) == (1, 5)


def test_responses_that_differ_in_white_space_at_the_ends_alone_are_no_pair(write):
    loaded = load_pair_file(LOCAL, write(row(), row(chosen="same", rejected=" same\n")))
    assert (len(loaded.pairs), loaded.dropped) == (1, 1)


def test_250_rows_of_10_pairs_are_10_pairs(write):
    rows = [row(f"question {i % 10}", f"right {i % 10}", f"wrong {i % 10}") for i in range(250)]
    loaded = load_pair_file(LOCAL, write(*rows))
    assert [pair.id for pair in loaded.pairs] == [f"set-{i}" for i in range(1, 11)]
    assert (loaded.dropped, loaded.repeated) == (0, 240)


@pytest.mark.parametrize(
    ("same", "repeated"),
    [
        (row("q \n", " c", "r\t"), 1),
        (row("q", "r", "c"), 0),  # the opposite says another thing
        (row("q", "c", "other"), 0),
        (row("q", "c  d", "r"), 0),
    ],
)
def test_white_space_at_the_ends_makes_no_other_pair(write, same, repeated):
    loaded = load_pair_file(LOCAL, write(row("q", "c", "r"), same))
    assert (len(loaded.pairs), loaded.repeated) == (2 - repeated, repeated)
    assert (loaded.pairs[0].prompt, loaded.pairs[0].chosen) == ("q", "c")


def test_rows_whose_id_is_null_are_numbered(write):
    loaded = load_pair_file(LOCAL, write(row("a", id=None), row("b", id=None)))
    assert [pair.id for pair in loaded.pairs] == ["set-1", "set-2"]


def test_no_usable_pair_is_an_error(write):
    with pytest.raises(DataError, match="no usable pair among 1 rows"):
        load_pair_file(LOCAL, write(row(chosen="r")))


def test_an_empty_file_is_an_error(write):
    with pytest.raises(DataError, match="no usable pair among 0 rows"):
        load_pair_file(LOCAL, write())


def test_a_wrong_column_names_the_option(write):
    with pytest.raises(DataError, match=r"did you mean 'chosen'\? Set `chosen_column`"):
        load_pair_file(PairFileSpec(source="set.jsonl", chosen_column="chosn"), write(row()))


def test_an_id_used_twice_is_numbered(write):
    loaded = load_pair_file(LOCAL, write(row("p", id="a"), row("q", id="a"), row("r", id="a")))
    assert [pair.id for pair in loaded.pairs] == ["a", "a#2", "a#3"]


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        load_pair_file(LOCAL, tmp_path)


def test_a_hub_set_is_loaded(tmp_path, hub):
    hub.rows = [row(), row("b", id="x")]
    loaded = load_pair_file(PairFileSpec(source="someone/prefs", revision="abc", split="test"), tmp_path)
    assert hub.calls == [("someone/prefs", None, {"revision": "abc", "split": "test"})]
    assert [pair.id for pair in loaded.pairs] == ["someone/prefs-0", "x"]


@needs_shared
@pytest.mark.parametrize(("name", "rows"), [("llmbar", 419), ("pandalm_test", 836)])
def test_real_preference_sets_load(name, rows):
    loaded = load_pair_file(PairFileSpec(source=f"preference/{name}.jsonl"), SHARED)
    lines = (SHARED / "preference" / f"{name}.jsonl").read_text("utf-8").strip().split("\n")
    read = [json.loads(line) for line in lines]
    texts = {tuple(line[part].strip() for part in ("prompt", "chosen", "rejected")) for line in read}
    assert len(loaded.pairs) == sum(all(text) and text[1] != text[2] for text in texts)
    assert len(loaded.pairs) + loaded.dropped + loaded.repeated == rows
    assert loaded.dropped < rows // 10
