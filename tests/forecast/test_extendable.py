"""That a run which is about to ask all prompts anew says how to keep the answers that are there."""

import pytest

from lorr_bench.data.pairs import write_pairs
from lorr_bench.forecast.pair_counts import extendable_line, pair_lines
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def planned(plan_of, values):
    """A plan that collects answers as told."""
    return lambda **changes: plan_of(data={"collect": {**values["data"]["collect"], **changes}})


def finish(store, stage):
    with store.writing(stage) as draft:
        write_pairs(draft.folder / "pairs.jsonl", [])
        draft.commit(Outcome())


@pytest.mark.slow
def test_the_largest_collection_that_could_be_extended_is_named(store, planned):
    for prompts in (30, 50, 90):
        finish(store, planned(num_prompts=prompts).first_pairs)
    line = (
        "The store has the answers to the first 50 of 80 prompts: `extends: [50]` in data.collect keeps them; "
        "without it, all prompts are asked anew."
    )
    assert extendable_line(planned(num_prompts=80), store) == line
    assert list(pair_lines(planned(num_prompts=80), store))[1:] == [line]


@pytest.mark.parametrize(
    "changes", [{"temperature": 0.5}, {"extends": [50]}, {"num_prompts": 40}, {"num_prompts": 50}]
)
def test_nothing_is_said_of_answers_that_can_not_be_kept_or_are(store, planned, changes):
    finish(store, planned(num_prompts=50).first_pairs)
    assert extendable_line(planned(**{"num_prompts": 80, **changes}), store) is None
