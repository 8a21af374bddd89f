"""What records tell of finished stages."""

import dataclasses

import pytest
from stage_samples import sample

from lorr_bench.forecast.measured import measured_stages
from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

SUITE = """
name: sample
model: nano
seeds: [0]
data: {collect: {source: nano/train, num_prompts: 50, num_samples: 4, max_tokens: 32}}
budget: {unique_pairs: [8], equal: prompts}
methods: {dpo: {per_device_train_batch_size: 4}}
plugins: {plain: , lorr: {rollout_ratio: 0.5, replays: 2}}
evaluation: {math: [{name: easy, source: nano/easy, limit: 10, max_tokens: 32}]}
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE, "utf-8")
    return make_plan(load_suite(path, ()))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def stage_of(plan, label):
    return next(stage for stage in plan.stages if stage.label.startswith(label))


def changed(stage, **parameters):
    return dataclasses.replace(stage, parameters=dataclasses.replace(stage.parameters, **parameters))


def finish(store, stage, outcome=None, text="0123456789"):
    with store.writing(stage) as draft:
        (draft.folder / "answers.jsonl").write_text(text, "utf-8")
        return draft.commit(outcome or Outcome())


def found(plan, store, *done):
    return measured_stages(plan.stages, {stage.digest for stage in done}, store)


def test_seconds_leave_out_the_start_of_the_engine(plan, store):
    stage = stage_of(plan, "collect")
    record = finish(store, stage, Outcome(parts={"engine_start": 0.25}, spend={"generated_tokens": 70}))
    [measured] = found(plan, store, stage)
    assert measured.seconds == record.wall_seconds - 0.25
    assert (measured.tokens, measured.disk_bytes, measured.parameters) == (70, 10, 869_504)


def test_training_tells_its_peak_memory_and_not_its_disk(plan, store):
    stage = stage_of(plan, "train dpo+plain")
    counted = {"train_tokens": 5, "generated_tokens": 0}
    finish(store, stage, Outcome(metrics={"counted": counted}, spend={"peak_memory_bytes": 99.0}))
    [measured] = found(plan, store, stage)
    assert (measured.tokens, measured.peak_memory_bytes, measured.disk_bytes) == (5, 99, None)
    assert not measured.on_gpu


def test_tokens_of_training_that_goes_on_are_those_of_several_stages(plan, store):
    stage = stage_of(plan, "train dpo+lorr, 8 pairs, seed 0")
    last = next(s for s in plan.stages if "before" in s.inputs)
    for each in (stage, last):
        finish(store, each, Outcome(metrics={"counted": {"train_tokens": 5}}, spend={"peak_memory_bytes": 1}))
    assert [measured.tokens for measured in found(plan, store, stage, last)] == [5, None]


def test_stages_of_other_suites_in_the_store_count_too(plan, store):
    stage = stage_of(plan, "collect")
    other = changed(stage, num_prompts=100)
    finish(store, other)
    [measured] = found(plan, store)
    assert measured.workload.answers == 400


def test_a_stage_counts_once(plan, store):
    stage = stage_of(plan, "collect")
    finish(store, stage)
    assert len(found(plan, store, stage)) == 1


def test_grading_counts_the_answers_of_its_input(plan, store):
    stage = stage_of(plan, "easy: start model")
    finish(store, stage)
    [measured] = found(plan, store, stage)
    assert measured.workload.units == 10


def test_records_that_tell_nothing_are_left_out(plan, store):
    stage = sample("train", "of another version")
    record = finish(store, stage, Outcome(spend={"peak_memory_bytes": 1}))
    older = dataclasses.replace(record, stage={**record.stage, "params": {"model": "nano"}})
    (store.folder(stage) / "record.json").write_text(older.to_text(), "utf-8")
    (store.root / "collect" / "broken").mkdir(parents=True)
    (store.root / "collect" / "broken" / "record.json").write_text("{", "utf-8")
    assert found(plan, store) == []


def test_a_stage_whose_files_are_gone_has_no_size_on_the_disk(plan, store):
    stage = stage_of(plan, "collect")
    other = changed(stage, num_prompts=100)
    finish(store, other)
    (store.folder(other) / "answers.jsonl").unlink()
    [measured] = found(plan, store)
    assert measured.disk_bytes is None


def test_a_model_that_is_gone_leaves_its_parameters_unknown(plan, store):
    stage = stage_of(plan, "collect")
    place = dataclasses.replace(stage.setting.place, model_path="x")
    setting = dataclasses.replace(stage.setting, place=place)
    other = dataclasses.replace(changed(stage, seed=5), setting=setting)
    finish(store, other)
    [measured] = found(plan, store)
    assert measured.parameters is None
