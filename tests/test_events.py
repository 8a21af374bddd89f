"""What happens in a run, as values: on the wire between processes, and told to whoever watches."""

import json

import pytest

from lorr_bench import events
from lorr_bench.events import Advanced, Alive, Busy, Ended, Entered, Failed, Noted, RunEnded, Spoiled

OF_WORKERS = [
    Alive(),
    Advanced("a1", done=1, total=4, tokens=100),
    Entered("a1", "engine_start"),
    Ended("a1", seconds=1.5, tokens=100),
    Failed("a1", "it broke", lasting=True),
    Failed("a1", "no room", disk_full=True),
    Busy("a1", "process 7 on node"),
    Spoiled("a1", input="b2"),
    Noted("a fresh engine is started"),
]


@pytest.mark.parametrize("event", OF_WORKERS, ids=lambda event: type(event).__name__)
def test_what_a_worker_says_arrives_as_it_was(event):
    assert events.from_dict(json.loads(json.dumps(events.to_dict(event)))) == event


def test_an_event_is_its_name_and_its_fields():
    said = {"event": "Advanced", "digest": "a1", "done": 1, "total": 4, "tokens": 100}
    assert events.to_dict(Advanced("a1", 1, 4, 100)) == said


@pytest.mark.parametrize(
    ("said", "error"), [({"event": "RunEnded"}, KeyError), ({"event": "Alive", "digest": "a1"}, TypeError)]
)
def test_what_no_worker_says_is_refused(said, error):
    with pytest.raises(error):
        events.from_dict(said)


def test_several_watchers_are_told_everything_in_their_order():
    told = []
    watch = events.tell_all(
        lambda event: told.append((1, event)),
        lambda event: told.append((2, event)),
    )
    for event in (Noted("a"), RunEnded()):
        watch(event)
    assert told == [(1, Noted("a")), (2, Noted("a")), (1, RunEnded()), (2, RunEnded())]


def test_a_text_becomes_a_note():
    told = []
    events.notes_to(told.append)("look here")
    assert told == [Noted("look here")]
