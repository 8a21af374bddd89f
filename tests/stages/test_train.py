"""The train and reference stages around an adapter that only remembers what it was asked."""

import dataclasses
import json
import os
import weakref
from pathlib import Path

import pytest
from lorr_bench_adapters.trl.methods import DPO
from stage_samples import sample

from lorr_bench.data.nano import tokenizer
from lorr_bench.data.pairs import write_pairs
from lorr_bench.errors import DataError
from lorr_bench.lorr.adaptive import Rule
from lorr_bench.lorr.schedule import replay_order
from lorr_bench.plan.kinds.train import Train
from lorr_bench.ports.trainer import StartModel, TrainOutcome
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.stages.training import ranks
from lorr_bench.stages.training import train as train_module
from lorr_bench.stages.training.charge import Counted
from lorr_bench.stages.training.selection import select
from lorr_bench.stages.training.train import make_job, reference, run_order, train
from lorr_bench.values import Demonstration, Labelled

pytestmark = pytest.mark.slow

START = StartModel("the start", None, "float32", trust_remote_code=False)
RESET = {
    "pattern": "o_proj",
    "factor": 0.5,
    "clear_optimizer": True,
    "period": "replay",
    "anchor": "start",
}


class Model(list):
    """What refers to itself, so that only a search for circles finds it unused."""


class RecordingAdapter(DPO):
    """Trains nothing: remembers the job, and leaves a model and a checkpoint."""

    def reference(self, model, rows, hyperparameters, output):
        self.asked = model, list(rows), hyperparameters
        output.write_text("the reference", "utf-8")

    def train(self, job):
        self.job = job
        self.found = sorted(file.name for file in job.checkpoints.iterdir())
        job.output.mkdir(exist_ok=True)
        (job.output / "weights").write_text("trained", "utf-8")
        (job.checkpoints / f"checkpoint-{job.stop_after}").write_text("state", "utf-8")
        return TrainOutcome(optimizer_steps=9, train_tokens=1000, parameters=50, replays=({"loss": 0.5},))


@pytest.fixture
def adapter(adapters):
    return adapters(RecordingAdapter())


@pytest.fixture
def collection(tmp_path, nano_pairs):
    folder = tmp_path / "collection"
    folder.mkdir()
    write_pairs(folder / "pairs.jsonl", nano_pairs)
    return folder


@pytest.fixture
def before(finished):
    """The stage up to the replay before, with its checkpoint."""
    counted = {"optimizer_steps": 3, "train_tokens": 300, "generated_tokens": 0, "verifier_calls": 0}
    folder = finished(
        "before", spend={"peak_memory_bytes": 1}, metrics={"counted": {**counted, "parameters": 50}}
    )
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "checkpoint-1").write_text("from before", "utf-8")
    return folder


def job_of(task):
    return make_job(task, select(task))


def test_the_ledger_by_hand(adapter, training, collection):
    spend = train(training({"pairs": collection})).spend
    assert (spend["unique_pairs"], spend["pair_visits"], spend["optimizer_steps"]) == (10, 30, 9)
    assert spend["train_tokens"] == 1000
    assert spend["flops"] == 6 * 50 * 1000
    assert spend["wall_seconds"] >= 0
    assert spend["peak_memory_bytes"] > 10**6


def test_a_trained_model_is_gone_before_what_it_became_is_looked_at(
    adapters, training, collection, monkeypatch
):
    trained = []

    class Leaving(RecordingAdapter):
        def train(self, job):
            model = Model()
            model.append(model)
            trained.append(weakref.ref(model))
            return super().train(job)

    adapters(Leaving())
    seen = []
    monkeypatch.setattr(train_module, "write_fingerprint", lambda *_: seen.append(trained[0]()))
    train(training({"pairs": collection}))
    assert seen == [None]


