"""A store behind a URL: artefacts appear whole or not at all, on whichever machine they are read."""

import shutil
import sys
from pathlib import Path

import pytest
from stage_samples import sample

from lorr_bench.errors import HeldError, MissingPackageError, StoreError
from lorr_bench.store.record import Outcome
from lorr_bench.store.remote import RemoteStore, cache_folder, is_url, open_store
from lorr_bench.store.remote_files import RemoteFiles, file_system
from lorr_bench.store.store import Store, done_stages

STAGE = sample("train", seed=1)
WEIGHTS = "model/model.safetensors"


@pytest.fixture
def notices():
    return []


@pytest.fixture
def bucket(tmp_path):
    return tmp_path / "bucket"


@pytest.fixture
def machine(tmp_path, bucket, notices):
    """Makes the store as another machine sees it, with a local copy of its own."""

    def make(name, url=None, delays_seconds=()):
        return RemoteStore(url or f"file://{bucket}", tmp_path / name, notices.append, delays_seconds)

    return make


def write(store, text="weights", stage=STAGE):
    with store.writing(stage) as draft:
        (draft.folder / "model").mkdir()
        (draft.folder / WEIGHTS).write_text(text, "utf-8")
        (draft.folder / "log.jsonl").write_text("small", "utf-8")
        return draft.commit(Outcome(metrics={"m": 1}))


def system_of(store):
    """The file system of a store: fsspec has one for all that ask alike."""
    return file_system(store.location)[0]


def remote(bucket, name, stage=STAGE):
    return bucket / stage.kind / stage.digest[:20] / name


def test_what_one_machine_writes_another_reads(machine):
    written = write(machine("one"))
    other = machine("two")
    assert other.read(STAGE) == written
    assert (other.folder(STAGE) / "log.jsonl").read_text("utf-8") == "small"


@pytest.fixture
def requests(monkeypatch):
    """Counts requests to the stores behind URLs."""
    asked = []
    ask = RemoteFiles._ask

    def counted(self, request):
        asked.append(request)
        return ask(self, request)

    monkeypatch.setattr(RemoteFiles, "_ask", counted)
    return asked


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_run_that_begins_lists_the_store_once_however_many_stages_it_has(machine, tmp_path, requests, kind):
    url = f"memory://{tmp_path.name}/many" if kind == "memory" else None
    stages = [sample("train", seed=number) for number in range(40)]
    first = machine("one", url)
    for stage in stages[:10]:
        write(first, stage=stage)
    first.free(stages[3])
    requests.clear()
    other = machine("two", url)
    survey = other.survey(stages)
    assert survey.finished == {stage.digest for stage in stages[:10]}
    assert [survey.whole(stage) for stage in stages[:5]] == [True, True, True, False, True]
    assert len(requests) == 1
    assert done_stages(stages, other) == survey.finished
    assert len(requests) == 2


def test_a_store_that_is_not_there_yet_holds_nothing(machine):
    store = machine("one")
    assert (store.survey([STAGE]).finished, done_stages([STAGE], store)) == (set(), set())


def test_a_survey_sends_what_was_not_sent_whole(machine, monkeypatch):
    store = machine("one", delays_seconds=())
    monkeypatch.setattr(RemoteFiles, "send", refuse)
    with pytest.raises(StoreError, match="no network"):
        write(store)
    monkeypatch.undo()
    assert machine("one").survey([STAGE]).finished == {STAGE.digest}
    assert machine("two").survey([STAGE]).finished == {STAGE.digest}


def refuse(*_):
    raise StoreError("no network", where="here", fix="")


def test_it_works_in_an_object_store_too(machine, tmp_path):
    url = f"memory://{tmp_path.name}/results"
    written = write(machine("one", url))
    other = machine("two", url)
    assert other.read(STAGE, verify=True) == written
    assert (other.folder(STAGE) / WEIGHTS).read_text("utf-8") == "weights"


def test_weights_are_fetched_when_they_are_verified_and_not_for_a_report(machine):
    write(machine("one"))
    other = machine("two")
    other.read(STAGE, verify={"log.jsonl"})
    assert not (other.folder(STAGE) / WEIGHTS).exists()
    assert other.whole(STAGE)
    other.read(STAGE, verify=True)
    assert (other.folder(STAGE) / WEIGHTS).read_text("utf-8") == "weights"


def test_what_was_fetched_is_not_fetched_again(machine, bucket):
    write(machine("one"))
    other = machine("two")
    other.read(STAGE, verify=True)
    remote(bucket, WEIGHTS).unlink()
    assert other.read(STAGE, verify=True) is not None


def test_the_layout_is_that_of_a_local_store(machine, bucket):
    written = write(machine("one"))
    assert Store(bucket).read(STAGE, verify=True) == written


