"""The suites at paper scale run from their files, on tiny models of the same families and data in the same columns."""

import csv
import json
import os

import pytest
from command_line import logs, lorr_bench_warm
from family_facts import BY_NAME
from installed import needs_vllm
from paper_stand_ins import ITERATIVE_MATH, MAIN_TABLE, MATH_SETS

pytestmark = [
    pytest.mark.slow,
    needs_vllm,
    pytest.mark.skipif(
        os.environ.get("LORR_BENCH_ALL_FAMILIES") != "1",
        reason="takes minutes: LORR_BENCH_ALL_FAMILIES=1 runs both suites whole",
    ),
]

BENCHMARKS = {*MATH_SETS, "mmlu_pro", "bbh_cot_fewshot", "arc_challenge", "commonsense_qa"}
ARMS = {"main_table": 17, "iterative_math": 4}


@pytest.fixture
def run(family_folder, tmp_path):
    """Runs a paper suite; its output folder."""

    def run(suite):
        suite_and_changes = suite.arguments(family_folder(BY_NAME[suite.family]), tmp_path)
        done = lorr_bench_warm("run", *suite_and_changes, "-o", tmp_path / "out", timeout=3600)
        assert done.returncode == 0, done.stderr + logs(tmp_path / "out")
        return tmp_path / "out"

    return run


def scored(output):
    """By arm, the benchmarks that have a score."""
    with (output / "report" / "comparison.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["mean"]]
    return {arm: {row["benchmark"] for row in rows if row["arm"] == arm} for arm in {r["arm"] for r in rows}}


@pytest.mark.parametrize("suite", [MAIN_TABLE, ITERATIVE_MATH], ids=lambda suite: suite.name)
def test_every_arm_is_scored_on_every_benchmark(run, suite):
    output = run(suite)
    assert json.loads((output / "run.json").read_text("utf-8"))["failed"] == {}
    found = scored(output)
    assert len(found.keys() - {"start"}) == ARMS[suite.name]
    assert all(names >= BENCHMARKS for names in found.values())
