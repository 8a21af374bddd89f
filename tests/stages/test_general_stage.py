"""What the stage of lm-eval's tasks writes and says of groups."""

import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from scripted_fingerprint import put_fingerprint, start_folder
from stage_samples import sample

from lorr_bench.evaluate.general import GeneralResult
from lorr_bench.evaluate.scores import TaskScore
from lorr_bench.stages.measuring import evaluate_general as stage
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.values import Stratum

ENGINE = SimpleNamespace(load=lambda *_: None, disagreement=lambda _: None, llm=None, home="nowhere")


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    """Run the stage on one score of a group; gives what the user is told and what is written."""

    def run(aggregation, strata=(), *, trained=False):
        questions = tuple((f"small/{n}", "?") for n in range(3))
        score = TaskScore(
            "a group",
            ("small", "large"),
            "1",
            "acc",
            "none",
            0.5,
            aggregation,
            strata,
            (0.0, 1.0, 1.0),
            questions,
            {},
        )
        result = GeneralResult((score,), {"a group": ("small", "large")}, 0, {}, {})
        monkeypatch.setattr(stage, "run_lm_eval", lambda *_, **__: result)
        monkeypatch.setattr(stage, "counted", lambda *_: nullcontext())
        said, inputs = [], {"start": start_folder(tmp_path)}
        if trained:
            inputs["model"] = tmp_path / "trained"
            inputs["model"].mkdir()
            put_fingerprint(inputs["model"])
        (tmp_path / "out").mkdir()
        planned = sample("evaluate_general", "general: start")
        room = EngineRoom(lambda *_: ENGINE)
        stage.evaluate_general(
            Task(planned, inputs, tmp_path / "out", tmp_path / "scratch", room, lambda *_: None, said.append)
        )
        written = json.loads((tmp_path / "out" / "scores.json").read_text("utf-8"))
        return said, written["a group"]["scores"]["acc"]

    return run


def test_the_user_is_told_what_stands_for_a_score_that_lm_eval_does_not_give(evaluated):
    said, written = evaluated("mean over questions")
    assert said == [
        "general: start: lm-eval gives the group a group no acc of its own; reported is the mean over all 3 "
        "questions of its 2 tasks."
    ]
    assert written["aggregation"] == "mean over questions"
    assert "strata" not in written


def test_of_trained_models_it_is_not_said_again(evaluated):
    assert evaluated("mean over questions", trained=True)[0] == []


def test_the_weights_of_tasks_are_written(evaluated):
    said, written = evaluated("lm-eval", (Stratum(1, 0.5), Stratum(2, 0.5)))
    assert said == []
    assert written["strata"] == [{"problems": 1, "weight": 0.5}, {"problems": 2, "weight": 0.5}]
