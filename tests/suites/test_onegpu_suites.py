"""The suites for those with one GPU: hours that one can spend, and models that were pinned."""

import os
import re
from pathlib import Path

import pytest

from lorr_bench.forecast.devices import read_devices
from lorr_bench.forecast.forecast import estimate_plan
from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.store.store import Store

FOLDER = Path(__file__).parents[2] / "suites" / "onegpu"
NAMES = ("main", "curves", "priming")
VARIANTS = ("1p5b", "math", "1p5b_math")
MOST_HOURS = 12
CHOICES = [[], *([f"variant={name}"] for name in VARIANTS)]


@pytest.fixture(params=CHOICES, ids=["as it stands", *VARIANTS])
def options(request):
    return request.param


@pytest.mark.slow
def test_the_three_together_take_at_most_twelve_hours_of_an_h100(options, tmp_path):
    """By the upper end of what the plan says, of all stages that occupy the GPU; pairs are made once."""
    seconds = 0.0
    for name in NAMES:
        plan = make_plan(load_suite(FOLDER / f"{name}.yaml", options), gpu_build=True)
        hours = estimate_plan(plan, Store(tmp_path), os.environ, read_devices("h100-80gb")).hours
        assert {"collect", "train", "answer_math"} <= {kind.kind for kind in hours}
        assert all(kind.device_seconds is not None and kind.unknown == 0 for kind in hours)
        own = [kind for kind in hours if name == "main" or kind.kind != "collect"]
        seconds += sum(kind.device_seconds.high for kind in own)
    assert seconds <= MOST_HOURS * 3600


@pytest.mark.parametrize("name", NAMES)
def test_pairs_of_a_model_and_its_problems_are_made_once_for_all_three(name, options):
    suite, main = (load_suite(FOLDER / f"{each}.yaml", options).suite for each in (name, "main"))
    assert (suite.model, suite.data, suite.engine) == (main.model, main.data, main.engine)
    assert suite.evaluation == main.evaluation


@pytest.mark.parametrize("name", ["main", "curves"])
def test_settings_are_chosen_on_rows_that_give_no_prompts(name, options):
    suite = load_suite(FOLDER / f"{name}.yaml", options).suite
    asked, held_out = suite.data.collect, suite.tuning.benchmark
    assert (asked.source, asked.subset, asked.revision) == (
        held_out.source,
        held_out.subset,
        held_out.revision,
    )
    assert not rows(asked.split) & rows(held_out.split)
    assert len(rows(asked.split)) == 7000


def rows(split):
    """Places that slices such as ``train[:10]+train[20:30]`` name; a set has at most 7,500 rows."""
    parts = re.findall(r"train\[(\d*):(\d*)\]", split)
    assert "+".join(f"train[{begin}:{end}]" for begin, end in parts) == split
    return {place for begin, end in parts for place in range(int(begin or 0), int(end or 7500))}
