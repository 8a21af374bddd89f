"""Names from files never leave the folder of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from stage_samples import sample
from synthetic_results import make_small_results

from lorr_bench.data.prompts import load_prompts
from lorr_bench.errors import DataError, StoreError, SuiteError
from lorr_bench.evaluate.harness import _check_names
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.plan import make_plan
from lorr_bench.report.write import write_report
from lorr_bench.run.local import log_file
from lorr_bench.spec.load import load_suite
from lorr_bench.spec.sources import PromptSpec
from lorr_bench.store.record import Outcome, Record, signed
from lorr_bench.store.store import Store

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"
OUTSIDE = ["../out", "../../out", "/tmp/out", "a/../../out", "a/b", "..", ".", "a\nb", "a\x00b", "~", "A", ""]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("place", ["name", "evaluation.math.0.name", "evaluation.general.0.name"])
def test_a_name_of_a_suite_is_letters_and_digits(place: str, name: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load_suite(SMOKE, [f"{place}={json.dumps(name)}"])
    assert "is no name" in caught.value.what


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("part", ["methods", "plugins"])
def test_so_is_the_name_of_an_arm(part: str, name: str, tmp_path: Path) -> None:
    values = yaml.safe_load(SMOKE.read_text("utf-8"))
    values[part] = {name: values[part]["dpo"] if part == "methods" else {"type": "plain"}}
    path = tmp_path / "suite.yaml"
    path.write_text(yaml.safe_dump(values), "utf-8")
    with pytest.raises(SuiteError, match="is no name"):
        load_suite(path)


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/b", "a\nb", "\x1b[2J", "x" * 200])
def test_the_name_of_an_lm_eval_task_is_a_file_name(name: str) -> None:
    with pytest.raises(DataError, match="is no name for a task"):
        _check_names(["arc_easy", name])


def finished(store: Store, names: dict[str, str]) -> Train:
    """A stage whose record names these files."""
    stage = sample("train", "train")
    with store.writing(stage) as draft:
        record: Record = draft.commit(Outcome())
    text = signed({**record.to_dict(), "files": names})
    (store.folder(stage) / "record.json").write_text(text, "utf-8")
    return stage


@pytest.mark.parametrize(
    "name", ["../../../victim", "model/../../../../victim", "{root}/victim", "model/\x1b[2J"]
)
def test_a_record_that_names_files_elsewhere_is_set_aside(name: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", "utf-8")
    store = Store(tmp_path / "store")
    stage = finished(store, {name.format(root=tmp_path): "0" * 64})
    assert store.read(stage) is None
    assert store.set_aside == {stage.digest}
    assert victim.read_text("utf-8") == "precious"


def test_freeing_weights_deletes_nothing_elsewhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", "utf-8")
    store = Store(tmp_path / "store")
    stage = finished(store, {"model/../../../../victim": "0" * 64})
    assert store.free(stage) == 0
    assert victim.exists()


def test_a_log_stays_in_its_folder(tmp_path: Path) -> None:
    for label in ("../../out", "/etc/passwd", "..", "a\x1b]0;b\x07", ""):
        path = log_file(tmp_path, sample("train", label))
        assert path.resolve().parent == (tmp_path / "train").resolve()
        assert path.name.isprintable()


def renamed(value: Any) -> Any:
    """Results in which every text that names something would lead elsewhere."""
    scores = [replace(score, benchmark=f"../../{score.benchmark}") for score in value.scores]
    answers = [
        replace(answer, benchmark=f"../../{answer.benchmark}", problem_id="../../../etc/passwd")
        for answer in value.answers
    ]
    return replace(value, suite="../../suite", scores=scores, answers=answers)


@pytest.mark.slow
def test_a_report_writes_into_its_folder_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "report"
    files = write_report(renamed(make_small_results()), folder)
    written = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert all(path.is_relative_to(folder) for path in written)
    assert files.page in written


def test_the_id_of_a_problem_is_no_path(tmp_path: Path) -> None:
    row = {"id": "../../../etc/passwd", "problem": "2 + 2", "answer": "4"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (prompt,) = load_prompts(PromptSpec(source="rows.jsonl"), folder=tmp_path, count=None, seed=0)
    assert prompt.id == "../../../etc/passwd"
    assert list(tmp_path.iterdir()) == [tmp_path / "rows.jsonl"]


def test_a_plan_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_plan(load_suite(SMOKE))
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_can_not_be_read_is_an_error_of_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    stage = finished(store, {})

    def denied(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied", str(store.folder(stage)))

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(StoreError, match="Permission denied"):
        store.read(stage)
