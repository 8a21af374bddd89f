"""A tuned suite, run with the engine, against arithmetic on its raw files that shares no code with ours."""

import csv
import json

import pytest
from command_line import SMOKE, logs, lorr_bench_warm
from installed import needs_vllm
from winners import best, final_settings, tries

pytestmark = [pytest.mark.slow, needs_vllm]

CHANGES = {
    "budget.unique_pairs": "[32]",
    "evaluation.general": "[]",
    "methods.dpo.backend": "native",
    "tuning.seeds": "[100]",
    "tuning.grid": "{learning_rate: [1.0e-3, 1.0e-5], beta: [0.1]}",
    "tuning.benchmark": "{name: validation, source: nano/validation, limit: 60, max_tokens: 56}",
}


def test_the_models_that_are_tested_have_the_settings_of_the_best_try(tmp_path):
    arguments = [part for key, value in CHANGES.items() for part in ("--set", f"{key}={value}")]
    done = lorr_bench_warm("run", SMOKE, "-o", tmp_path, *arguments)
    assert done.returncode == 0, done.stderr + logs(tmp_path)
    found = tries(tmp_path / "store", "nano/validation")
    assert sorted(found) == [("dpo+lorr", 32), ("dpo+plain", 32)]
    for arm, of_arm in found.items():
        assert len({share for _, shares in of_arm.values() for share in shares}) == 2, (
            "equal scores choose nothing"
        )
        assert final_settings(tmp_path / "store")[arm] == [of_arm[best(of_arm)][0]]
    with (tmp_path / "report" / "tuning.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["chosen"] == "True"]
    for row in rows:
        settings, shares = found[row["arm"], 32][best(found[row["arm"], 32])]
        assert json.loads(row["settings"]) == {name: settings[name] for name in ("learning_rate", "beta")}
        assert float(row["score"]) == pytest.approx(float(shares[0]))
