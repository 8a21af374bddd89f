"""Published runs are found by name."""

import json

import pytest

from lorr_bench.errors import DataError
from lorr_bench.publish.catalog import PUBLISHED, find_published, place_of, published_runs
from lorr_bench.shipped.catalog import SUITES

ORIGIN = {"suite": "s", "machine": {}, "versions": {}, "stages": {}}


@pytest.fixture
def root(tmp_path):
    for name in ("nano/replays", "quickstart", "nano/plain"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "comparison.csv").touch()
    for name in ("nano/replays", "quickstart"):
        (tmp_path / name / "provenance.json").write_text(json.dumps(ORIGIN), "utf-8")
    return tmp_path


def test_folders_that_say_where_they_come_from_are_found(root):
    runs = published_runs(root)
    assert list(runs) == ["nano/replays", "quickstart"]
    assert runs["nano/replays"].origin == ORIGIN
    assert runs["nano/replays"].suite == root / "nano" / "replays" / "suite.yaml"


def test_every_published_folder_has_a_name():
    folders = {path.parent.relative_to(PUBLISHED).as_posix() for path in PUBLISHED.rglob("*.csv")}
    assert set(published_runs()) == folders


@pytest.mark.parametrize("name", ["nano/replays", "quickstart"])
def test_a_name_is_found(root, name):
    assert find_published(name, root).folder == root / name


def test_a_folder_that_publish_wrote_is_found_by_its_path(root, tmp_path):
    run = find_published(str(tmp_path / "nano" / "replays"), root)
    assert (run.name, run.origin) == ("replays", ORIGIN)


def test_an_unknown_name_is_told_with_the_nearest(root):
    with pytest.raises(DataError, match="nothing is published under this name") as refused:
        find_published("nano/replay", root)
    assert refused.value.fix.startswith(
        "did you mean `nano/replays`? Published are nano/replays, quickstart;"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({**ORIGIN, "stages": 3}), "\x00"])
def test_a_damaged_origin_is_refused(root, text):
    (root / "nano" / "replays" / "provenance.json").write_text(text, "utf-8")
    with pytest.raises(DataError, match="can't be read"):
        published_runs(root)


def test_a_shipped_suite_has_its_place():
    assert place_of(SUITES / "nano" / "replays.yaml") == PUBLISHED / "nano" / "replays"


def test_a_suite_of_ones_own_has_none(tmp_path):
    (tmp_path / "mine.yaml").touch()
    assert place_of(tmp_path / "mine.yaml") is None


def test_a_package_without_a_checkout_has_none(monkeypatch, tmp_path):
    monkeypatch.setattr("lorr_bench.publish.catalog.PUBLISHED", tmp_path / "shipped" / "published")
    assert place_of(SUITES / "smoke.yaml") is None
