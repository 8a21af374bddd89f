"""What clean shows and frees, and what it never touches."""

import pytest
from finished_suite import SUITE, finish, plan_of
from stage_samples import sample

from lorr_bench.errors import HeldError, StoreError
from lorr_bench.run.local import log_file
from lorr_bench.store.lock import Lock
from lorr_bench.store.store import Store
from lorr_bench.upkeep import clean
from lorr_bench.upkeep.clean import Cleaner, GivenSuite, free_all

STRANGE = sample("train", "of another suite", seed=99)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def suite(tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    return GivenSuite(plan_of({**SUITE, "execution": {"keep": "none"}}, tmp_path), output)


def stage_of(suite, kind):
    return next(stage for stage in suite.plan.stages if stage.kind == kind)


def put(path, content="12345"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


def seen(cleaner):
    return [(found.title, found.path.name, found.size_bytes, found.stays) for found in cleaner.leftovers()]


def free(cleaner):
    return free_all(cleaner, cleaner.leftovers(), really=True)


def test_a_clean_store_has_nothing_to_free(store):
    cleaner = Cleaner(store, [])
    assert cleaner.leftovers() == []
    assert free_all(cleaner, [], really=True) == "Nothing to free."


def test_damaged_results_go(store):
    put(store.root / "damaged" / "train-abc" / "model")
    cleaner = Cleaner(store, [])
    assert seen(cleaner) == [("damaged results", "train-abc", 5, "")]
    free(cleaner)
    assert list((store.root / "damaged").iterdir()) == []


def test_nothing_goes_without_the_word(store):
    file = put(store.root / "damaged" / "train-abc" / "model", "1" * 2048)
    cleaner = Cleaner(store, [])
    told = free_all(cleaner, cleaner.leftovers(), really=False)
    assert told == "2 KiB can be freed: the same command with --yes frees it."
    assert file.exists()


def test_half_written_results_of_dead_runs_go_and_those_of_living_ones_stay(store):
    dead = put(store.root / "drafts" / f"{STRANGE.digest}-abc" / "half").parent
    cleaner = Cleaner(store, [])
    with Lock(store.root / "claims" / STRANGE.digest):
        [(_, _, _, stays)] = seen(cleaner)
        assert stays.startswith("in use: process ")
        assert free(cleaner) == "Nothing to free."
        assert dead.exists()
    assert free(cleaner) == "5 B freed."
    assert not dead.exists()


def test_a_draft_without_a_stage_stays_while_anything_runs(store):
    put(store.root / "drafts" / "fetched-abc" / "half")
    with Lock(store.root / "claims" / STRANGE.digest):
        assert free(Cleaner(store, [])) == "Nothing to free."
    assert free(Cleaner(store, [])) == "5 B freed."


def checkpoint(store, stage):
    return put(store.root / "unfinished" / stage.digest / "state.json").parent


def test_a_checkpoint_that_a_run_continues_from_stays(store, suite):
    checkpoint(store, stage_of(suite, "train"))
    for cleaner in (Cleaner(store, [suite]), Cleaner(store, [suite], unused=True)):
        assert seen(cleaner)[0][3] == "a run continues from it"
        assert free(cleaner) == "Nothing to free."


def test_a_checkpoint_of_a_stage_that_is_done_goes(store, suite):
    stage = stage_of(suite, "train")
    folder = checkpoint(store, stage)
    finish(store, stage)
    assert free(Cleaner(store, [])) == "5 B freed."
    assert not folder.exists()


def test_a_checkpoint_of_another_suite_goes_only_where_that_is_said(store, suite):
    folder = checkpoint(store, STRANGE)
    assert seen(Cleaner(store, []))[0][3] == "a run may continue from it; name the suites"
    assert seen(Cleaner(store, [suite]))[0][3] == "stays; --unused frees it"
    free(Cleaner(store, [suite], unused=True))
    assert not folder.exists()


@pytest.mark.slow
def test_weights_that_the_policy_does_not_keep_go(store, suite):
    for stage in suite.plan.stages:
        finish(store, stage)
    cleaner = Cleaner(store, [suite])
    assert {title for title, *_ in seen(cleaner)} == {"weights that `keep: none` does not keep"}
    free(cleaner)
    assert not any(store.whole(stage) for stage in suite.plan.stages if stage.kind in ("train", "reference"))
    assert all(store.read(stage, verify=True) is not None for stage in suite.plan.stages)
    assert cleaner.leftovers() == []


@pytest.mark.slow
def test_weights_that_another_suite_keeps_stay(store, suite, tmp_path):
    for stage in suite.plan.stages:
        finish(store, stage)
    other = tmp_path / "other"
    other.mkdir()
    keeping = GivenSuite(plan_of(SUITE, other), other)
    assert Cleaner(store, [suite, keeping]).leftovers() == []


@pytest.mark.slow
def test_weights_stay_while_the_suite_runs(store, suite):
    for stage in suite.plan.stages:
        finish(store, stage)
    with Lock(suite.output / "lock"):
        assert Cleaner(store, [suite]).leftovers() == []


@pytest.mark.slow
def test_weights_that_another_run_reads_stay(store, suite):
    for stage in suite.plan.stages:
        finish(store, stage)
    reader = next(
        stage for stage in suite.plan.stages if stage.kind == "answer_math" and "model" in stage.inputs
    )
    with store.claim(reader):
        cleaner = Cleaner(store, [suite])
        assert [stays != "" for _, _, _, stays in seen(cleaner)].count(True) == 2  # its model, its checkpoint
        free(cleaner)
    model = next(stage for stage in suite.plan.stages if stage.digest == reader.inputs["model"])
    assert store.whole(model)


def test_what_a_crash_left_of_freed_weights_goes(store, suite):
    stage = stage_of(suite, "train")
    finish(store, stage)
    put(store.folder(stage) / "freed.json", "{}")
    (store.folder(stage) / "model" / "weights").unlink()
    free(Cleaner(store, [suite]))
    assert store.weights(stage) == []


def test_unused_results_go_where_that_is_said(store, suite):
    finish(store, STRANGE)
    finish(store, suite.plan.stages[0])
    [(title, name, _, stays)] = seen(Cleaner(store, [suite]))
    assert (title, name) == (clean.UNUSED, STRANGE.digest[:20])
    assert stays == "stays; --unused frees it"
    free(Cleaner(store, [suite], unused=True))
    assert not store.folder(STRANGE).exists()
    assert store.whole(suite.plan.stages[0])
    assert list((store.root / "drafts").iterdir()) == []


def test_unused_results_stay_while_a_run_of_an_unknown_suite_works_in_the_store(store, suite):
    finish(store, STRANGE)
    with store.claim(sample("train", "more of another suite", seed=98)):
        assert free(Cleaner(store, [suite], unused=True)) == "Nothing to free."


def test_an_unused_result_that_a_stage_began_to_read_stays(store, suite):
    finish(store, STRANGE)
    cleaner = Cleaner(store, [suite], unused=True)
    [leftover] = cleaner.leftovers()
    reader = sample("answer_math", "answers", inputs={"model": STRANGE.digest})
    with store.claim(reader), pytest.raises(HeldError, match="began to use it"):
        cleaner.free(leftover)
    assert store.whole(STRANGE)


def test_logs_of_open_stages_stay(store, suite):
    done, todo = suite.plan.stages[:2]
    finish(store, done)
    logs = [put(log_file(suite.output / "logs", stage)) for stage in (done, todo)]
    old = put(suite.output / "logs" / "train.log")
    free(Cleaner(store, [suite]))
    assert [path.exists() for path in (*logs, old)] == [False, True, False]


def test_half_written_files_go_when_nobody_runs_the_suite(store, suite):
    file = put(suite.output / ".state.json.4711")
    with Lock(suite.output / "lock"):
        free(Cleaner(store, [suite]))
        assert file.exists()
    free(Cleaner(store, [suite]))
    assert not file.exists()


def test_locks_of_dead_processes_go_when_freeing(store, monkeypatch):
    put(store.root / "claims" / STRANGE.digest, "damaged")
    cleaner = Cleaner(store, [])
    monkeypatch.setattr(clean, "drop_dead", drop_at_once)
    with Lock(store.root / "claims" / "living"):
        cleaner.drop_dead_claims()
        assert sorted(path.name for path in (store.root / "claims").iterdir()) == [".guard", "living"]


def drop_at_once(folder):
    from lorr_bench.store.lock import drop_dead

    drop_dead(folder, patience_seconds=0.0)


def test_what_can_not_be_deleted_is_told_and_keeps_nothing_else_from_going(store, monkeypatch):
    stuck = put(store.root / "damaged" / "a" / "file").parent
    gone = put(store.root / "damaged" / "b" / "file").parent
    remove = clean.shutil.rmtree

    def fail(path, **named):
        if path == stuck:
            raise PermissionError(13, "Permission denied", str(path))
        remove(path, **named)

    monkeypatch.setattr(clean.shutil, "rmtree", fail)
    with pytest.raises(StoreError, match="1 of 2 could not be freed: can't write: Permission denied"):
        free(Cleaner(store, []))
    assert not gone.exists()
