"""What trackers are told, for a small plan by hand: two rounds, the second with rollouts between its replays."""

from types import SimpleNamespace

import pytest
from stage_samples import sample

from lorr_bench.plan.measurements import Evaluation
from lorr_bench.store.record import Outcome, Record
from lorr_bench.track.history import History
from lorr_bench.values import START, Point

POINT = Point("dpo+lorr", 8, 3)


def train(number, stop_after, **inputs):
    return sample(
        "train",
        f"train round {number}",
        inputs={"pairs": "p", **inputs},
        setting={"model_path": "/home/somebody/model", "places": {"cache": "/home/somebody"}},
        hyperparameters={"beta": 0.1, "lora": None},
        sft_weights=[0.0, 0.5],
        round=[number, 2],
        stop_after=stop_after,
        seed=3,
    )


ROUND_1 = train(1, 2)
REPLAY_1 = train(2, 1, model=ROUND_1.digest)
REPLAY_2 = train(2, 2, model=ROUND_1.digest, before=REPLAY_1.digest)
GRADE = sample("grade_math", "easy: dpo+lorr")
GENERAL = sample("evaluate_general", "mmlu: dpo+lorr")
PLAN = SimpleNamespace(
    suite=SimpleNamespace(name="nano"),
    arms=(
        SimpleNamespace(
            name="dpo+lorr",
            method="dpo",
            plugin="lorr",
            adapter_name="trl.dpo",
            replays=2,
            rounds=2,
            rollout_ratio=0.5,
            label_noise=0.1,
            priming=SimpleNamespace(unique_pairs=4),
            baseline="dpo+plain",
        ),
    ),
    stages=(ROUND_1, REPLAY_1, REPLAY_2, GRADE, GENERAL),
    training={POINT: REPLAY_2.digest},
    evaluations=(
        Evaluation(START, "easy", "math", "start", "start answers"),
        Evaluation(POINT, "easy", "math", GRADE.digest, "answers"),
        Evaluation(POINT, "mmlu", "general", GENERAL.digest, GENERAL.digest),
    ),
    start_model="org/model@1",
)


def record(stage, metrics, steps=0, counted=0, seconds=9.0):
    if stage.kind == "train":
        metrics = {**metrics, "counted": {"optimizer_steps": counted}}
    outcome = Outcome(metrics=metrics, spend={"optimizer_steps": steps} if steps else {})
    return Record(stage.digest, stage.to_dict(), outcome, {}, 0.0, seconds, {})


def replays(*losses):
    return {
        "replays": [{"loss": loss} for loss in losses],
        "diagnostics": [{"kl": 10 * loss} for loss in losses],
    }


RECORDS = {
    ROUND_1.digest: record(ROUND_1, replays(0.7, 0.6), steps=4, counted=4),
    REPLAY_1.digest: record(REPLAY_1, replays(0.5), steps=7, counted=3),
    REPLAY_2.digest: record(REPLAY_2, replays(0.5, 0.4), steps=10, counted=6, seconds=2.5),
    GRADE.digest: record(GRADE, {"avg@8": 0.5, "pass@8": 0.75, "mean_tokens": None, "answers": 8}),
    GENERAL.digest: record(GENERAL, {"cut_prompts": 0, "mmlu_pro": {"exact_match": 0.25}}),
}


@pytest.fixture
def history():
    return History(PLAN)


def told(history, records=RECORDS):
    return {section.key: section.rows for section in history.sections(POINT, records)}


def test_a_run_is_described_without_places_on_this_machine(history):
    run = history.run(POINT)
    assert (run.name, run.group) == ("dpo+lorr, 8 pairs, seed 3", "nano")
    assert run.config["method"] == "dpo"
    assert run.config["plugin"] == "lorr"
    assert (run.config["unique_pairs"], run.config["seed"], run.config["rounds"]) == (8, 3, 2)
    assert run.config["hyperparameters"] == {"beta": 0.1, "lora": None}
    assert run.config["digest"] == REPLAY_2.digest
    assert "somebody" not in str(run)