def test_what_was_not_written_is_not_there(machine, notices):
    assert machine("one").read(STAGE) is None
    assert not machine("one").whole(STAGE)
    assert notices == []


def test_finished_results_are_listed_by_kind(machine):
    write(machine("one"))
    listing = machine("two").listing()
    assert listing["train"] == {STAGE.digest[:20]}
    assert listing["collect"] == set()


def interrupt(store, monkeypatch, when):
    """Break off the connection when a file of this name is sent."""
    send = system_of(store).put_file

    def put_file(source, target, **options):
        if when in target:
            raise ConnectionError("the line is dead")
        return send(source, target, **options)

    monkeypatch.setattr(system_of(store), "put_file", put_file)


@pytest.mark.parametrize("when", ["model.safetensors", "record.json"])
def test_half_an_upload_is_no_result(machine, monkeypatch, when):
    store = machine("one")
    with monkeypatch.context() as patch:
        interrupt(store, patch, when)
        with pytest.raises(StoreError, match="the line is dead"):
            write(store)
    assert machine("two").read(STAGE) is None


def test_an_interrupted_upload_is_made_up_for_where_the_result_lies(machine, monkeypatch):
    store = machine("one")
    with monkeypatch.context() as patch:
        interrupt(store, patch, "record.json")
        with pytest.raises(StoreError):
            write(store)
    made_up = machine("one").read(STAGE)
    assert made_up is not None
    assert machine("two").read(STAGE, verify=True) == made_up


def test_a_copy_of_what_was_removed_from_the_store_is_no_result(machine, bucket):
    store = machine("one")
    write(store)
    shutil.rmtree(bucket)
    assert store.read(STAGE) is None


def flip(path):
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda bucket: flip(remote(bucket, WEIGHTS)), "another checksum"),
        (lambda bucket: remote(bucket, WEIGHTS).unlink(), "lacks model/model.safetensors"),
        (lambda bucket: flip(remote(bucket, "log.jsonl")), "another checksum"),
        (lambda bucket: flip(remote(bucket, "record.json")), "damaged record"),
    ],
)
def test_damage_in_the_store_is_found_and_the_stage_runs_again(machine, bucket, notices, damage, word):
    write(machine("one"))
    damage(bucket)
    other = machine("two")
    assert other.read(STAGE, verify=True) is None
    assert word in notices[0]
    assert other.set_aside == {STAGE.digest}
    write(machine("three"))
    assert machine("two").read(STAGE, verify=True) is not None


def test_the_record_of_other_work_is_damage(machine, bucket, notices):
    other = sample("train", "another", seed=2)
    write(machine("one"), stage=other)
    remote(bucket, "").parent.mkdir(exist_ok=True)
    remote(bucket, "", other).rename(remote(bucket, ""))
    assert machine("two").read(STAGE) is None
    assert "other work" in notices[0]


def test_a_damaged_copy_is_fetched_again(machine, notices):
    write(machine("one"))
    other = machine("two")
    other.read(STAGE, verify=True)
    flip(other.folder(STAGE) / WEIGHTS)
    assert other.read(STAGE, verify=True) is not None
    assert (other.folder(STAGE) / WEIGHTS).read_text("utf-8") == "weights"
    assert "fetched again" in notices[0]


def test_a_file_damaged_on_the_way_is_fetched_once_more(machine, monkeypatch, notices):
    write(machine("one"))
    other = machine("two")
    fetch, damaged = system_of(other).get_file, []

    def get_file(source, target, **options):
        fetch(source, target, **options)
        if not damaged:
            flip_file(target)
            damaged.append(source)

    def flip_file(target):
        Path(target).write_bytes(b"?")

    monkeypatch.setattr(system_of(other), "get_file", get_file)
    assert other.read(STAGE, verify=True) is not None
    assert damaged
    assert notices == []


def test_a_record_can_not_name_files_outside_of_its_folder(machine, bucket, notices):
    one = machine("one")
    with one.writing(STAGE) as draft:
        (draft.folder / "log.jsonl").write_text("small", "utf-8")
        record = draft.commit(Outcome())
    evil = type(record)(**{**vars(record), "files": {"../../../evil": "0" * 64}})
    remote(bucket, "record.json").write_text(evil.to_text(), "utf-8")
    assert machine("two").read(STAGE) is None
    assert "outside of its folder" in notices[0]


def test_another_result_for_the_same_work_replaces_the_copy(machine, bucket):
    other = machine("two")
    write(machine("one"), "first")
    other.read(STAGE, verify=True)
    shutil.rmtree(bucket)
    write(machine("three"), "second")
    other.read(STAGE, verify=True)
    assert (other.folder(STAGE) / WEIGHTS).read_text("utf-8") == "second"


