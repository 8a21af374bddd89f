"""Artefacts appear whole or not at all, and damage is found."""

import dataclasses
import errno
import json
import math
import os

import pytest
from stage_samples import sample

from lorr_bench.errors import DiskFullError, StoreError
from lorr_bench.store import store as store_module
from lorr_bench.store.disk import file_digest, replacing, storage_error, write_bytes, write_text
from lorr_bench.store.record import Outcome, Record
from lorr_bench.store.store import Store, done_stages

STAGE = sample("collect", seed=1)


@pytest.fixture
def notices():
    return []


@pytest.fixture
def store(tmp_path, notices):
    return Store(tmp_path / "store", notices.append)


def write(store, text="text", stage=STAGE):
    with store.writing(stage) as draft:
        (draft.folder / "model").mkdir()
        (draft.folder / "model" / "weights").write_text(text, "utf-8")
        return draft.commit(Outcome(metrics={"m": 1}, spend={"prompts": 2}, parts={"p": 0.5}))


def test_what_is_written_is_read(store):
    written = write(store)
    record = store.read(STAGE, verify=True)
    assert record == Record.from_dict(json.loads(json.dumps(written.to_dict())))
    assert record.outcome.metrics == {"m": 1}
    assert list(record.files) == ["model/weights"]
    assert (store.folder(STAGE) / "model" / "weights").read_text("utf-8") == "text"


def test_what_was_not_written_is_not_there(store, notices):
    assert store.read(STAGE) is None
    assert notices == []


def test_a_failure_inside_leaves_nothing(store):
    def fail():
        with store.writing(STAGE) as draft:
            (draft.folder / "half").write_text("half", "utf-8")
            raise KeyError("boom")

    with pytest.raises(KeyError):
        fail()
    assert store.read(STAGE) is None
    assert list((store.root / "drafts").iterdir()) == []


def test_a_draft_without_commit_is_no_result(store):
    with store.writing(STAGE):
        pass
    assert store.read(STAGE) is None


def test_the_first_of_two_results_stays(store):
    write(store, "first")
    write(store, "second")
    assert (store.folder(STAGE) / "model" / "weights").read_text("utf-8") == "first"


def test_a_flipped_bit_is_found_when_verifying(store, notices):
    write(store)
    file = store.folder(STAGE) / "model" / "weights"
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    assert store.read(STAGE) is not None  # names alone are compared
    assert store.read(STAGE, verify=True) is None
    assert "another checksum" in notices[0]
    assert len(list((store.root / "damaged").iterdir())) == 1
    assert not store.folder(STAGE).exists()


def remove_record(folder):
    (folder / "record.json").unlink()


def remove_file(folder):
    (folder / "model" / "weights").unlink()


def cut_record(folder):
    text = (folder / "record.json").read_text("utf-8")
    (folder / "record.json").write_text(text[: len(text) // 2], "utf-8")


def empty_record(folder):
    (folder / "record.json").write_text("{}", "utf-8")


def other_record(folder):
    record = Record.from_text((folder / "record.json").read_text("utf-8"))
    (folder / "record.json").write_text(dataclasses.replace(record, digest="0" * 64).to_text(), "utf-8")


def older_record(folder):
    record = Record.from_text((folder / "record.json").read_text("utf-8"))
    (folder / "record.json").write_text(json.dumps({**record.to_dict(), "format": 1}), "utf-8")


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (remove_record, "no record"),
        (remove_file, "lacks model/weights"),
        (cut_record, "damaged record"),
        (empty_record, "damaged record"),
        (other_record, "other work"),
        (older_record, "format 1; this version reads 2"),
    ],
)
def test_damage_is_set_aside_with_a_word(store, notices, damage, word):
    write(store)
    damage(store.folder(STAGE))
    assert store.read(STAGE) is None
    assert word in notices[0]
    write(store)
    assert store.read(STAGE, verify=True) is not None


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk is full"), (errno.EACCES, "can't write")],
)
def test_a_failed_write_says_what_to_do(tmp_path, number, message):
    error = storage_error(OSError(number, "strerror", "some/file"), tmp_path)
    assert message in error.what
    assert error.where == "some/file"
    assert "--store" in error.fix


def test_a_full_disk_while_writing_is_a_store_error_and_leaves_nothing(store):
    with pytest.raises(DiskFullError, match="the disk is full"), store.writing(STAGE):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert store.read(STAGE) is None


def test_a_store_under_a_file_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(StoreError, match="can't write"), Store(tmp_path / "file" / "store").writing(STAGE):
        pass


