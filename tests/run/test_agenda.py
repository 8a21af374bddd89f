"""What can run next: random graphs run to their end, in order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_samples import numbered, sample

from lorr_bench.run.agenda import Agenda, unfinished


def graph(seed, size):
    """Random stages, each with up to three inputs among those before it."""
    rng = random.Random(seed)
    stages = []
    for number in range(size):
        inputs = rng.sample(stages, min(len(stages), rng.randrange(4)))
        kind = rng.choice(["train", "collect", "grade_math"])
        stages.append(numbered(kind, number, str(number), **{str(i): s.digest for i, s in enumerate(inputs)}))
    return stages


def everything(stage):
    return True


@pytest.mark.slow
@given(st.integers(0, 10_000), st.integers(0, 30))
def test_every_stage_is_given_once_and_after_its_inputs(seed, size):
    stages = graph(seed, size)
    agenda = Agenda(stages, {stage.digest for stage in stages}, set(), everything)
    given_out = []
    while (stage := agenda.take(everything)) is not None:
        assert set(stage.inputs.values()) <= set(given_out)
        agenda.done(stage.digest)
        given_out.append(stage.digest)
    assert sorted(given_out) == sorted(stage.digest for stage in stages)
    assert agenda.finished == set(given_out)


@pytest.mark.slow
@given(st.integers(0, 10_000), st.integers(1, 30), st.data())
def test_a_failure_drops_exactly_what_needs_it(seed, size, data):
    stages = graph(seed, size)
    broken = stages[data.draw(st.integers(0, size - 1))]
    behind = {broken.digest}
    for stage in stages:  # inputs come first
        if behind & set(stage.inputs.values()):
            behind.add(stage.digest)
    agenda = Agenda(stages, {stage.digest for stage in stages}, set(), everything)
    dropped = []
    while (stage := agenda.take(everything)) is not None:
        if stage is broken:
            dropped = agenda.drop(stage.digest)
        else:
            agenda.done(stage.digest)
    assert {stage.digest for stage in dropped} | {broken.digest} == behind
    assert agenda.finished == {stage.digest for stage in stages} - behind


@pytest.mark.slow
@given(st.integers(0, 10_000), st.integers(1, 30), st.data())
def test_what_has_to_run_is_closed_under_missing_inputs(seed, size, data):
    stages = graph(seed, size)
    digests = [stage.digest for stage in stages]
    finished = set(data.draw(st.lists(st.sampled_from(digests))))
    freed = set(data.draw(st.lists(st.sampled_from(digests))))
    wanted = set(data.draw(st.lists(st.sampled_from(digests))))
    todo = unfinished(stages, wanted, finished, lambda stage: stage.digest not in freed)
    there = finished - freed
    assert wanted - finished <= todo
    for stage in stages:
        if stage.digest in todo:
            assert set(stage.inputs.values()) <= todo | there
            needed = stage.digest in wanted or any(
                stage.digest in s.inputs.values() for s in stages if s.digest in todo
            )
            assert needed


def test_the_first_of_the_plan_that_somebody_takes_comes_first():
    collect, train, grade = (sample(kind, kind) for kind in ("collect", "train", "grade_math"))
    stages = [train, grade, collect]
    agenda = Agenda(stages, {stage.digest for stage in stages}, set(), everything)
    assert agenda.take(lambda stage: stage.pool != "train") is grade
    assert agenda.take(everything) is train
    assert agenda.take(lambda stage: False) is None
    assert agenda.take(everything) is collect


def test_a_stage_comes_back():
    stage = sample("train", "train")
    agenda = Agenda([stage], {stage.digest}, set(), everything)
    assert agenda.take(everything) is stage
    assert agenda.take(everything) is None
    agenda.requeue(stage.digest)
    assert agenda.take(everything) is stage


def test_work_done_again_needs_its_freed_inputs_again():
    first = sample("collect", "a")
    second = sample("train", "b", inputs={"pairs": first.digest})
    third = sample("answer_math", "c", inputs={"model": second.digest})
    agenda = Agenda(
        [first, second, third],
        {third.digest},
        {first.digest, second.digest},
        lambda stage: stage is not first,
    )
    assert agenda.take(everything) is third
    agenda.redo(second.digest)
    agenda.requeue(third.digest)
    order = []
    while (stage := agenda.take(everything)) is not None:
        order.append(stage)
        agenda.done(stage.digest)
    assert order == [first, second, third]
