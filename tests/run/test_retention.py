"""Weights go when the policy does not keep them and nobody needs them; nothing else goes."""

from dataclasses import replace

import pytest
from finished_suite import ROUNDS, SUITE, finish, plan_of

from lorr_bench.errors import StoreError
from lorr_bench.run.retention import Retention
from lorr_bench.store.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def planned(tmp_path):
    return lambda values: plan_of(values, tmp_path)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def run(plan, store, keeper, scores=lambda point: 0.5, stop=lambda stage: False):
    """Do all stages in the order of the plan, as a driver would."""
    by_digest = {evaluation.digest: evaluation.point for evaluation in plan.evaluations}
    finished = set()
    for stage in plan.stages:
        if stop(stage):
            continue
        for needed in stage.inputs.values():
            input_stage = next(s for s in plan.stages if s.digest == needed)
            assert store.whole(input_stage), f"{stage.label} lacks {input_stage.label}"
        finish(store, stage, scores(by_digest[stage.digest]) if stage.digest in by_digest else 0.5)
        finished.add(stage.digest)
        keeper.stage_done(finished)
    return finished


def whole(plan, store, kind="train"):
    return {stage.digest for stage in plan.stages if stage.kind == kind and store.whole(stage)}


def test_last_keeps_every_final_model_and_the_reference(planned, store):
    plan = planned(SUITE)
    run(plan, store, Retention(plan, store, "last"))
    assert whole(plan, store) == set(plan.training.values())
    assert whole(plan, store, "reference") == {s.digest for s in plan.stages if s.kind == "reference"}


def test_last_frees_models_between_rounds_and_checkpoints_between_rollouts(planned, store):
    plan = planned(ROUNDS)
    between = {s.digest for s in plan.stages if s.kind == "train"} - set(plan.training.values())
    assert between
    run(plan, store, Retention(plan, store, "last"))
    assert whole(plan, store) == set(plan.training.values())
    assert all(store.read(stage, verify=True) is not None for stage in plan.stages)


@pytest.mark.parametrize("values", [SUITE, ROUNDS])
def test_none_frees_all_weights_and_no_result(planned, store, values):
    plan = planned(values)
    run(plan, store, Retention(plan, store, "none"))
    assert whole(plan, store) == set()
    assert whole(plan, store, "reference") == set()
    for kind in ("collect", "answer_math", "grade_math", "evaluate_general"):
        assert whole(plan, store, kind) == {s.digest for s in plan.stages if s.kind == kind}


@pytest.mark.parametrize("keep", ["last", "best", "none"])
def test_the_model_of_a_try_goes_as_soon_as_it_is_measured_whatever_is_kept(planned, store, keep):
    plan = replace(planned(SUITE), of_tries=True)
    run(plan, store, Retention(plan, store, keep))
    assert whole(plan, store) == set()
    assert whole(plan, store, "grade_math") == {s.digest for s in plan.stages if s.kind == "grade_math"}


def test_best_keeps_the_seed_with_the_highest_mean(planned, store):
    plan = planned(SUITE)
    # the second seed is better with 8 pairs, the first with 16; pass@2 says the opposite
    better = {(8, 1), (16, 0)}
    run(
        plan,
        store,
        Retention(plan, store, "best"),
        lambda p: 0.8 if (p.unique_pairs, p.seed) in better else 0.3,
    )
    kept = {plan.training[p] for p in plan.training if (p.unique_pairs, p.seed) in better}
    assert whole(plan, store) == kept
    assert whole(plan, store, "reference") == set()


def test_of_equal_seeds_the_first_stays(planned, store):
    plan = planned(SUITE)
    run(plan, store, Retention(plan, store, "best"))
    assert whole(plan, store) == {digest for point, digest in plan.training.items() if point.seed == 0}


def test_a_seed_without_a_value_does_not_win(planned, store):
    plan = planned(SUITE)
    run(plan, store, Retention(plan, store, "best"), lambda point: None if point.seed == 0 else 0.1)
    assert whole(plan, store) == {digest for point, digest in plan.training.items() if point.seed == 1}


def test_best_decides_nothing_while_a_seed_is_not_evaluated(planned, store):
    plan = planned(SUITE)
    behind = {e.digest for e in plan.evaluations if e.point.seed == 1}
    finished = run(plan, store, Retention(plan, store, "best"), stop=lambda stage: stage.digest in behind)
    assert whole(plan, store) == set(plan.training.values())
    for stage in plan.stages:
        if stage.digest in behind:
            finish(store, stage)
    finished |= behind
    Retention(plan, store, "best").stage_done(finished)  # the next run
    assert whole(plan, store) == {digest for point, digest in plan.training.items() if point.seed == 0}


def test_best_decides_nothing_where_a_score_is_damaged(planned, store):
    plan = planned(SUITE)
    last = plan.stages[-1]
    finished = run(plan, store, Retention(plan, store, "last"))
    (store.folder(last) / "scores.json").write_text("{}", "utf-8")
    point = next(e.point for e in plan.evaluations if e.digest == last.digest)
    Retention(plan, store, "best").stage_done(finished)
    group = {
        d for p, d in plan.training.items() if (p.arm, p.unique_pairs) == (point.arm, point.unique_pairs)
    }
    assert group <= whole(plan, store)


def test_what_another_run_reads_goes_later(planned, store):
    plan = planned(SUITE)
    keeper = Retention(plan, store, "none")
    answers = next(s for s in plan.stages if s.kind == "answer_math" and "model" in s.inputs)
    with store.claim(answers):
        finished = run(plan, store, keeper)
        assert whole(plan, store) == {answers.inputs["model"]}
    keeper.stage_done(finished)
    assert whole(plan, store) == set()


def test_weights_that_can_not_be_freed_are_told_and_stop_nothing(planned, store, monkeypatch):
    plan = planned(SUITE)
    notices = []

    def fail(stage, policy):
        raise StoreError("can't write", where="there")

    monkeypatch.setattr(store, "free", fail)
    run(plan, store, Retention(plan, store, "none", notices.append))
    assert "could not be freed: there: can't write" in notices[0]


def test_what_was_freed_before_is_not_due_again(planned, store):
    plan = planned(SUITE)
    finished = run(plan, store, Retention(plan, store, "none"))
    assert Retention(plan, store, "none").due(finished) == []
    assert Retention(plan, store, "best").due(finished) == []
