"""A bit flips in a stored file: it is found when the file is read, set aside with a word, and made again."""

import itertools
import json

import pytest

from lorr_bench.errors import DataError
from lorr_bench.export.suite import export_suite
from lorr_bench.plan.kinds.registry import KINDS
from lorr_bench.report.formats.results_file import read_results, results_bytes
from lorr_bench.run.worker import SpoiledError
from lorr_bench.store.results import DAMAGED, load_results
from lorr_bench.store.seal import SEAL_FILE, is_sealed, seal
from lorr_bench.store.store import Store


def flip(path, place):
    """Flip one bit; the place is a share of the file, from 0 to 1."""
    content = bytearray(path.read_bytes())
    bit = int(place * (len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def artefacts(bench):
    """Every file of one stage of every kind."""
    for kind in KINDS:
        stage = [stage for stage in bench.stages.values() if stage.kind == kind][-1]
        folder = bench.store.folder(stage)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            yield stage, path.relative_to(folder)


@pytest.mark.slow
def test_a_bit_in_any_file_of_any_kind_is_found_and_the_work_is_done_again(finished, notices):
    """The first, the middle and the last bit by turns."""
    for (stage, name), place in zip(
        list(artefacts(finished)), itertools.cycle([0.0, 0.5, 1.0]), strict=False
    ):
        sound = finished.store.read(stage, verify=True).files
        notices.clear()
        flip(finished.store.folder(stage) / name, place)
        assert finished.store.read(stage, verify=True) is None
        assert len(notices) == 1
        assert "the stage runs again" in notices[0]
        assert finished.run(stage).files == sound


@pytest.mark.slow
def test_a_stage_does_not_begin_with_a_damaged_input(finished):
    grade = next(stage for stage in finished.plan.stages if stage.kind == "grade_math")
    answers = finished.stages[grade.inputs["answers"]]
    flip(finished.store.folder(answers) / "answers.jsonl", 0.5)
    with pytest.raises(SpoiledError) as caught:
        finished.run(grade)
    assert caught.value.stage == answers
    finished.run(answers)
    finished.run(grade)


@pytest.mark.slow
def test_a_stage_does_not_begin_with_a_freed_input(finished):
    answers = next(stage for stage in finished.plan.stages if "model" in stage.inputs)
    model = finished.stages[answers.inputs["model"]]
    finished.store.free(model)
    with pytest.raises(SpoiledError):
        finished.run(answers)
    finished.run(model)
    finished.run(answers)


@pytest.mark.slow
def test_a_bit_in_the_word_about_freed_weights_loses_nothing(finished, notices):
    stage = next(stage for stage in finished.plan.stages if stage.kind == "train")
    finished.store.free(stage)
    flip(finished.store.folder(stage) / "freed.json", 0.5)
    assert finished.store.read(stage, verify=True) is not None
    assert not finished.store.whole(stage)
    assert notices == []


@pytest.fixture
def exported(finished, tmp_path, monkeypatch):
    """Export; gives the evaluations that would be written."""
    written = []

    def remember(*_, math, general, **named):
        written.extend([*math, *general])

    def export():
        export_suite(finished.plan, finished.store, tmp_path / "export", None)
        return written

    monkeypatch.setattr("lorr_bench.export.suite.write_lm_eval", remember)
    return export


READ_BY_A_REPORT = [
    ("grade_math", "scores.json"),
    ("grade_math", "verdicts.jsonl"),
    ("answer_math", "answers.jsonl"),
    ("answer_math", "problems.jsonl"),
    ("evaluate_general", "scores.json"),
    ("contamination", "overlaps.json"),
    ("families", "families.jsonl"),
    ("train", "record.json"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), READ_BY_A_REPORT)
def test_a_report_leaves_out_what_is_damaged_and_says_so(finished, notices, kind, name):
    stage = [stage for stage in finished.plan.stages if stage.kind == kind][-1]
    store = Store(finished.store.root, notices.append)
    whole = load_results(finished.plan, store, {})
    flip(store.folder(stage) / name, 0.5)
    results = load_results(finished.plan, store, {})
    assert results.missing == {stage.label: DAMAGED}
    assert store.set_aside == {stage.digest}
    assert store.read(stage) is None  # so the driver makes it again
    assert len(notices) == 1
    finished.run(stage)
    assert load_results(finished.plan, store, {}).scores == whole.scores


@pytest.mark.slow
def test_a_report_does_not_read_weights(finished, notices):
    for stage in finished.plan.stages:
        for path in (
            path for folder in finished.store.weights(stage) for path in folder.rglob("*") if path.is_file()
        ):
            flip(path, 0.5)
    assert load_results(finished.plan, finished.store, {}).missing == {}
    assert notices == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("evaluate_general", "results.json"),
        ("evaluate_general", "samples_nano_compare.jsonl"),
        ("answer_math", "answers.jsonl"),
    ],
)
def test_an_export_leaves_out_what_is_damaged(finished, notices, exported, kind, name):
    stage = [stage for stage in finished.plan.stages if stage.kind == kind][-1]
    flip(finished.store.folder(stage) / name, 0.5)
    assert len(exported()) == 5  # 3 models × 2 benchmarks, but one
    assert len(notices) == 1


@pytest.mark.slow
def test_a_bit_in_the_results_file_of_a_report_is_found_or_changes_nothing(finished, tmp_path):
    """What ``compare`` reads: gzip has a checksum of its own, but not for the date in its header."""
    whole = load_results(finished.plan, finished.store, {})
    path = tmp_path / "results.json.gz"
    content = results_bytes(whole)
    path.write_bytes(content)
    sound, found = repr(read_results(path)), 0
    for place in [*range(12), *range(12, len(content), 16)]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            assert repr(read_results(path)) == sound
        except DataError:
            found += 1
    assert found > len(content) // 16 - 10


@pytest.fixture
def sealed(tmp_path):
    """A checkpoint under a seal."""
    folder = tmp_path / "step-3"
    (folder / "shards").mkdir(parents=True)
    (folder / "state.json").write_text(json.dumps({"step": 3}), "utf-8")
    (folder / "shards" / "model").write_bytes(bytes(range(20)))
    seal(folder)
    return folder


@pytest.mark.parametrize("name", ["state.json", "shards/model", SEAL_FILE])
def test_a_bit_in_any_byte_and_any_cut_breaks_the_seal_of_a_checkpoint(sealed, name):
    path = sealed / name
    sound = path.read_bytes()
    assert is_sealed(sealed)
    for length in range(len(sound)):
        path.write_bytes(sound[:length])
        assert not is_sealed(sealed)
    for place in range(len(sound)):
        flipped = bytearray(sound)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        assert not is_sealed(sealed)
    path.write_bytes(sound)
    assert is_sealed(sealed)


def test_a_file_that_is_gone_breaks_the_seal(sealed):
    (sealed / "shards" / "model").unlink()
    assert not is_sealed(sealed)


def test_a_folder_without_a_seal_is_not_sealed(tmp_path):
    assert not is_sealed(tmp_path)
