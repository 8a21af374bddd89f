"""The stages of a collection that a reward model scores, and what their digests depend on."""

import pytest

from lorr_bench.plan.kinds.registry import stage_from_dict

JUDGE = {"path": "owner/judge", "revision": "abc"}
ROUNDS = {"iterative": {"rounds": 2}, "plugins": ["plain"], "per_device_train_batch_size": 4}
ROLLOUTS = {"type": "lorr", "replays": 2, "rollout_ratio": 0.5, "unique_pairs": [8]}


@pytest.fixture
def scored(plan_of, values):
    """A plan whose answers a reward model scores, with some of its values replaced."""

    def make(judge=None, collect=None, **changes):
        changed = {**values["data"]["collect"], "pair_rule": "best_worst", **(collect or {})}
        data = {"collect": {**changed, "reward_model": {**JUDGE, **(judge or {})}}}
        return plan_of(data=data, seeds=[0], analysis={}, **changes)

    return make


def of(plan, kind):
    return [stage for stage in plan.stages if stage.kind == kind]


def digests(plan, kind):
    return [stage.digest for stage in of(plan, kind)]


def test_answers_are_drawn_scored_and_paired_by_stages_of_their_own(scored):
    plan = scored()
    (start,), (drawn,), (judged,), (paired,) = (
        of(plan, kind) for kind in ("fingerprint", "sample", "score", "pair_scored")
    )
    assert of(plan, "collect") == []
    assert drawn.inputs == {"start": start.digest}
    assert judged.inputs == {"answers": drawn.digest}
    assert paired.inputs == {"answers": drawn.digest, "scores": judged.digest}
    assert (drawn.label, judged.label, paired.label) == (
        "collect, seed 0: answers",
        "collect, seed 0: scores",
        "collect, seed 0",
    )
    assert [drawn.pool, judged.pool, paired.pool] == ["engine", "train", "grade"]
    assert {stage.inputs["pairs"] for stage in of(plan, "train")} == {paired.digest}
    assert (plan.first_pairs, plan.first_asked) == (paired, drawn)


def test_answers_come_before_the_model_that_scores_them(scored):
    plan = scored()
    before = {stage.digest: place for place, stage in enumerate(plan.stages)}
    assert all(before[needed] < before[s.digest] for s in plan.stages for needed in s.inputs.values())


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"judge": {"path": "owner/other"}}, {"sample"}),
        ({"judge": {"max_length": 64}}, {"sample"}),
        ({"judge": {"batch_size": 1}}, {"sample"}),
        ({"collect": {"pair_rule": "best_random"}}, {"sample", "score"}),
        ({"collect": {"truncated": "pair"}}, {"sample", "score"}),
        ({"collect": {"grading": {"percent": "number"}}}, {"sample", "score", "pair_scored"}),
        ({"collect": {"temperature": 0.5}}, set()),
        ({"engine": {"max_model_len": 96}}, set()),
    ],
)
def test_a_change_makes_anew_what_rests_on_it_alone(scored, changes, same):
    before, after = scored(), scored(**changes)
    kinds = ("sample", "score", "pair_scored")
    assert {kind for kind in kinds if digests(before, kind) == digests(after, kind)} == same


def test_where_a_reward_model_lies_is_no_part_of_its_work(scored, tmp_path, small_model):
    moved = tmp_path / "moved"
    moved.symlink_to(small_model)
    here, there = (scored(judge={"path": str(path), "revision": None}) for path in (small_model, moved))
    assert digests(here, "score") == digests(there, "score")


def test_an_extended_collection_asks_what_is_behind(scored):
    before, after = scored(), scored(collect={"num_prompts": 80, "extends": [50]})
    first, behind = of(after, "sample")
    assert [first.digest] == digests(before, "sample")
    assert (first.parameters.after, behind.parameters.after) == (None, 50)
    assert (first.work({}).answers, behind.work({}).answers) == (50 * 4, 30 * 4)
    begun, whole = of(after, "pair_scored")
    assert [begun.digest] == digests(before, "pair_scored")
    assert whole.inputs["collection"] == begun.digest
    assert (after.first_pairs, after.first_asked) == (whole, behind)
    assert [stage.inputs["answers"] for stage in of(after, "score")] == [first.digest, behind.digest]


def test_the_policies_of_rounds_answer_what_is_scored(scored):
    plan = scored(methods={"dpo": ROUNDS}, plugins={"plain": {}}, budget={"unique_pairs": [8]})
    first, second = of(plan, "sample")
    assert [stage.parameters.part.number for stage in (first, second)] == [1, 2]
    trained, _ = of(plan, "train")
    assert second.inputs["model"] == trained.digest
    assert [stage.parameters.asked for stage in of(plan, "pair_scored")] == [25, 25]


def test_rollouts_are_drawn_scored_and_paired_likewise(scored):
    plan = scored(
        plugins={"plain": {}, "rollouts": ROLLOUTS}, budget={"unique_pairs": [8], "equal": "prompts"}
    )
    (refreshed,) = of(plan, "refresh_scored")
    assert of(plan, "refresh") == []
    drawn = next(s for s in plan.stages if s.digest == refreshed.inputs["answers"])
    (paired,) = of(plan, "pair_scored")
    before = next(s for s in plan.stages if s.digest == drawn.inputs["model"])
    assert (before.kind, before.parameters.stop_after) == ("train", 1)
    assert drawn.inputs["pairs"] == refreshed.inputs["pairs"] == paired.digest
    assert (drawn.parameters.refreshed.replay, drawn.work({}).answers) == (2, 8 * 0.5 * 4)
    last = next(s for s in of(plan, "train") if s.inputs["pairs"] == refreshed.digest)
    assert last.inputs["collection"] == paired.digest


def test_work_of_scoring_is_that_of_its_answers(scored):
    plan = scored(judge={"max_length": 20})
    (drawn,), (judged,), (paired,) = (of(plan, kind) for kind in ("sample", "score", "pair_scored"))
    known = judged.work({"answers": drawn})
    assert (known.units, known.tokens, known.devices) == (200, 200 * 20, 1)
    assert judged.work({}).units is paired.work({}).units is None
    assert paired.work({"answers": drawn, "scores": judged}).answers == 200


def test_what_loads_the_reward_model_is_what_the_suite_says(scored):
    (judged,) = of(scored(judge={"dtype": "bfloat16", "batch_size": 2, "max_length": 64}), "score")
    found = judged.reward_model
    assert (found.path, found.dtype) == ("owner/judge", "bfloat16")
    assert (found.batch_size, found.max_length, found.trust_remote_code) == (2, 64, False)


def test_stages_are_read_back_from_their_json(scored):
    plan = scored(
        plugins={"plain": {}, "rollouts": ROLLOUTS}, budget={"unique_pairs": [8], "equal": "prompts"}
    )
    for stage in plan.stages:
        again = stage_from_dict(stage.to_dict())
        assert (again, again.digest) == (stage, stage.digest)