@pytest.mark.parametrize("asked", [True, False])
def test_deterministic_algorithms_are_used_where_they_are_asked_for(
    adapters, training, collection, monkeypatch, asked
):
    import torch

    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    seen = []

    class Watching(RecordingAdapter):
        def train(self, job):
            seen.append(
                (torch.are_deterministic_algorithms_enabled(), "CUBLAS_WORKSPACE_CONFIG" in os.environ)
            )
            return super().train(job)

    adapters(Watching())
    train(training({"pairs": collection}, setting={"deterministic": asked}))
    assert seen == [(asked, asked)]
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_passes_through_frozen_weights_are_charged(adapters, training, collection):
    class Lora(RecordingAdapter):
        def train(self, job):
            return dataclasses.replace(super().train(job), parameters=2, frozen_parameters=48)

    adapters(Lora())
    assert train(training({"pairs": collection})).spend["flops"] == (6 * 2 + 4 * 48) * 1000


def test_the_adapter_gets_the_first_pairs_and_the_loop(adapter, training, collection, nano_pairs):
    train(training({"pairs": collection}, reset=RESET, round=[2, 3]))
    job = adapter.job
    assert list(job.rows) == nano_pairs[:10]
    assert (job.loop.rows, job.loop.replays) == (10, 3)
    assert [job.loop.sft_weight(replay) for replay in (1, 2, 3)] == [0.1, 0.2, 0.3]
    assert job.loop.order(1) == replay_order(10, 5, 4)  # the fourth replay of all rounds
    assert (job.seed, job.save_steps, job.stop_after) == (5, 7, 3)
    assert job.hyperparameters.per_device_train_batch_size == 4
    assert (job.model, job.reference) == (START, None)


def test_the_folders_of_the_inputs_play_their_parts(adapter, training, collection, finished, tmp_path):
    earlier = finished("earlier", spend={"prompts": 1, "peak_memory_bytes": 1})
    finished("collection", part=[2, 2])
    inputs = {"pairs": collection, "reference": tmp_path / "reference", "model": earlier}
    train(training(inputs, round=[2, 2]))
    assert adapter.job.model == StartModel(str(earlier / "model"), None, "float32", trust_remote_code=False)
    assert adapter.job.reference == tmp_path / "reference" / "reference.parquet"
    assert adapter.job.output == tmp_path / "out" / "model"
    assert adapter.job.checkpoints == tmp_path / "scratch" / "checkpoints"


def test_a_primed_training_begins_at_the_primed_model(adapter, training, collection, finished):
    counted = dataclasses.asdict(Counted(9, 1000, 0, 0, 50))
    spend = {"pair_visits": 4, "wall_seconds": 1.0, "peak_memory_bytes": 1}
    primed = finished("primed", spend=spend, metrics={"counted": counted})
    task = training({"pairs": collection, "primed": primed})
    train(task)
    assert adapter.job.model == dataclasses.replace(START, path=str(primed / "model"))
    assert task.start_model == START


def test_places_on_this_machine_complete_the_hyperparameters(adapter, training, collection):
    train(training({"pairs": collection}, {"places": {"max_length": 33}}))
    settings = adapter.job.hyperparameters
    assert (settings.max_length, settings.per_device_train_batch_size) == (33, 4)


def test_rows_come_from_the_collection_where_the_pairs_were_refreshed(
    adapter, training, collection, tmp_path
):
    adapter.rows = "chosen"
    job = job_of(training({"pairs": collection, "collection": tmp_path}))
    assert all(isinstance(row, Demonstration) for row in job.rows)
    adapter.rows = "prompts"
    row = {"id": "asked", "prompt": "P", "gold": "G", "text": "T", "correct": True, "truncated": False}
    row |= {"end": "", "usable": True}
    (tmp_path / "answers.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (tmp_path / "prompts.jsonl").write_text('{"id": "asked", "answers": 1}\n', "utf-8")
    job = job_of(training({"pairs": collection, "collection": tmp_path}))
    assert [row.id for row in job.rows] == ["asked"]


def test_twice_as_many_labels_as_pairs(adapter, training, collection):
    adapter.rows = "labels"
    outcome = train(training({"pairs": collection}))
    assert [type(row) for row in adapter.job.rows] == [Labelled] * 20
    assert adapter.job.loop.rows == 20
    assert (outcome.metrics["rows"], outcome.spend["unique_pairs"]) == (20, 10)


def test_what_is_recorded(adapter, training, collection):
    metrics = train(training({"pairs": collection})).metrics
    assert metrics == {
        "replays": [{"loss": 0.5}],
        "diagnostics": [],
        "resets": 0,
        "parameters": 50,
        "rows": 10,
        "global_batch_size": 4,
        "cut_responses": 0,
        "long_prompts": 0,
        "equal_after_cutting": 0,
        "left_out_rows": 0,
        "counted": {
            "optimizer_steps": 9,
            "train_tokens": 1000,
            "generated_tokens": 0,
            "verifier_calls": 0,
            "parameters": 50,
            "frozen_parameters": 0,
        },
    }


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        (True, "Raise data.collect.num_prompts, with its old number in data.collect.extends"),
        (False, "Give a set"),
    ],
)
def test_a_budget_beyond_the_pairs_is_an_error(adapter, training, collection, asked, advice):
    if asked:
        (collection / "prompts.jsonl").write_text("", "utf-8")
    with pytest.raises(DataError, match="the budget is 41 pairs, there are 40") as caught:
        train(training({"pairs": collection}, unique_pairs=41))
    assert caught.value.fix.startswith(advice)