def test_another_training_is_another_run(history):
    other = train(2, 2, model=ROUND_1.digest)
    plan = SimpleNamespace(**{**vars(PLAN), "stages": (ROUND_1, other), "training": {POINT: other.digest}})
    assert History(plan).run(POINT).id != history.run(POINT).id
    assert History(PLAN).run(POINT).id == history.run(POINT).id


def test_a_training_counts_replays_and_steps_over_all_rounds(history):
    rows = [row for key in list(told(history))[:3] for row in told(history)[key]]
    assert [(step, values["replay"]) for step, values in rows] == [(2, 1), (4, 2), (7, 3), (10, 4)]
    assert [values["trainer/loss"] for _, values in rows] == [0.7, 0.6, 0.5, 0.4]
    assert [values["kl"] for _, values in rows] == [7.0, 6.0, 5.0, 4.0]


def test_a_priming_tells_first(history):
    priming = sample("train", "prime dpo", sft_weights=[0.0] * 2, stop_after=2)
    first = train(1, 2, primed=priming.digest)
    stages, training = (priming, first), {POINT: first.digest}
    plan = SimpleNamespace(**{**vars(PLAN), "stages": stages, "training": training, "evaluations": ()})
    records = {
        priming.digest: record(priming, replays(0.9, 0.8), steps=6, counted=6),
        first.digest: record(first, replays(0.7, 0.6), steps=10, counted=4),
    }
    rows = [row for section in told(History(plan), records).values() for row in section]
    assert [(step, values["trainer/loss"]) for step, values in rows] == [
        (3, 0.9),
        (6, 0.8),
        (8, 0.7),
        (10, 0.6),
    ]


def test_noise_and_priming_are_told(history):
    config = history.run(POINT).config
    assert (config["label_noise"], config["primed_pairs"]) == (0.1, 4)


def test_replays_that_a_signal_left_out_have_no_row(history):
    short = {**replays(0.7), "replays_done": 1}
    rows = told(history, {**RECORDS, ROUND_1.digest: record(ROUND_1, short, steps=2, counted=2)})
    ((step, values),) = rows[ROUND_1.digest[:20]]
    assert (step, values["replay"], values["seconds/train"]) == (2, 1, 9.0)


def test_ledger_and_seconds_stand_in_the_last_row_of_a_training(history):
    first, last = told(history)[ROUND_1.digest[:20]]
    assert "seconds/train" not in first[1]
    assert last[1]["seconds/train"] == 9.0
    assert last[1]["spend/optimizer_steps"] == 4


def test_scores_stand_at_the_end_of_the_training(history):
    sections = told(history)
    assert sections[f"{GRADE.digest[:20]} easy"] == ((10, {"score/easy": 0.5}),)
    assert sections[f"{GENERAL.digest[:20]} mmlu"] == ((10, {"score/mmlu": 0.25}),)


def test_the_greedy_score_is_the_main_one(history):
    records = {**RECORDS, GRADE.digest: record(GRADE, {"avg@8": 0.5, "greedy": 0.625})}
    assert told(history, records)[f"{GRADE.digest[:20]} easy"] == ((10, {"score/easy": 0.625}),)


def test_several_tasks_keep_their_names(history):
    found = {"arc": {"acc_norm": 0.5}, "piqa": {"acc": 0.75}, "cut_prompts": 1}
    rows = told(history, {**RECORDS, GENERAL.digest: record(GENERAL, found)})[f"{GENERAL.digest[:20]} mmlu"]
    assert rows == ((10, {"score/arc": 0.5, "score/piqa": 0.75}),)


def test_a_score_that_is_missing_is_not_told(history):
    records = {**RECORDS, GRADE.digest: record(GRADE, {"avg@8": None})}
    assert told(history, records)[f"{GRADE.digest[:20]} easy"] == ((10, {}),)


def test_only_finished_stages_tell(history):
    assert list(told(history, {ROUND_1.digest: RECORDS[ROUND_1.digest]})) == [ROUND_1.digest[:20]]
    assert told(history, {}) == {}


def test_the_keys_are_known_before_anything_is_done(history):
    assert list(history.keys(POINT)) == list(told(history))
    assert list(history.keys(POINT).values()) == [ROUND_1, REPLAY_1, REPLAY_2, GRADE, GENERAL]
