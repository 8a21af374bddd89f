"""The stages of one arm: which there are, what they read, what they are called."""

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.plan import plan as planning
from lorr_bench.plan.arms import training_lines
from lorr_bench.plan.kinds.prompts import Round
from lorr_bench.values import Point

THREE_ROUNDS = [Round(1, 3), Round(2, 3), Round(3, 3)]

BATCH = {"per_device_train_batch_size": 4}
PLAIN = {"plain": {}}
ROLLOUTS = {"plugins": {**PLAIN, "rollouts": {"type": "lorr", "rollout_ratio": 0.25}}}
ROLLOUTS["budget"] = {"unique_pairs": [8, 16], "equal": "prompts"}  # rollouts cost answers


def rounds(count=3, **more):
    return {"dpo": {**BATCH, "iterative": {"rounds": count, **more}}}


def chain(plan, point):
    """Every stage that a training needs, by label, with the labels of its inputs by role.

    All stages of the engine have the fingerprint of the start model besides, which one test holds.
    """
    stages = {stage.digest: stage for stage in plan.stages}
    needed, found = [plan.training[point]], {}
    while needed:
        stage = stages[needed.pop()]
        inputs = {role: digest for role, digest in stage.inputs.items() if role != "start"}
        found[stage.label] = {role: stages[digest].label for role, digest in inputs.items()}
        needed += inputs.values()
    return found


def labelled(plan, beginning):
    return [stage for stage in plan.stages if stage.label.startswith(beginning)]


def trainings(plan, arm, pairs=8):
    return labelled(plan, f"train {arm}, {pairs} pairs, seed 0")


def test_one_round(plan_of):
    assert chain(plan_of(), Point("dpo+lorr", 8, 0)) == {
        "collect, seed 0": {},
        "reference, trl on pairs, seed 0": {"pairs": "collect, seed 0"},
        "train dpo+lorr, 8 pairs, seed 0": {
            "pairs": "collect, seed 0",
            "reference": "reference, trl on pairs, seed 0",
        },
    }


def test_a_method_without_reference_has_no_such_stage(plan_of):
    plan = plan_of(methods={"simpo": BATCH})
    assert chain(plan, Point("simpo+plain", 8, 0)) == {
        "collect, seed 0": {},
        "train simpo+plain, 8 pairs, seed 0": {"pairs": "collect, seed 0"},
    }


def test_each_round_collects_from_the_policy_before_and_refers_to_it(plan_of):
    plan = plan_of(methods=rounds(), plugins=PLAIN)
    arm = "dpo+plain, 8 pairs, seed 0"
    assert chain(plan, Point("dpo+plain", 8, 0)) == {
        "collect, seed 0, round 1 of 3": {},
        "reference, trl on pairs, seed 0": {"pairs": "collect, seed 0, round 1 of 3"},
        f"train {arm}, round 1 of 3": {
            "pairs": "collect, seed 0, round 1 of 3",
            "reference": "reference, trl on pairs, seed 0",
        },
        f"collect: {arm}, round 2 of 3": {"model": f"train {arm}, round 1 of 3"},
        f"reference: {arm}, round 2 of 3": {
            "pairs": f"collect: {arm}, round 2 of 3",
            "model": f"train {arm}, round 1 of 3",
        },
        f"train {arm}, round 2 of 3": {
            "pairs": f"collect: {arm}, round 2 of 3",
            "reference": f"reference: {arm}, round 2 of 3",
            "model": f"train {arm}, round 1 of 3",
        },
        f"collect: {arm}, round 3 of 3": {"model": f"train {arm}, round 2 of 3"},
        f"reference: {arm}, round 3 of 3": {
            "pairs": f"collect: {arm}, round 3 of 3",
            "model": f"train {arm}, round 2 of 3",
        },
        f"train {arm}, round 3 of 3": {
            "pairs": f"collect: {arm}, round 3 of 3",
            "reference": f"reference: {arm}, round 3 of 3",
            "model": f"train {arm}, round 2 of 3",
        },
    }