def test_a_later_round_trains_on_what_its_policy_left(adapter, training, collection):
    train(training({"pairs": collection}, unique_pairs=41, round=[2, 2]))
    assert len(adapter.job.rows) == 40


def test_time_spent_measuring_is_no_training_time(adapters, training, collection):
    class SlowToMeasure(RecordingAdapter):
        def train(self, job):
            job.loop.measuring_seconds = 1000.0
            return super().train(job)

    adapters(SlowToMeasure())
    outcome = train(training({"pairs": collection}, unique_pairs=8))
    assert outcome.parts["diagnostics"] == 1000.0
    assert outcome.parts["train"] < 0  # nothing took a thousand seconds here
    assert outcome.spend["wall_seconds"] == outcome.parts["train"]


def test_one_process_writes_and_reads_no_order(adapter, training, collection, monkeypatch):
    task = training({"pairs": collection})
    monkeypatch.setattr(Train, "to_dict", lambda stage: pytest.fail("it is written as JSON"))
    train(task)
    assert adapter.job.rows


def test_several_processes_share_the_work_and_write_no_log_among_the_checkpoints(
    adapter, training, collection, monkeypatch
):
    asked = []

    def in_processes(order, number, sharding, log, progress):
        asked.append((number, sharding))
        log.write_text("what the ranks printed", "utf-8")
        assert list(Path(order["scratch"]).rglob("*")) == [Path(order["scratch"]) / "checkpoints"]
        return run_order(order, progress)

    monkeypatch.setattr(ranks, "train_in_processes", in_processes)
    task = training({"pairs": collection}, processes=[2, "ddp"])
    metrics = train(task).metrics
    assert asked == [(2, "ddp")]
    assert metrics["global_batch_size"] == 2 * adapter.job.hyperparameters.global_batch_size
    assert not list(task.scratch.parent.glob("*.log"))


# --- checkpoints ----------------------------------------------------------------------------------------


def test_a_first_run_finds_no_checkpoint(adapter, training, collection):
    train(training({"pairs": collection}))
    assert adapter.found == []


@pytest.fixture
def found(adapter, training, collection, before, finished):
    """Run a stage behind another; gives the checkpoints that the adapter finds."""
    finished("collection")

    def run():
        train(training({"pairs": collection, "before": before}))
        return adapter.found

    return run


def test_a_stage_begins_from_the_checkpoint_of_the_stage_before(found, before):
    assert found() == ["checkpoint-1"]
    kept = [file.name for file in (before / "checkpoint").iterdir()]
    assert kept == ["checkpoint-1"]  # what is trained further is a copy


def test_an_interrupted_stage_goes_on_from_its_own_checkpoint(found, tmp_path):
    checkpoints = tmp_path / "scratch" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "checkpoint-2").write_text("further", "utf-8")
    assert found() == ["checkpoint-2"]


