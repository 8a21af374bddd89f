"""What is spent before a kill stays charged: seconds add up, the largest memory counts."""

import json
from types import SimpleNamespace

import pytest

from lorr_bench.stages.training.spent import Meter, Spent

LOOP = SimpleNamespace(measuring_seconds=0.5)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "spent.json"


def meter(file, *times, peak=100, loop=LOOP):
    return Meter(file, loop, lambda: peak, iter(times).__next__)


def test_seconds_add_up_and_memory_does_not():
    assert Spent(2.0, 70).and_then(3.0, 50) == Spent(5.0, 70)


def test_measuring_is_not_training(file):
    meter(file, 10.0, 14.0).save()
    assert json.loads(file.read_text("utf-8")) == {"seconds": 3.5, "peak_memory_bytes": 100}


def test_a_process_goes_on_from_what_the_one_before_saved(file):
    meter(file, 10.0, 14.0, peak=300).save()
    second = meter(file, 0.0, 2.0)
    second.save()
    assert second.before == Spent(3.5, 300)
    assert meter(file, 0.0).before == Spent(5.0, 300)


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"second": 1}'])
def test_without_a_sound_file_nothing_was_spent(file, text):
    if text is not None:
        file.write_text(text, "utf-8")
    assert meter(file, 0.0).before == Spent()