def test_the_first_of_two_results_stays(machine):
    first = write(machine("one"), "first")
    late = machine("two")
    write(late, "second")
    assert late.read(STAGE, verify=True) == first
    assert (late.folder(STAGE) / WEIGHTS).read_text("utf-8") == "first"


def test_freed_weights_go_from_the_store_and_the_record_stays(machine, bucket):
    one = machine("one")
    written = write(one)
    assert one.free(STAGE, "last") == len("weights")
    assert not remote(bucket, WEIGHTS).exists()
    assert not (one.folder(STAGE) / WEIGHTS).exists()
    other = machine("two")
    assert other.read(STAGE, verify=True) == written
    assert not other.whole(STAGE)
    assert other.free(STAGE) == 0


def test_the_copy_of_weights_that_another_machine_freed_can_go_too(machine):
    one = machine("one")
    write(one)
    machine("two").free(STAGE)
    assert one.free(STAGE) == 0
    assert not (one.folder(STAGE) / WEIGHTS).exists()


def test_freed_weights_can_be_made_anew(machine):
    one = machine("one")
    write(one)
    one.free(STAGE)
    write(machine("two"), "anew")
    assert one.whole(STAGE)
    one.read(STAGE, verify=True)
    assert (one.folder(STAGE) / WEIGHTS).read_text("utf-8") == "anew"


def test_weights_that_a_stage_of_this_machine_reads_are_not_freed(machine):
    one = machine("one")
    write(one)
    reader = sample("answer_math", "answers", inputs={"model": STAGE.digest})
    with one.claim(reader), pytest.raises(HeldError):
        one.free(STAGE)
    assert machine("two").whole(STAGE)


def test_a_request_that_fails_is_made_again(machine, monkeypatch):
    write(machine("one"))
    other = machine("two", delays_seconds=(0.0,))
    read, failures = system_of(other).cat_file, [ConnectionError("once")]

    def cat_file(place, **options):
        if failures:
            raise failures.pop()
        return read(place, **options)

    monkeypatch.setattr(system_of(other), "cat_file", cat_file)
    assert other.read(STAGE) is not None


def test_a_refused_request_is_not_made_again(machine, monkeypatch):
    store, asked = machine("one", delays_seconds=(0.0, 0.0)), []

    def cat_file(place, **options):
        asked.append(place)
        raise PermissionError("403")

    monkeypatch.setattr(system_of(store), "cat_file", cat_file)
    with pytest.raises(StoreError, match="403"):
        store.read(STAGE)
    assert len(asked) == 1


def test_a_full_local_disk_is_told_as_such(machine, monkeypatch):
    write(machine("one"))
    other = machine("two")

    def get_file(source, target, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(system_of(other), "get_file", get_file)
    with pytest.raises(StoreError, match="the disk is full"):
        other.read(STAGE)


def test_a_bucket_that_does_not_exist_is_a_store_error(machine, monkeypatch):
    store = machine("one")

    def put_file(source, target, **options):
        raise FileNotFoundError("The specified bucket does not exist")

    monkeypatch.setattr(system_of(store), "put_file", put_file)
    with pytest.raises(StoreError, match="bucket does not exist"):
        write(store)


def test_a_path_is_a_local_store(tmp_path):
    store = open_store(tmp_path)
    assert type(store) is Store
    assert open_store(store.location).root == tmp_path


def test_a_url_is_a_remote_store_that_names_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("LORR_BENCH_CACHE", str(tmp_path / "cache"))
    store = open_store(f"file://{tmp_path}/store/")
    assert isinstance(store, RemoteStore)
    assert store.location == f"file://{tmp_path}/store"
    assert store.root.parent == tmp_path / "cache"


def test_each_url_has_a_copy_of_its_own():
    urls = ("s3://a/b", "s3://a/c")
    first, second = (cache_folder(url, {"LORR_BENCH_CACHE": "/cache"}) for url in urls)
    assert first != second
    assert cache_folder("s3://a/b/", {"LORR_BENCH_CACHE": "/cache"}) == first
    assert cache_folder("s3://a/b", {}).parent == cache_folder("s3://a/c", {}).parent


@pytest.mark.parametrize(
    ("location", "url"), [("s3://b/c", True), ("results/store", False), ("/abs", False), ("C://x", False)]
)
def test_what_is_a_url(location, url):
    assert is_url(location) is url


@pytest.mark.parametrize(
    "url", ["s3://key:secret@bucket/a", "s3://bucket/a?key=secret", "simplecache::s3://bucket/secret"]
)
def test_a_url_with_credentials_or_options_is_refused_and_not_shown(url):
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


def test_an_unknown_kind_of_store_is_an_error():
    with pytest.raises(StoreError, match="no such kind of store"):
        open_store("nosuch://bucket/a")


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingPackageError, match="pip install s3fs"):
        open_store("s3://bucket/a")
