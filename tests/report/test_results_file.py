"""The results as a file: nothing lost on the way but the sample answers."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_results import make_results

from lorr_bench.errors import DataError
from lorr_bench.report.formats.results_file import RESULTS_FILE, read_results, results_bytes
from lorr_bench.values import START, Analysis, Contrast, Point, Results, Score, Stratum, Sweep, SweepLine

BARE = make_results(scores=[], spends={}, times=[], conduct=[])


def there_and_back(results: Results, folder: Path) -> Results:
    (folder / RESULTS_FILE).write_bytes(results_bytes(results))
    return read_results(folder / RESULTS_FILE)


def plain(value: object) -> object:
    """Lists and tuples alike, NaN as text: NaN is never equal to itself."""
    if isinstance(value, list | tuple):
        return [plain(held) for held in value]
    if isinstance(value, dict):
        return {key: plain(held) for key, held in value.items()}
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


@pytest.mark.slow
def test_everything_but_the_answers_comes_back(tmp_path: Path, results: Results) -> None:
    found = there_and_back(results, tmp_path)
    assert found.answers == ()
    for field in fields(Results):
        if field.name != "answers":
            assert plain(getattr(found, field.name)) == plain(getattr(results, field.name)), field.name


@pytest.mark.slow
def test_an_analysis_comes_back_as_it_is(tmp_path: Path, results: Results) -> None:
    first, second = Contrast("dpo+lorr", "dpo+plain"), Contrast("dpo+lorr", "dpo+no_reset")
    between = Contrast("dpo+lorr", "dpo+plain", 8, 16)
    sweep = Sweep("replays", (SweepLine("dpo+*", ("dpo+lorr", "dpo+plain"), (1.0, 3.0)),))
    analysis = Analysis(
        "nano_easy",
        "greedy",
        (first, between),
        (second,),
        (8, 16),
        declared=True,
        changes=("on Monday",),
        equivalence_margin=0.02,
        sweep=sweep,
    )
    found = there_and_back(replace(results, analysis=analysis, families={"a": ("x", "y")}), tmp_path)
    assert found.analysis == analysis
    assert found.families == {"a": ("x", "y")}
    assert there_and_back(replace(results, analysis=None), tmp_path).analysis is None


def test_an_analysis_of_before_margins_and_sweeps_is_read(tmp_path: Path) -> None:
    analysis = Analysis("nano_easy", "greedy", (Contrast("dpo+lorr", "dpo+plain"),))
    written = json.loads(gzip.decompress(results_bytes(replace(BARE, analysis=analysis))))
    for name in ("equivalence_margin", "sweep"):
        assert written["analysis"].pop(name) is None
    for contrast in written["analysis"]["primary"]:
        assert [contrast.pop(name) for name in ("treatment_pairs", "reference_pairs")] == [None, None]
    (tmp_path / RESULTS_FILE).write_bytes(gzip.compress(json.dumps(written).encode()))
    assert read_results(tmp_path / RESULTS_FILE).analysis == analysis


def test_how_problems_weigh_comes_back_and_older_files_say_nothing_of_it(tmp_path: Path) -> None:
    score = Score(
        START, "group", "general", "acc", 0.5, (0.0, 1.0), strata=(Stratum(1, 0.5), Stratum(1, 0.5))
    )
    assert there_and_back(replace(BARE, scores=[score]), tmp_path).scores == (score,)
    plain_file = json.loads(gzip.decompress(results_bytes(replace(BARE, scores=[score]))))
    del plain_file["scores"][0]["strata"]
    (tmp_path / RESULTS_FILE).write_bytes(gzip.compress(json.dumps(plain_file).encode()))
    assert read_results(tmp_path / RESULTS_FILE).scores[0].strata == ()


def test_types_come_back_too(tmp_path: Path, results: Results) -> None:
    found = there_and_back(results, tmp_path)
    assert {type(value) for score in found.scores for value in score.per_problem} == {float}
    assert {type(point) for point in found.spends} == {Point}
    assert found.conditions["nano_easy"]["sampling"]["temperature"] == 0.0


@pytest.mark.slow
@given(values=st.lists(st.floats(), max_size=6), text=st.text(), deviation=st.floats())
def test_any_number_and_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], text: str, deviation: float
) -> None:
    score = Score(START, text, "math", "avg@3", math.nan, tuple(values), deviation, text)
    results = replace(BARE, scores=[score], diagnostics={START: [{text: deviation}]})
    found = there_and_back(results, tmp_path_factory.mktemp("results"))
    assert plain(found.scores[0]) == plain(score)
    assert plain(found.diagnostics) == plain(results.diagnostics)


@pytest.mark.slow
def test_same_results_same_bytes(results: Results) -> None:
    assert results_bytes(results) == results_bytes(make_results())


def test_the_file_says_its_format_and_holds_no_answer(results: Results) -> None:
    found = json.loads(gzip.decompress(results_bytes(results)))
    assert found["format"] == 1
    assert found["answers"] == []
    assert found["arms"] == ["dpo+plain", "dpo+lorr", "dpo+no_reset"]
    assert found["scores"][0]["point"] == {"arm": "start", "unique_pairs": 0, "seed": -1}


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the results can't be read"):
        read_results(tmp_path / RESULTS_FILE)


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b'{"format": 1, "suite": "a"}', mtime=0),
        gzip.compress(b'{"format": 1, "nonsense": 3}', mtime=0),
        gzip.compress(b'{"suite": "a"}', mtime=0),
        gzip.compress(b"[]", mtime=0),
        gzip.compress(b'"text"', mtime=0),
        gzip.compress(b"not json", mtime=0),
        gzip.compress(b"\xff\xfe", mtime=0),
        results_bytes(make_results())[:-20],
        results_bytes(make_results())[:200] + b"x" * 100 + results_bytes(make_results())[300:],
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / RESULTS_FILE).write_bytes(content)
    with pytest.raises(DataError, match="the results can't be read"):
        read_results(tmp_path / RESULTS_FILE)


def test_a_file_that_is_not_compressed_is_refused(tmp_path: Path) -> None:
    (tmp_path / RESULTS_FILE).write_text("{}")
    with pytest.raises(DataError, match="the results can't be read"):
        read_results(tmp_path / RESULTS_FILE)


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / RESULTS_FILE).write_bytes(gzip.compress(b'{"format": 9}', mtime=0))
    with pytest.raises(DataError, match=r"results of format 9, but this version reads format 1\n.*again"):
        read_results(tmp_path / RESULTS_FILE)
