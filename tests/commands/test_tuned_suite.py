"""What commands say of a suite that is tuned, before anything has run."""

import json

import pytest
from command_line import SMOKE, lorr_bench_here

pytestmark = pytest.mark.slow

TUNING = {
    "tuning.seeds": "[100]",
    "tuning.grid": "{beta: [0.1, 1], learning_rate: [1.0e-4, 2.0e-4]}",
    "tuning.unique_pairs": "[32]",
    "tuning.benchmark": "{name: validation, source: nano/validation, limit: 40, max_tokens: 56}",
}
ARGUMENTS = [part for key, value in TUNING.items() for part in ("--set", f"{key}={value}")]


def test_validate_counts_both_parts():
    done = lorr_bench_here("validate", SMOKE, *ARGUMENTS)
    # 8 tries of one seed, each trained, answered and graded; a collection, and a reference of both arms
    assert "4 arms" not in done.stdout
    assert "26 of them choose settings, by 8 tries" in done.stdout


def test_plan_shows_what_is_to_be_chosen_and_what_that_takes(tmp_path):
    text = " ".join(lorr_bench_here("plan", SMOKE, *ARGUMENTS, "-o", tmp_path).stdout.split())
    assert text.count("to be chosen of 4 tries") == 2
    assert "Settings, chosen by validation greedy before a test problem is touched" in text
    assert "Tuning comes first: 27 of its 27 stages are left" in text


def test_plan_for_programs_has_every_try(tmp_path):
    found = json.loads(lorr_bench_here("plan", SMOKE, *ARGUMENTS, "-o", tmp_path, "--json").stdout)
    assert [(each["arm"], each["used_at"], each["settings"]) for each in found["tuning"]] == [
        ("dpo+plain", [16, 32], None),
        ("dpo+lorr", [16, 32], None),
    ]
    assert found["tuning"][0]["tries"][0] == {
        "settings": {"beta": 0.1, "learning_rate": 1e-4},
        "score": None,
        "reason": "not run yet",
    }
