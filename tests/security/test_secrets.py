"""Secrets of the environment and of URLs never reach records, logs, reports or messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stage_samples import sample
from synthetic_results import make_small_results

from lorr_bench.errors import StoreError
from lorr_bench.events import Failed, Noted
from lorr_bench.grade import process
from lorr_bench.plan.plan import make_plan
from lorr_bench.report.write import write_report
from lorr_bench.spec.load import load_suite, resolved_yaml
from lorr_bench.store.provenance import provenance
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"
NAMES = (
    "HF_TOKEN", "WANDB_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "MLFLOW_TRACKING_PASSWORD",
)  # fmt: skip


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Variables that hold secrets; their values."""
    values = [f"precious-{number}-{name.lower()}" for number, name in enumerate(NAMES)]
    for name, value in zip(NAMES, values, strict=True):
        monkeypatch.setenv(name, value)
    return values


def held(folder: Path, secrets: list[str]) -> list[str]:
    """The files that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(value.encode() in path.read_bytes() for value in secrets)]


@pytest.mark.slow
def test_a_record_and_its_provenance_hold_none(tmp_path: Path, secrets: list[str]) -> None:
    provenance.cache_clear()
    plan = make_plan(load_suite(SMOKE))
    store = Store(tmp_path / "store")
    for stage in plan.stages:
        with store.writing(stage) as draft:
            draft.commit(Outcome())
    (tmp_path / "suite.yaml").write_text(resolved_yaml(plan.suite), "utf-8")
    assert held(tmp_path, secrets) == []
    assert held(tmp_path, ["nano"]) != []  # so that is where it would be found


@pytest.mark.slow
def test_a_report_holds_none(tmp_path: Path, secrets: list[str]) -> None:
    write_report(make_small_results(), tmp_path)
    assert held(tmp_path, secrets) == []


@pytest.mark.parametrize("part", ["what", "where", "fix"])
def test_an_error_holds_none(part: str, secrets: list[str]) -> None:
    words = {"what": "fails", "where": "", "fix": "", part: f"401 for {secrets[0]} at s3://user:pass@bucket"}
    error = StoreError(words["what"], where=words["where"], fix=words["fix"])
    assert "401 for *** at s3://***@bucket" in str(error)
    assert secrets[0] not in repr(error)


def test_a_failure_and_a_note_hold_none(secrets: list[str]) -> None:
    failed = Failed("abc", f"HTTPError: 401 for {secrets[1]}", lasting=False, disk_full=False)
    assert failed.reason == "HTTPError: 401 for ***"
    assert Noted(f"see {secrets[1]}").text == "see ***"


FAILING_WORKER = """
import sys
import lorr_bench.run.worker as worker
from lorr_bench.plan.kinds.contamination import Contamination
def explode(task):
    raise RuntimeError("401 Unauthorized for " + __import__("os").environ["HF_TOKEN"])
Contamination.entry_point = "__main__:explode"
worker.main()
"""


@pytest.mark.slow
def test_the_log_and_the_answer_of_a_worker_hold_none(tmp_path: Path, secrets: list[str]) -> None:
    stage = sample("contamination", "contamination")
    log = tmp_path / "log"
    order = {"stage": stage.to_dict(), "inputs": {}, "store": str(tmp_path / "store"), "log": str(log)}
    process = subprocess.Popen(
        [sys.executable, "-c", FAILING_WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    answers = iter(map(json.loads, process.stdout))
    answer = next(found for found in answers if found["event"] == "Failed")
    process.stdin.close()
    process.wait()
    process.stdout.close()
    assert "RuntimeError: 401 Unauthorized for ***" in answer["reason"]
    assert "RuntimeError: 401 Unauthorized for ***" in log.read_text("utf-8")
    assert held(tmp_path, secrets) == []


@pytest.mark.slow
def test_the_grader_gets_none(secrets: list[str]) -> None:
    worker = process.Worker()
    try:
        worker.greet()
        given = Path(f"/proc/{worker.pid}/environ").read_bytes() if Path("/proc").exists() else b""
        assert not any(value.encode() in given for value in secrets)
    finally:
        worker.stop()


def test_an_external_trainer_gets_none(
    secrets: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from lorr_bench_adapters.external import llamafactory
    from lorr_bench_adapters.external.methods import LlamaFactoryDPO

    monkeypatch.setattr(llamafactory, "find_environment", lambda *_: tmp_path)
    given: dict[str, Any] = LlamaFactoryDPO().variables(LlamaFactoryDPO.hyperparameters())
    assert not set(secrets) & set(given.values())
    assert given["HOME"] == os.environ["HOME"]
