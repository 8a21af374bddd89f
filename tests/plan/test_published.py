"""Published figures: those of the project's own file, and what is said of wrong names."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from lorr_bench.errors import DataError
from lorr_bench.plan.published import COLUMNS, load_published
from lorr_bench.values import Published

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "published.csv"
SOBER = "A Sober Look (arXiv 2504.07086)"


def wanted(**changes: str) -> dict[str, str]:
    return {"arm": "dpo+plain", "model": "Qwen2.5-7B-DPO-VP", "source": "DPO-VP README", **changes}


def test_a_model_is_read_as_its_source_prints_it() -> None:
    found = load_published(REFERENCE, [wanted()])
    assert {figure.benchmark: round(figure.value, 6) for figure in found} == {
        "math500": 0.748, "minerva_math": 0.353, "olympiadbench": 0.369, "amc23": 0.675, "aime24": 0.267,
    }  # fmt: skip
    assert {figure.protocol for figure in found} == {"pass@1; greedy; 2048 tokens"}
    assert all(math.isnan(figure.deviation) for figure in found)


def test_a_source_goes_by_its_study_too_and_keeps_deviations() -> None:
    aime = load_published(REFERENCE, [wanted(arm="start", model="Qwen2.5-Math-7B (base)", source="Sober")])[
        -1
    ]
    assert aime == Published(
        arm="start",
        benchmark="aime24",
        value=pytest.approx(0.207),  # type: ignore[arg-type]
        deviation=pytest.approx(0.038),  # type: ignore[arg-type]
        model="Qwen2.5-Math-7B (base)",
        protocol="avg@10; 10 seeds AIME/AMC; 3 elsewhere",
        source=SOBER,
        note="table 3",
    )


def test_labels_choose_among_models_of_one_name() -> None:
    found = load_published(
        REFERENCE, [wanted(model="Llama-3-8B-Instruct DPO", source="RePO", labels="v0.2 ArmoRM")]
    )
    assert {figure.benchmark: round(100 * figure.value, 2) for figure in found}["gsm8k"] == 73.01
    assert {figure.model for figure in found} == {"Llama-3-8B-Instruct DPO · v0.2 ArmoRM"}


def test_a_benchmark_of_another_size_has_another_name() -> None:
    found = load_published(REFERENCE, [wanted(model="Oat-Zero 7B", source="Oat-Zero")])
    assert [(figure.benchmark, figure.note) for figure in found if figure.benchmark.startswith("amc")] == [
        ("amc", "83 problems; secondary transcription")
    ]


def test_every_row_of_the_file_can_be_asked_for() -> None:
    with REFERENCE.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    asked = {(row["model"], row["source"], row["labels"]) for row in rows}
    found = load_published(
        REFERENCE, [wanted(model=model, source=source, labels=labels) for model, source, labels in asked]
    )
    assert len(found) == len(rows) == 159
    assert all(0 < figure.value < 1 for figure in found)


def test_nothing_wanted_is_nothing_read() -> None:
    assert load_published(REFERENCE, []) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "Qwen2.5-7B-DPO"}, r"unknown model: 'Qwen2.5-7B-DPO'\n.*Qwen2.5-7B-DPO-VP"),
        ({"source": "Sobre"}, r"unknown source for Qwen2.5-7B-DPO-VP: 'Sobre'\n.*DPO-VP README"),
        ({"labels": "PairRM"}, r"unknown labels for Qwen2.5-7B-DPO-VP: 'PairRM'"),
        (
            {"model": "Llama-3-8B-Instruct KTO", "source": "RePO"},
            r"several labels\n.*one of v0.1 PairRM, v0.2 ArmoRM",
        ),
    ],
)
def test_a_wrong_name_is_refused_with_the_near_ones(changes: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_published(REFERENCE, [wanted(**changes)])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"published figures can't be read"):
        load_published(tmp_path / "none.csv", [])


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("model,value\na,1\n")
    with pytest.raises(DataError, match=r"lacks the columns study, method, labels"):
        load_published(tmp_path / "p.csv", [])


def test_a_value_that_is_no_number_is_refused_with_its_line(tmp_path: Path) -> None:
    cells = dict.fromkeys(COLUMNS, "") | {"model": "m", "source": "s", "value": "about 60"}
    (tmp_path / "p.csv").write_text(f"{','.join(COLUMNS)}\n{','.join(cells.values())}\n")
    with pytest.raises(DataError, match=r"p\.csv, line 2: not a number.*'about 60'"):
        load_published(tmp_path / "p.csv", [wanted(model="m", source="s")])