def test_the_reference_may_stay_the_start_model(plan_of):
    plan = plan_of(methods=rounds(reference="start"), plugins=PLAIN)
    found = chain(plan, Point("dpo+plain", 8, 0))
    for number in (2, 3):
        label = f"dpo+plain, 8 pairs, seed 0, round {number} of 3"
        assert found[f"reference: {label}"] == {"pairs": f"collect: {label}"}


def test_rounds_split_prompts_and_pairs(plan_of):
    plan = plan_of(methods=rounds(), plugins=PLAIN)
    assert [stage.parameters.unique_pairs for stage in trainings(plan, "dpo+plain")] == [2, 3, 3]
    assert [stage.parameters.round for stage in trainings(plan, "dpo+plain")] == THREE_ROUNDS
    later = labelled(plan, "collect: dpo+plain, 8 pairs, seed 0")
    first = labelled(plan, "collect, seed 0, round 1 of 3")
    assert [stage.parameters.part for stage in (*first, *later)] == THREE_ROUNDS


def test_rounds_that_reuse_have_all_prompts_and_pairs_each(plan_of):
    plan = plan_of(methods=rounds(prompts="reuse"), plugins=PLAIN)
    assert [stage.parameters.unique_pairs for stage in trainings(plan, "dpo+plain")] == [8, 8, 8]
    collections = [stage for stage in plan.stages if stage.kind == "collect"]
    assert collections
    assert not any(stage.parameters.part for stage in collections)


@pytest.mark.slow
def test_the_first_round_of_reuse_is_the_collection_of_the_seed(plan_of):
    methods = {**rounds(prompts="reuse"), "simpo": BATCH}
    plan = plan_of(methods=methods, plugins=PLAIN)
    first = trainings(plan, "dpo+plain")[0]
    [own] = trainings(plan, "simpo+plain")
    assert first.inputs["pairs"] == own.inputs["pairs"]


def collecting(values, **changes):
    """The collection of a suite with some of its values changed."""
    return {"data": {"collect": {**values["data"]["collect"], **changes}}}


def test_an_extended_collection_goes_on_from_the_one_that_was_there(plan_of, values):
    before, after = plan_of(), plan_of(**collecting(values, num_prompts=80, extends=[50]))
    begun, whole = labelled(after, "collect, seed 0")
    assert (begun.label, begun.digest) == (
        "collect, seed 0, first 50 prompts",
        before.first_pairs.digest,
    )
    assert chain(after, Point("dpo+plain", 8, 0))["collect, seed 0"] == {"collection": begun.label}
    assert after.first_pairs is whole
    assert (begun.work({}).answers, whole.work({"collection": begun}).answers) == (50 * 4, 30 * 4)


def test_a_collection_is_extended_again_and_again(plan_of, values):
    plan = plan_of(**collecting(values, num_prompts=90, extends=[50, 60, 80]))
    stages = labelled(plan, "collect, seed 1")
    assert [stage.parameters.num_prompts for stage in stages] == [50, 60, 80, 90]
    assert [stage.inputs.get("collection") for stage in stages] == [
        None,
        *[stage.digest for stage in stages[:-1]],
    ]


@pytest.mark.parametrize("changed", [{"temperature": 0.5}, {"num_samples": 5}, {"source": "nano/easy"}])
def test_what_is_drawn_otherwise_extends_nothing_that_was_there(plan_of, values, changed):
    before = plan_of()
    after = plan_of(**collecting(values, num_prompts=80, extends=[50], **changed))
    assert {stage.digest for stage in labelled(after, "collect")}.isdisjoint(
        stage.digest for stage in labelled(before, "collect")
    )


def test_of_several_rounds_the_first_is_extended(plan_of, values):
    """The policies behind it are others, and so are their answers. A third of 51 prompts is one of 52."""
    data = collecting(values, num_prompts=80, extends=[51, 52])
    plan = plan_of(**data, methods=rounds(), plugins=PLAIN)
    first = labelled(plan, "collect, seed 0, round 1 of 3")
    assert [stage.parameters.asked for stage in first] == [17, 26]
    assert first[1].inputs["collection"] == first[0].digest
    later = labelled(plan, "collect: dpo+plain, 8 pairs, seed 0")
    assert [set(stage.inputs) for stage in later] == [{"start", "model"}] * 2
    assert plan.first_pairs is first[1]


