"""Files that are too long, too deep or too large are refused before they take the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lorr_bench.data import rows
from lorr_bench.data.pairs import load_pair_file
from lorr_bench.data.prompts import load_prompts
from lorr_bench.errors import DataError, SuiteError
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.plan.published import load_published
from lorr_bench.spec.document import MAX_BYTES, MAX_DEPTH, read_document
from lorr_bench.spec.load import load_suite
from lorr_bench.spec.sources import PairFileSpec, PromptSpec

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "published.csv"


def refused(folder: Path, line: str) -> DataError:
    (folder / "rows.jsonl").write_text('{"problem": "2 + 2", "answer": "4"}\n' + line + "\n", "utf-8")
    with pytest.raises(DataError) as caught:
        load_prompts(PromptSpec(source="rows.jsonl"), folder=folder, count=None, seed=0)
    assert caught.value.where == f"{folder / 'rows.jsonl'}:2"
    return caught.value


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_a_row_nested_without_end_is_refused(opened: str, tmp_path: Path) -> None:
    assert refused(tmp_path, opened * 100_000).what == "not JSON: nested without end"


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_LINE", 1 << 20)
    longest = json.dumps({"problem": "a" * ((1 << 20) - 40), "answer": "4"})
    assert "longer than 1 million letters" in refused(tmp_path, longest + " " * 100).what
    (tmp_path / "rows.jsonl").write_text(longest + "\n", "utf-8")
    assert len(load_prompts(PromptSpec(source="rows.jsonl"), folder=tmp_path, count=None, seed=0)) == 1


def test_a_number_of_many_digits_is_refused(tmp_path: Path) -> None:
    assert "not JSON" in refused(tmp_path, '{"problem": ' + "1" * 10_000 + ', "answer": "4"}').what


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_no_answer(number: str, tmp_path: Path) -> None:
    error = refused(tmp_path, f'{{"problem": "2 + 2", "answer": {number}}}')
    assert "column 'answer' holds" in error.what


def test_half_a_character_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, '{"problem": "\\ud800", "answer": "4"}')
    assert error.what == r"column 'problem' holds half a character, \ud800"


def test_a_whole_character_in_two_halves_is_read(tmp_path: Path) -> None:
    pair = {"prompt": "\N{GRINNING FACE}", "chosen": "a", "rejected": "b"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(pair) + "\n", "utf-8")
    assert "\\ud83d\\ude00" in (tmp_path / "rows.jsonl").read_text("utf-8")
    assert load_pair_file(PairFileSpec(source="rows.jsonl"), tmp_path).pairs[0].prompt == "\N{GRINNING FACE}"


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "-inf", "1e9"])
def test_a_published_figure_is_a_percentage(value: str, tmp_path: Path) -> None:
    head, row, *_ = REFERENCE.read_text("utf-8").splitlines()
    names = dict(zip(head.split(","), row.split(","), strict=False))
    text = f"{head}\n{','.join({**names, 'value': value}.values())}\n"
    (tmp_path / "published.csv").write_text(text, "utf-8")
    wanted = {"arm": "start", "model": names["model"], "source": names["source"], "labels": names["labels"]}
    with pytest.raises(DataError, match="is no percentage"):
        load_published(tmp_path / "published.csv", [wanted])


def test_a_file_of_figures_may_not_be_empty(tmp_path: Path) -> None:
    (tmp_path / "published.csv").touch()
    with pytest.raises(DataError, match="lacks the columns"):
        load_published(tmp_path / "published.csv", [])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- " * (MAX_DEPTH + 1) + "x", "nested deeper than"),
        ("[" * 1_001, "nested deeper than"),
        ("[" * 100_000, "nested deeper than"),
        ("a: &a [x]\nb: *a\n", "is an alias"),
        ("a: !!python/object/apply:os.system ['ls']\n", "is a tag"),
        ("a: " + "9" * 10_000, "is not a finite number"),
        ("a: 1\n---\nb: 2\n", "a second document"),
    ],
)
def test_yaml_stays_small_and_plain(text: str, what: str) -> None:
    with pytest.raises(SuiteError, match=what):
        read_document(text, lambda line: f"suite:{line}")


def test_a_suite_of_more_than_a_mebibyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text("#" * (MAX_BYTES + 1), "utf-8")
    with pytest.raises(SuiteError, match="larger than 1 MiB"):
        load_suite(path)


CONFIG = {
    "model_type": "llama",
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_attention_heads": 2,
    "vocab_size": 16,
}


def size_of(folder: Path, config: str, header: str = "{}") -> object:
    (folder / "config.json").write_text(config, "utf-8")
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header.encode())
    return read_model_size(str(folder))


def test_a_believable_model_has_a_size(tmp_path: Path) -> None:
    assert size_of(tmp_path, json.dumps(CONFIG)) is not None


@pytest.mark.parametrize(
    "change", [{"num_hidden_layers": 10**9}, {"vocab_size": 10**400}, {"hidden_size": -8}, {"head_dim": "x"}]
)
def test_an_unbelievable_model_has_no_size(change: dict[str, object], tmp_path: Path) -> None:
    assert size_of(tmp_path, json.dumps(CONFIG | change)) is None


def test_a_configuration_nested_without_end_has_no_size(tmp_path: Path) -> None:
    assert size_of(tmp_path, '{"a":' * 100_000) is None


@pytest.mark.parametrize("size", ["1e999", "-1", str(10**30)])
def test_a_header_with_an_unbelievable_shape_is_not_believed(size: str, tmp_path: Path) -> None:
    believed = size_of(tmp_path, json.dumps(CONFIG))
    header = f'{{"lm_head.weight": {{"shape": [{size}, 8]}}}}'
    assert size_of(tmp_path, json.dumps(CONFIG), header) == believed