def test_a_checkpoint_that_was_half_in_place_is_put_there_anew(found, tmp_path):
    (tmp_path / "scratch.draft").mkdir()
    (tmp_path / "scratch.draft" / "half").write_text("", "utf-8")
    assert found() == ["checkpoint-1"]
    assert not (tmp_path / "scratch.draft").exists()


def test_a_stage_that_stops_early_leaves_its_checkpoint(adapter, training, collection, tmp_path):
    train(training({"pairs": collection}, stop_after=2))
    kept = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*")}
    assert kept == {"checkpoint", "checkpoint/checkpoint-2", "fingerprint.json", "model", "model/weights"}


def test_the_last_replay_leaves_the_model_alone(adapter, training, collection, tmp_path):
    train(training({"pairs": collection}))
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"fingerprint.json", "model"}


def test_what_was_spent_before_an_interruption_is_charged(adapter, training, collection, tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "spent.json").write_text(
        json.dumps({"seconds": 1000.0, "peak_memory_bytes": 10**15}), "utf-8"
    )
    outcome = train(training({"pairs": collection}))
    assert outcome.spend["wall_seconds"] == 1000.0 + outcome.parts["train"]
    assert outcome.spend["peak_memory_bytes"] == 10**15


def test_a_checkpoint_keeps_what_was_spent(adapters, training, collection, tmp_path):
    class Dies(RecordingAdapter):
        def train(self, job):
            job.loop.measuring_seconds = 1000.0
            job.loop.state()
            raise KeyboardInterrupt

    adapters(Dies())
    with pytest.raises(KeyboardInterrupt):
        train(training({"pairs": collection}))
    spent = json.loads((tmp_path / "scratch" / "spent.json").read_text("utf-8"))
    assert (
        spent["seconds"] < 0
    )  # nothing trained for the thousand seconds that measuring is said to have taken
    assert spent["peak_memory_bytes"] > 10**6


def test_the_stage_before_is_not_charged_twice(adapter, training, collection, before, finished):
    """Its checkpoint goes on to the stage behind it, what it spent stays in its own record."""
    finished("collection")
    outcome = train(training({"pairs": collection, "before": before}))
    assert outcome.spend["wall_seconds"] == outcome.parts["train"]


# --- anchor and diagnostics -----------------------------------------------------------------------------


@pytest.fixture
def loop_of(adapter, training, collection, monkeypatch):
    """The parts that the loop of a stage is made of."""

    def make(inputs=None, setting=None, **params):
        made = []
        monkeypatch.setattr("lorr_bench.stages.training.train.ReplayLoop", lambda **parts: made.append(parts))
        job_of(training({"pairs": collection, **(inputs or {})}, setting, **params))
        return made[0]

    return make


@pytest.mark.parametrize(
    ("anchor", "later", "given"),
    [
        ("start", False, False),
        ("start", True, True),
        ("round", True, False),
        ("init", False, True),
        ("init", True, True),
    ],
)
def test_the_anchor_is_given_where_it_is_not_the_model_that_training_starts_from(
    loop_of, tmp_path, anchor, later, given
):
    """In a later round, and of a primed arm."""
    for role in ("model", "primed"):
        check_anchor(loop_of({role: tmp_path} if later else {}, reset={**RESET, "anchor": anchor}), given)


def check_anchor(loop, given):
    assert (loop["anchor"] is not None) == given
    assert (loop["reset"].period, loop["reset"].factor) == ("replay", 0.5)


@pytest.fixture
def probed(loop_of, small_model, monkeypatch):
    """What the diagnostics of a stage look at: training pairs, held-out pairs, padding."""
    monkeypatch.setattr("lorr_bench.stages.training.diagnosed_pairs.ReplayProbe", lambda *parts: parts)
    monkeypatch.setattr(
        "lorr_bench.stages.training.diagnosed_pairs.tokenize_pairs", lambda pairs, *_: list(pairs)
    )
    setting = {"diagnostics": True, "model_path": str(small_model)}
    return lambda budget: loop_of(setting=setting, unique_pairs=budget)["probe"]


