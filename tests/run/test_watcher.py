"""Several watchers as one."""

from types import SimpleNamespace

import pytest
from stage_samples import sample

from lorr_bench.run.watcher import Watchers

STAGE = sample("train", "train plain")
CALLS = {
    "begin": (object(), [STAGE], []),
    "stage_begins": (STAGE, "train 1"),
    "stage_advances": (STAGE, 1, 2, 3),
    "stage_ends": (STAGE, 1.0, 3),
    "stage_retries": (STAGE, "reason", 5.0),
    "stage_fails": (STAGE, "reason"),
    "stages_dropped": ([STAGE], "reason"),
    "note": ("text",),
    "finish": (),
}


@pytest.mark.parametrize("name", CALLS)
def test_everything_is_passed_to_every_watcher(name):
    heard = []
    watchers = [
        SimpleNamespace(**{name: lambda *given, number=number: heard.append((number, given))})
        for number in (1, 2)
    ]
    getattr(Watchers(watchers), name)(*CALLS[name])
    assert heard == [(1, CALLS[name]), (2, CALLS[name])]