def test_each_round_may_have_a_temperature(plan_of):
    methods = rounds(temperature=[1.0, 0.75, 0.5], prompts="reuse")
    plan = plan_of(methods=methods, plugins=PLAIN)
    stages = [*labelled(plan, "collect, seed 0"), *labelled(plan, "collect: dpo+plain, 8 pairs, seed 0")]
    assert [stage.parameters.temperature for stage in stages] == [1.0, 0.75, 0.5]


def test_rollouts_train_replay_by_replay(plan_of):
    plan = plan_of(**ROLLOUTS)
    arm = "dpo+rollouts, 8 pairs, seed 0"
    assert chain(plan, Point("dpo+rollouts", 8, 0)) == {
        "collect, seed 0": {},
        "reference, trl on pairs, seed 0": {"pairs": "collect, seed 0"},
        f"train {arm}, up to replay 1": {
            "pairs": "collect, seed 0",
            "reference": "reference, trl on pairs, seed 0",
        },
        f"rollouts before replay 2: {arm}": {
            "pairs": "collect, seed 0",
            "model": f"train {arm}, up to replay 1",
        },
        f"reference before replay 2: {arm}": {"pairs": f"rollouts before replay 2: {arm}"},
        f"train {arm}, up to replay 2": {
            "pairs": f"rollouts before replay 2: {arm}",
            "collection": "collect, seed 0",
            "reference": f"reference before replay 2: {arm}",
            "before": f"train {arm}, up to replay 1",
        },
        f"rollouts before replay 3: {arm}": {
            "pairs": f"rollouts before replay 2: {arm}",
            "model": f"train {arm}, up to replay 2",
        },
        f"reference before replay 3: {arm}": {"pairs": f"rollouts before replay 3: {arm}"},
        f"train {arm}": {
            "pairs": f"rollouts before replay 3: {arm}",
            "collection": "collect, seed 0",
            "reference": f"reference before replay 3: {arm}",
            "before": f"train {arm}, up to replay 2",
        },
    }
    assert [stage.parameters.stop_after for stage in trainings(plan, "dpo+rollouts")] == [1, 2, 3]
    assert len({stage.parameters.sft_weights for stage in trainings(plan, "dpo+rollouts")}) == 1


def test_rollouts_are_sampled_as_the_collection_is(plan_of):
    plan = plan_of(**ROLLOUTS)
    collection = labelled(plan, "collect, seed 0")[0]
    refreshes = labelled(plan, "rollouts before replay 2: dpo+rollouts, 8 pairs, seed 0")
    assert refreshes[0].parameters.to_dict() == {
        **collection.parameters.to_dict(),
        "rollout_ratio": 0.25,
        "unique_pairs": 8,
        "max_length": 1024,
        "replay": 2,
    }
    assert refreshes[0].setting == collection.setting


def test_rollouts_within_rounds(plan_of):
    plugins = {"rollouts": {"type": "lorr", "replays": 2, "rollout_ratio": 0.5}}
    plan = plan_of(methods=rounds(2, temperature=[1.0, 0.5]), plugins=plugins)
    arm = "dpo+rollouts, 8 pairs, seed 0"
    found = chain(plan, Point("dpo+rollouts", 8, 0))
    assert found[f"train {arm}, round 2 of 2, up to replay 1"] == {
        "pairs": f"collect: {arm}, round 2 of 2",
        "reference": f"reference: {arm}, round 2 of 2",
        "model": f"train {arm}, round 1 of 2",
    }
    assert found[f"rollouts before replay 2: {arm}, round 2 of 2"] == {
        "pairs": f"collect: {arm}, round 2 of 2",
        "model": f"train {arm}, round 2 of 2, up to replay 1",
    }
    assert found[f"reference before replay 2: {arm}, round 2 of 2"] == {
        "pairs": f"rollouts before replay 2: {arm}, round 2 of 2",
        "model": f"train {arm}, round 1 of 2",
    }
    assert found[f"train {arm}, round 2 of 2"] == {
        "pairs": f"rollouts before replay 2: {arm}, round 2 of 2",
        "collection": f"collect: {arm}, round 2 of 2",
        "reference": f"reference before replay 2: {arm}, round 2 of 2",
        "model": f"train {arm}, round 1 of 2",
        "before": f"train {arm}, round 2 of 2, up to replay 1",
    }
    refreshes = labelled(plan, f"rollouts before replay 2: {arm}")
    asked = [stage.parameters for stage in refreshes]
    # replays are counted over all rounds: the second of two rounds of two replays ends with the fourth
    assert [(p.refreshed.replay, p.refreshed.unique_pairs, p.temperature, p.part) for p in asked] == [
        (2, 4, 1.0, Round(1, 2)),
        (4, 4, 0.5, Round(2, 2)),
    ]


