"""What is said of models that were stored before they had fingerprints."""

import pytest
from finished_suite import SUITE, finish, plan_of
from scripted_fingerprint import put_fingerprint
from stage_samples import sample

from lorr_bench.run.unproven import unproven_warning
from lorr_bench.store.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def plan(tmp_path):
    return plan_of(SUITE, tmp_path)


def old_model(store, name):
    finish(store, sample("train", name, hyperparameters={"by": name}))


def test_a_new_store_is_not_spoken_of(plan, store):
    assert unproven_warning(plan, store) is None


def test_models_without_fingerprint_are_counted(plan, store):
    old_model(store, "one")
    assert "holds 1 trained model from before" in unproven_warning(plan, store)
    old_model(store, "two")
    assert "holds 2 trained models from before" in unproven_warning(plan, store)


def test_proven_models_are_none_of_them(plan, store):
    old_model(store, "one")
    for folder in (store.root / "train").iterdir():
        put_fingerprint(folder)
    assert unproven_warning(plan, store) is None


def test_nothing_is_said_where_nothing_is_trained(plan, store):
    old_model(store, "one")
    for stage in plan.stages:
        if stage.kind == "train":
            finish(store, stage)
    assert unproven_warning(plan, store) is None
