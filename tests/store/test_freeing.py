"""Weights can go, records stay; nobody frees what a running stage reads."""

import json
import shutil
from pathlib import Path

import pytest
from stage_samples import sample

from lorr_bench.errors import HeldError, StoreError
from lorr_bench.plan.kinds.registry import KINDS
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store

TRAIN = sample("train", "train dpo")
READER = sample("answer_math", "answers", inputs={"model": TRAIN.digest})
REFERENCE = sample("reference", "reference")


@pytest.fixture
def notices():
    return []


@pytest.fixture
def store(tmp_path, notices):
    return Store(tmp_path / "store", notices.append)


def write(store, stage=TRAIN, weights="weights", outcome=None):
    with store.writing(stage) as draft:
        (draft.folder / "model").mkdir()
        (draft.folder / "model" / "model.safetensors").write_text(weights, "utf-8")
        (draft.folder / "reference.parquet").write_text("logps", "utf-8")
        (draft.folder / "scores.json").write_text("{}", "utf-8")
        return draft.commit(outcome or Outcome(spend={"flops": 1.0}))


def left(store, stage):
    folder = store.folder(stage)
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_weights_go_and_the_record_stays(store, notices):
    write(store)
    assert store.whole(TRAIN)
    assert store.free(TRAIN, "none") == len("weights")
    assert left(store, TRAIN) == ["freed.json", "record.json", "reference.parquet", "scores.json"]
    assert store.read(TRAIN, verify=True).outcome.spend == {"flops": 1.0}
    assert not store.whole(TRAIN)
    assert notices == []


def test_the_log_probabilities_of_a_reference_can_go(store):
    write(store, REFERENCE)
    assert store.free(REFERENCE) == len("logps")
    assert "model/model.safetensors" in left(store, REFERENCE)


def test_what_was_freed_and_why_is_written_down(store):
    write(store)
    store.free(TRAIN, "best")
    told = json.loads((store.folder(TRAIN) / "freed.json").read_text("utf-8"))
    assert told["files"] == {"model/model.safetensors": len("weights")}
    assert told["policy"] == "best"


def test_freeing_again_frees_nothing(store):
    write(store)
    store.free(TRAIN)
    assert store.free(TRAIN) == 0


def test_what_was_never_made_frees_nothing(store):
    assert store.free(TRAIN) == 0
    assert not store.root.exists()


def test_answers_are_never_freed(store):
    write(store, READER)
    assert store.free(READER) == 0
    assert store.whole(READER)


@pytest.mark.parametrize(
    ("kind", "name", "freed"),
    [
        ("train", "model/config.json", True),
        ("train", "checkpoint/step-3/state.json", True),
        ("train", "model_card.md", False),
        ("reference", "reference.parquet", True),
        ("collect", "model/config.json", False),
    ],
)
def test_which_files_are_weights(kind, name, freed):
    assert KINDS[kind].can_free(name) is freed


def test_a_crash_between_the_word_and_the_deed_is_no_damage(store, notices, monkeypatch):
    write(store)

    def crash(path, **_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", crash)
        with pytest.raises(KeyboardInterrupt):
            store.free(TRAIN)
    assert store.read(TRAIN, verify=True) is not None
    assert store.whole(TRAIN)  # all files are still there
    assert store.free(TRAIN) == len("weights")
    assert notices == []


def test_half_freed_is_no_damage_and_not_whole(store, notices):
    write(store)
    (store.folder(TRAIN) / "freed.json").write_text("torn", "utf-8")
    (store.folder(TRAIN) / "model" / "model.safetensors").unlink()
    assert store.read(TRAIN, verify=True) is not None
    assert not store.whole(TRAIN)
    assert notices == []


def test_other_files_that_lack_are_damage_even_where_weights_were_freed(store, notices):
    write(store)
    store.free(TRAIN)
    (store.folder(TRAIN) / "scores.json").unlink()
    assert store.read(TRAIN) is None
    assert "lacks scores.json" in notices[0]


def test_the_same_work_again_puts_the_files_back(store):
    write(store)
    store.free(TRAIN)
    write(store)
    assert store.whole(TRAIN)
    assert store.read(TRAIN, verify=True) is not None
    assert left(store, TRAIN) == [
        "model/model.safetensors",
        "record.json",
        "reference.parquet",
        "scores.json",
    ]
    assert list((store.root / "drafts").iterdir()) == []


def test_the_same_work_again_replaces_a_damaged_result(store, notices):
    write(store)
    (store.folder(TRAIN) / "record.json").write_text("{}", "utf-8")
    write(store, weights="again")
    assert store.whole(TRAIN)
    assert (store.folder(TRAIN) / "model" / "model.safetensors").read_text("utf-8") == "again"
    assert len(notices) == 1


def test_what_a_running_stage_reads_is_not_freed(store):
    write(store)
    with store.claim(READER):
        with pytest.raises(HeldError, match="is using `train dpo`"):
            store.free(TRAIN)
        assert store.whole(TRAIN)
    assert store.free(TRAIN) > 0


def test_what_is_being_made_again_is_not_freed(store):
    write(store)
    with store.claim(TRAIN), pytest.raises(HeldError):
        store.free(TRAIN)


def test_weights_that_can_not_be_deleted_are_a_store_error(store, monkeypatch):
    write(store)

    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", denied)
    with pytest.raises(StoreError, match="Permission denied"):
        store.free(TRAIN)


def test_a_claim_removes_what_dead_processes_left_of_the_stage(store):
    mine, other = (
        store.root / "drafts" / f"{TRAIN.digest}-abc",
        store.root / "drafts" / f"{READER.digest}-abc",
    )
    for folder in (mine, other):
        folder.mkdir(parents=True)
        (folder / "half").write_text("half", "utf-8")
    with store.claim(TRAIN):
        assert not mine.exists()
        assert other.exists()


def test_one_stage_is_claimed_once(store):
    with store.claim(TRAIN), pytest.raises(HeldError), store.claim(TRAIN):
        pass


def test_the_location_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Store(Path("store")).location == str(tmp_path / "store")