def test_arms_share_the_first_round_and_no_other(plan_of):
    plan = plan_of(methods=rounds(2), plugins={**PLAIN, "lorr": {}})
    plain, lorr = trainings(plan, "dpo+plain"), trainings(plan, "dpo+lorr")
    assert plain[0].inputs == lorr[0].inputs
    assert set(plain[0].inputs) == {"pairs", "reference"}
    assert not set(plain[1].inputs.values()) & set(lorr[1].inputs.values())


def test_data_budgets_share_the_first_round(plan_of):
    plan = plan_of(methods=rounds(2), plugins=PLAIN)
    small, large = trainings(plan, "dpo+plain", 8), trainings(plan, "dpo+plain", 16)
    assert small[0].inputs == large[0].inputs
    assert not set(small[1].inputs.values()) & set(large[1].inputs.values())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"methods": rounds()},
        {"methods": rounds(prompts="reuse")},
        {"methods": {**rounds(), "simpo": {}}},
        ROLLOUTS,
    ],
    ids=["one round", "rounds", "reuse", "both", "rollouts"],
)
def test_every_stage_is_an_evaluation_or_needed_by_a_training(plan_of, changes):
    plan = plan_of(**changes)
    needed = {label for point in plan.training for label in chain(plan, point)}
    others = {stage.kind for stage in plan.stages if stage.label not in needed}
    measuring = {"answer_math", "grade_math", "evaluate_general", "contamination", "families"}
    assert others == {"fingerprint", *measuring}


@pytest.mark.parametrize("changes", [{}, {"methods": rounds()}, ROLLOUTS], ids=["one", "rounds", "rollouts"])
def test_every_stage_of_the_engine_has_the_fingerprint_of_the_start_model(plan_of, changes):
    plan = plan_of(**changes)
    [start] = [stage.digest for stage in plan.stages if stage.kind == "fingerprint"]
    for stage in plan.stages:
        assert (stage.inputs.get("start") == start) == (stage.worker_pool == "engine"), stage.label


