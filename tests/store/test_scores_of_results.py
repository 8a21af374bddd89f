"""Scores as they are read from the folder of a stage."""

import json

from lorr_bench.plan.measurements import Evaluation
from lorr_bench.store.results import scores_of
from lorr_bench.values import START, Stratum

PLAIN = {"value": 0.5, "per_problem": [0.0, 1.0], "deviation": None, "reason": ""}


def test_how_questions_weigh_is_read_where_it_is_written(tmp_path):
    strata = [{"problems": 1, "weight": 0.25}, {"problems": 1, "weight": 0.75}]
    tables = {
        "a group": {"scores": {"acc": {**PLAIN, "strata": strata}}},
        "a task": {"scores": {"acc": PLAIN}},
    }
    (tmp_path / "scores.json").write_text(json.dumps(tables), "utf-8")
    found = scores_of(Evaluation(START, "general", "general", "d", "d"), {"d": tmp_path})
    assert {score.benchmark: score.strata for score in found} == {
        "a group": (Stratum(1, 0.25), Stratum(1, 0.75)),
        "a task": (),
    }