def test_text_is_replaced_whole(tmp_path):
    write_text(tmp_path / "a.json", "one")
    write_text(tmp_path / "a.json", "two")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text("utf-8") == "two"


def test_the_digest_of_a_file_is_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_digest(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_the_listing_names_what_is_stored_by_kind(store):
    write(store)
    listing = store.listing()
    assert listing["collect"] == {STAGE.digest[:20]}
    assert listing["train"] == set()


@pytest.mark.slow
def test_a_bit_flipped_anywhere_in_a_record_is_found(store):
    text = write(store).to_text()
    for place in range(len(text) * 7):
        flipped = bytearray(text.encode("ascii"))
        flipped[place // 7] ^= 1 << place % 7
        with pytest.raises((ValueError, KeyError, TypeError)):
            Record.from_text(flipped.decode("ascii"))


def test_a_record_with_numbers_that_json_does_not_know_is_read(store):
    with store.writing(STAGE) as draft:
        draft.commit(Outcome(metrics={"loss": float("nan"), "worst": float("inf"), "by": {10: 1, 9: 2}}))
    metrics = store.read(STAGE).outcome.metrics
    assert math.isnan(metrics["loss"])
    assert metrics["worst"] == float("inf")
    assert metrics["by"] == {"10": 1, "9": 2}


def test_only_the_named_files_are_compared(store, notices):
    with store.writing(STAGE) as draft:
        for name in ("a", "b"):
            (draft.folder / name).write_text(name, "utf-8")
        draft.commit(Outcome())
    (store.folder(STAGE) / "a").write_text("x", "utf-8")
    assert store.read(STAGE, verify={"b", "not there"}) is not None
    assert store.set_aside == set()
    assert store.read(STAGE, verify={"a"}) is None
    assert store.set_aside == {STAGE.digest}


def test_a_file_that_the_disk_can_not_read_is_damage(store, notices, monkeypatch):
    write(store)
    monkeypatch.setattr(store_module, "file_digest", fail(errno.EIO))
    assert store.read(STAGE, verify=True) is None
    assert "which can't be read" in notices[0]


def test_a_file_that_may_not_be_read_stays(store, notices, monkeypatch):
    write(store)
    with monkeypatch.context() as patched:
        patched.setattr(store_module, "file_digest", fail(errno.EACCES))
        with pytest.raises(StoreError, match="Permission denied"):
            store.read(STAGE, verify=True)
    assert store.read(STAGE, verify=True) is not None
    assert notices == []


def test_a_result_that_another_process_sets_aside_first_is_none(store, notices, monkeypatch):
    write(store)
    cut_record(store.folder(STAGE))
    monkeypatch.setattr(store_module.Path, "rename", fail(errno.ENOENT))
    assert store.read(STAGE) is None
    assert notices == []


def test_a_result_that_can_not_be_set_aside_is_a_store_error(store, monkeypatch):
    write(store)
    cut_record(store.folder(STAGE))
    monkeypatch.setattr(store_module.Path, "rename", fail(errno.EACCES))
    with pytest.raises(StoreError, match="can't write"):
        store.read(STAGE)


def fail(number):
    def call(*arguments, **named):
        raise OSError(number, os.strerror(number))

    return call


def test_text_that_can_not_be_written_leaves_the_old_one_alone(tmp_path, monkeypatch):
    write_text(tmp_path / "a.json", "one")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail(errno.ENOSPC))
        with pytest.raises(OSError, match="No space"):
            write_text(tmp_path / "a.json", "two")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text("utf-8") == "one"


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_that_is_being_replaced_holds_the_old_content_until_all_is_written(tmp_path, durable):
    path = tmp_path / "a.json"
    write_bytes(path, b"one")
    with replacing(path, durable=durable) as file:
        file.write(b"two")
        file.flush()
        assert path.read_bytes() == b"one"
    assert path.read_bytes() == b"two"
    with pytest.raises(KeyboardInterrupt), replacing(path, durable=durable) as file:
        raise KeyboardInterrupt
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]
    assert path.read_bytes() == b"two"


def test_what_can_be_made_again_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", fail(errno.EIO))
    write_text(tmp_path / "a.json", "one", durable=False)
    assert (tmp_path / "a.json").read_text("utf-8") == "one"


def test_done_stages_are_found_by_their_names(store):
    other = sample("collect", "another stage", seed=2)
    assert done_stages([STAGE, other], store) == set()
    write(store)
    assert done_stages([STAGE, other], store) == {STAGE.digest}