@pytest.mark.parametrize(
    ("use_vllm", "gpu_build", "drawn"),
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
def test_what_draws_the_answers_of_an_online_method(plan_of, monkeypatch, use_vllm, gpu_build, drawn):
    """Only vLLM's build for GPUs is a package called `vllm`."""
    monkeypatch.setattr(planning, "has_gpu_build", lambda: gpu_build)
    settings = {} if use_vllm is None else {"use_vllm": use_vllm}
    plan = plan_of(methods={"grpo": settings}, plugins=PLAIN)
    [train, *_] = [stage for stage in plan.stages if stage.kind == "train"]
    [start] = [stage.digest for stage in plan.stages if stage.kind == "fingerprint"]
    assert (train.inputs.get("start") == start) == drawn
    assert ("engine" in train.parameters.to_dict()) == drawn
    assert (train.setting.options is not None) == drawn
    assert train.worker_pool == ("engine" if drawn else "train")
    assert ("use_vllm" in train.parameters.hyperparameters) == (use_vllm is not None)


def test_several_processes_draw_their_answers_themselves(plan_of, monkeypatch):
    monkeypatch.setattr(planning, "has_gpu_build", lambda: True)
    plan = plan_of(methods={"grpo": {}}, plugins=PLAIN, training={"num_processes": 2})
    [train, *_] = [stage for stage in plan.stages if stage.kind == "train"]
    assert train.parameters.generator is None


@pytest.mark.parametrize("pairs", [2, 1])
def test_fewer_pairs_than_rounds_are_refused(plan_of, pairs):
    with pytest.raises(
        SuiteError, match=rf"dpo\+plain: {pairs} pairs can't be split into 3 rounds"
    ) as caught:
        plan_of(methods=rounds(), plugins=PLAIN, budget={"unique_pairs": [pairs]})
    assert caught.value.fix == "Raise the budget, or lower `iterative.rounds`."


def test_reuse_splits_nothing_and_takes_any_number_of_pairs(plan_of):
    plan_of(methods=rounds(prompts="reuse"), plugins=PLAIN, budget={"unique_pairs": [1]})


# --- priming ---------------------------------------------------------------------------------------------

PRIMING = {"unique_pairs": 4, "replays": 5}
PRIME = "prime dpo on the first 4 pairs, 5 replays, seed 0"


def primed(**more):
    return {"dpo": {**BATCH, "learning_rate": 1e-4, "priming": {**PRIMING, **more}}}


def test_a_primed_arm_begins_where_the_priming_ends_and_refers_to_the_start(plan_of):
    assert chain(plan_of(methods=primed()), Point("dpo+lorr", 8, 0)) == {
        "collect, seed 0": {},
        "reference, trl on pairs, seed 0": {"pairs": "collect, seed 0"},
        PRIME: {"pairs": "collect, seed 0", "reference": "reference, trl on pairs, seed 0"},
        "train dpo+lorr, 8 pairs, seed 0": {
            "pairs": "collect, seed 0",
            "reference": "reference, trl on pairs, seed 0",
            "primed": PRIME,
        },
    }


def test_a_priming_is_the_loop_alone_over_the_first_pairs(plan_of):
    [stage] = labelled(plan_of(methods=primed(settings={"learning_rate": 1e-3})), PRIME)
    parameters = stage.parameters
    assert (parameters.unique_pairs, parameters.sft_weights, parameters.stop_after) == (4, (0.0,) * 5, 5)
    assert (parameters.reset, parameters.round, parameters.seed) == (None, Round(1, 1), 0)
    assert parameters.hyperparameters["learning_rate"] == 1e-3
    assert parameters.hyperparameters["per_device_train_batch_size"] == 4


def test_all_arms_and_budgets_of_a_seed_begin_with_one_priming(plan_of):
    """Whatever the settings of one arm are: two seeds, two primings."""
    plan = plan_of(methods=primed(), overrides={"dpo+lorr": {"learning_rate": 1e-2}})
    primings = labelled(plan, "prime ")
    assert [stage.label for stage in primings] == [PRIME, PRIME.replace("seed 0", "seed 1")]
    assert {stage.parameters.hyperparameters["learning_rate"] for stage in primings} == {1e-4}
    begun = {stage.inputs["primed"] for stage in labelled(plan, "train ")}
    assert begun == {stage.digest for stage in primings}


def test_a_priming_is_the_training_of_an_arm_that_does_the_same(plan_of):
    """Same digest, same work: an arm of five replays alone on the same four pairs."""
    plugins = {**PLAIN, "five": {"type": "lorr", "replays": 5, "reset": "off", "sft": "off"}}
    alone = plan_of(
        methods={"dpo": {**BATCH, "learning_rate": 1e-4}}, plugins=plugins, budget={"unique_pairs": [4]}
    )
    [priming, _] = labelled(plan_of(methods=primed()), "prime ")
    assert alone.training[Point("dpo+five", 4, 0)] == priming.digest


def test_an_arm_that_is_not_primed_is_the_work_it_was(plan_of):
    before = plan_of().training
    both = {
        "dpo": plan_of().suite.methods["dpo"].model_dump(exclude_none=True),
        "primed": {"adapter": "dpo", **primed()["dpo"]},
    }
    after = plan_of(methods=both).training
    assert {point: after[point] for point in before} == before
    assert not {digest for point, digest in after.items() if point not in before} & set(before.values())


def test_a_priming_comes_before_the_first_round_alone(plan_of):
    methods = {"dpo": {**BATCH, "priming": {"unique_pairs": 2, "replays": 5}, "iterative": {"rounds": 2}}}
    plan = plan_of(methods=methods, plugins=PLAIN)
    arm = "dpo+plain, 8 pairs, seed 0"
    found = chain(plan, Point("dpo+plain", 8, 0))
    first = "prime dpo on the first 2 pairs, 5 replays, seed 0"
    assert found[first]["pairs"] == "collect, seed 0, round 1 of 2"
    assert found[f"train {arm}, round 1 of 2"]["primed"] == first
    assert found[f"train {arm}, round 1 of 2"]["reference"] == found[first]["reference"]
    assert "primed" not in found[f"train {arm}, round 2 of 2"]
    assert found[f"train {arm}, round 2 of 2"]["model"] == f"train {arm}, round 1 of 2"


def test_every_part_between_rollouts_begins_at_the_primed_model(plan_of):
    plan = plan_of(**{**ROLLOUTS, "methods": primed()})
    begun = [stage.inputs["primed"] for stage in trainings(plan, "dpo+rollouts")]
    assert begun == [labelled(plan, PRIME)[0].digest] * 3


def test_a_priming_of_labels_has_a_reference_of_its_own_pairs(plan_of):
    """KTO's KL estimate mixes rows, and must not look at those beyond the priming."""
    plan = plan_of(methods={"kto": primed()["dpo"]}, plugins={"plain": {}})
    stages = {stage.digest: stage for stage in plan.stages}
    [first, _] = labelled(plan, "prime ")
    assert stages[first.inputs["reference"]].parameters.unique_pairs == 4


# --- label noise -----------------------------------------------------------------------------------------

NOISES = {
    **PLAIN,
    "less": {"type": "plain", "label_noise": 0.1},
    "more": {"type": "plain", "label_noise": 0.3},
}


def test_noisy_arms_have_references_of_pairs_that_are_the_same_way_round(plan_of):
    plan = plan_of(plugins=NOISES)
    for plugin, text in (("plain", ""), ("less", ", label noise 0.1"), ("more", ", label noise 0.3")):
        found = chain(plan, Point(f"dpo+{plugin}", 8, 1))
        assert found[f"train dpo+{plugin}, 8 pairs, seed 1"]["reference"] == (
            f"reference, trl on pairs, seed 1{text}"
        )
    noises = [stage.parameters.label_noise for stage in labelled(plan, "reference, trl on pairs, seed 1")]
    assert [noise and (noise.share, noise.seed) for noise in noises] == [None, (0.1, 1), (0.3, 1)]


def test_noise_is_the_same_for_all_plugins_budgets_and_the_priming(plan_of):
    lorr = {"type": "lorr", "label_noise": 0.3}
    plan = plan_of(methods=primed(), plugins={**NOISES, "lorr": lorr})
    noisy = [stage for stage in plan.stages if stage.kind == "train" and stage.parameters.label_noise]
    assert {(stage.parameters.seed, stage.parameters.label_noise.seed) for stage in noisy} == {(0, 0), (1, 1)}
    [shared] = labelled(plan, f"{PRIME}, label noise 0.3")
    of_more = [stage for stage in noisy if stage.label.startswith(("train dpo+more", "train dpo+lorr"))]
    assert len(of_more) == 8
    assert {stage.inputs["primed"] for stage in of_more if stage.parameters.seed == 0} == {shared.digest}
    assert len({stage.inputs["reference"] for stage in of_more if stage.parameters.seed == 0}) == 1


def test_no_noise_is_the_work_of_an_arm_that_says_nothing_of_it(plan_of):
    silent = plan_of(plugins=PLAIN).training
    assert plan_of(plugins={"plain": {"label_noise": 0.0}}).training == silent


def test_a_plan_says_in_words_what_is_primed_and_what_is_noisy(plan_of):
    methods = {"simpo": BATCH, "dpo": {**BATCH, "priming": PRIMING}}
    assert list(training_lines(plan_of(methods=methods, plugins=NOISES).arms)) == [
        "Priming: each arm of dpo begins after 5 replays of the first 4 pairs, which it is charged.",
        "Label noise, share of training pairs whose responses are swapped: simpo+less 0.1, simpo+more 0.3, "
        "dpo+less 0.1, dpo+more 0.3.",
    ]
    assert list(training_lines(plan_of().arms)) == []