def test_diagnostics_look_at_the_first_pairs_and_at_the_last_that_are_held_out(probed, nano_pairs):
    """Ten pairs are trained on: four are measured, and four of the others."""
    measured, held_out, padding = probed(10)
    assert measured == nano_pairs[:4]
    assert held_out == nano_pairs[-4:]
    assert padding == tokenizer.build().pad_token_id


def test_what_is_trained_on_is_never_held_out(probed, nano_pairs):
    assert probed(38)[1] == nano_pairs[38:]
    assert probed(40)[1] == []


def test_diagnostics_can_be_switched_off(loop_of):
    assert loop_of()["probe"] is None


# --- adaptive LoRR --------------------------------------------------------------------------------------

ADAPTIVE = {
    "signal": "held_out_margin",
    "held_out_pairs": 6,
    "reset": "below_last",
    "scale": 2.0,
    "patience": 1,
}


def test_the_signal_is_measured_on_the_first_pairs_beyond_the_budget(
    loop_of, small_model, nano_pairs, monkeypatch
):
    """Though no diagnostics are measured."""
    module = "lorr_bench.stages.training.diagnosed_pairs"
    monkeypatch.setattr(f"{module}.HeldOutSignal", lambda *parts: parts)
    monkeypatch.setattr(f"{module}.tokenize_pairs", lambda pairs, *_: list(pairs))
    loop = loop_of(setting={"model_path": str(small_model)}, adaptive=ADAPTIVE)
    padding = tokenizer.build().pad_token_id
    assert loop["adaptive"].signal == ("held_out_margin", nano_pairs[10:16], padding)
    assert loop["adaptive"].rule == Rule("below_last", scale=2.0, patience=1)
    assert loop["probe"] is None


def test_the_signal_changes_no_diagnosed_pair(probed, loop_of, small_model):
    setting = {"diagnostics": True, "model_path": str(small_model)}
    assert loop_of(setting=setting, adaptive=ADAPTIVE)["probe"] == probed(10)


def test_an_arm_without_a_signal_has_none(loop_of):
    assert loop_of()["adaptive"] is None


def test_an_early_end_is_recorded_and_its_replays_alone_are_charged(
    adapters, training, collection, small_model
):
    class Ending(RecordingAdapter):
        def train(self, job):
            job.loop.signals = [0.0, 2.0, 1.0]
            return super().train(job)

    adapters(Ending())
    outcome = train(training({"pairs": collection}, {"model_path": str(small_model)}, adaptive=ADAPTIVE))
    assert (outcome.metrics["replays_done"], outcome.metrics["signals"]) == (2, [0.0, 2.0, 1.0])
    assert (outcome.spend["unique_pairs"], outcome.spend["pair_visits"]) == (10, 20)


@pytest.mark.parametrize(
    ("asked", "advice"), [(True, "raise data.collect.num_prompts"), (False, "give more pairs")]
)
def test_too_few_pairs_to_hold_out_are_an_error(adapter, training, collection, asked, advice):
    if asked:
        (collection / "prompts.jsonl").write_text("", "utf-8")
    with pytest.raises(
        DataError, match=r"6 pairs are to be held out, and beyond the budget of 35 there are 5 usable ones"
    ) as caught:
        train(training({"pairs": collection}, unique_pairs=35, adaptive=ADAPTIVE))
    assert caught.value.fix == f"Lower plugins.*.adaptive.held_out_pairs, or {advice}."


# --- reference ------------------------------------------------------------------------------------------


def test_a_reference_is_computed_for_the_rows_of_its_budget(adapter, collection, nano_pairs, tmp_path):
    setting = {"hyperparameters": {"max_length": 64}}
    stage = sample("reference", rows="labels", unique_pairs=30, setting=setting)
    (tmp_path / "out").mkdir()
    task = Task(stage, {"pairs": collection}, tmp_path / "out", tmp_path / "s", EngineRoom(), lambda *_: None)
    adapter.rows = "labels"
    outcome = reference(task)
    model, rows, hyperparameters = adapter.asked
    assert (model, len(rows), hyperparameters.max_length) == (START, 60, 64)
    assert outcome.metrics["rows"] == 60
    assert (tmp_path / "out" / "reference.parquet").read_text("utf-8") == "the reference"
