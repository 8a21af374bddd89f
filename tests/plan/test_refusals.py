"""Combinations that can't be, each with its reason and remedy; and those that can."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lorr_bench.errors import SuiteError
from lorr_bench.plan.arms import Arm, Priming
from lorr_bench.plan.kinds.train import AdaptiveParameters, ResetParameters
from lorr_bench.plan.plan import make_plan
from lorr_bench.plan.refusals import check_combination
from lorr_bench.ports.trainer import KnownSettings, Lora
from lorr_bench.spec.methods import IterativeSpec

COLLECT = "Use `data.collect` instead of `data.pairs`."
RESET = ResetParameters(pattern="o_proj", factor=0.5, clear_optimizer=True, period="replay", anchor="start")
ADAPTIVE = AdaptiveParameters(
    signal="held_out_margin", held_out_pairs=40, reset="below_last", scale=None, patience=None
)
LORA = Lora(rank=4, targets="all-linear", four_bit=False)
PAIRS = {"pairs": {"source": "pairs.jsonl"}}
EXTERNAL = {"in_process": False, "backend": "elsewhere", "shardings": ()}
TWO = {"training": {"num_processes": 2}}
ONLINE = {"rows": "prompts", "online": True, "takes_sft_term": False}


LENGTH = 64
"""Stands for all hyper-parameters of an arm."""
PRIMING = Priming(unique_pairs=8, replays=20, hyperparameters=LENGTH)


def of_type(data_type):
    return {"pairs": {"source": "pairs.jsonl", "type": data_type}}


def arm(adapter=None, *, lora=None, replays=3, reset=None, use_vllm=None, max_length=LENGTH, **parts):
    """An arm that can be trained, but for the parts that are given."""
    adapter = {
        "name": "method",
        "backend": "here",
        "rows": "pairs",
        "takes_sft_term": True,
        "online": False,
        "in_process": True,
        "shardings": ("ddp", "fsdp"),
        **(adapter or {}),
    }
    parts = {"sft_weights": (0.0,) * replays, "rollout_ratio": 0.0, "iterative": None, **parts}
    return Arm(
        method="method",
        plugin="plugin",
        baseline="method+plugin",
        adapter_name="here.method",
        adapter=SimpleNamespace(
            known_settings=lambda length: KnownSettings(lora=lora, use_vllm=use_vllm, max_length=length),
            **adapter,
        ),
        hyperparameters=max_length,
        budgets=(8,),
        at_budgets={},
        reset=replace(RESET, **reset) if reset is not None else None,
        **parts,
    )


def rounds(**more):
    return IterativeSpec(rounds=3, **more)


@pytest.fixture
def suite(load, values):
    def make(**changes):
        return load({**values, **changes}).suite

    return make


@pytest.fixture
def scored(values):
    """Data that a reward model scores."""
    judge = {"path": "owner/model", "revision": "abc"}
    return {
        "data": {"collect": {**values["data"]["collect"], "reward_model": judge, "pair_rule": "best_worst"}}
    }


@pytest.mark.parametrize(
    ("refused", "changes", "reason", "fix"),
    [
        (
            arm({"takes_sft_term": False}, sft_weights=(0.0, 0.5)),
            {},
            "method takes no SFT term",
            "Set `sft: off` in the plug-in; `plugins:` under a method names those it is combined with.",
        ),
        (
            arm({"rows": "right_answers"}),
            {"data": PAIRS},
            "it learns from every right answer that was sampled",
            COLLECT,
        ),
        (arm(ONLINE), {"data": PAIRS}, "it answers prompts whose right answer is known", COLLECT),
        (
            arm(),
            {"data": of_type("unpaired")},
            "it learns from two responses to a prompt, and rows of `type: unpaired` hold none",
            "Use a method that trains on labels, such as kto, or give a set of preferences in `data.pairs`.",
        ),
        (
            arm({"rows": "chosen"}),
            {"data": of_type("unpaired")},
            "it learns from one response to a prompt that is wanted, and rows of `type: unpaired` hold none",
            "Use a method that trains on labels, such as kto, or give a set of preferences in `data.pairs`.",
        ),
        (
            arm({"rows": "labels"}),
            {"data": of_type("prompt_completion")},
            "it learns from responses that are wanted and others that are not, and rows of "
            "`type: prompt_completion` hold none",
            "Use a method that trains on chosen responses, such as sft, or give a set of preferences in "
            "`data.pairs`.",
        ),
        (arm(rollout_ratio=0.1), {"data": PAIRS}, "`rollout_ratio` samples new answers", COLLECT),
        (arm(iterative=rounds()), {"data": PAIRS}, "`iterative` samples new answers", COLLECT),
        (
            arm(ONLINE, iterative=rounds()),
            {},
            "method samples anew at every step, rounds add nothing",
            "Leave out `iterative`.",
        ),
        (
            arm({"rows": "right_answers"}, rollout_ratio=0.1),
            {},
            "method has no pairs to refresh",
            "Set `rollout_ratio: 0` for it.",
        ),
        (
            arm(ONLINE, rollout_ratio=0.1),
            {},
            "method has no pairs to refresh",
            "Set `rollout_ratio: 0` for it.",
        ),
        (
            arm(replays=1, rollout_ratio=0.1),
            {},
            "`rollout_ratio` acts from the second replay on",
            "Raise `replays`.",
        ),
        (
            arm(EXTERNAL, iterative=rounds(reference="start")),
            {},
            "the reference of elsewhere is the model that a round starts from",
            "Use `reference: round`.",
        ),
        (
            arm(EXTERNAL, rollout_ratio=0.1),
            {},
            "elsewhere can't change its rows between replays",
            "Set `rollout_ratio: 0`.",
        ),
        (
            arm(reset={"period": "round"}),
            {},
            "`period: round` resets between rounds, and there is one",
            "Add `iterative:` to the method.",
        ),
        (
            arm(EXTERNAL, reset={"period": 5}),
            {},
            "elsewhere can't be reset within a replay",
            "Use `period: replay`.",
        ),
        (
            arm(EXTERNAL, reset={"clear_optimizer": False}),
            {},
            "elsewhere begins each replay with a fresh optimizer",
            "Use `optimizer_state: clear`.",
        ),
        (
            arm(lora=LORA, reset={"anchor": "init"}),
            {},
            "a LoRA adapter can't reset its base to a fresh initialisation",
            "Use `anchor: start`.",
        ),
        (
            arm(lora=LORA, reset={"anchor": "start"}, iterative=rounds()),
            {},
            "a LoRA adapter of a later round can't reset to the first start",
            "Use `anchor: round`.",
        ),
        (
            arm(ONLINE, label_noise=0.1),
            {},
            "`label_noise` swaps the responses of pairs, and method makes its own answers",
            "Leave it out; `plugins:` under a method names those it is combined with.",
        ),
        (
            arm({"rows": "chosen"}, label_noise=0.1),
            {"data": of_type("prompt_completion")},
            "`label_noise` swaps two responses, and rows of `type: prompt_completion` hold one",
            "Set `label_noise: 0`, or give a set of preferences in `data.pairs`.",
        ),
        (
            arm(ONLINE, priming=PRIMING),
            {},
            "method has no pairs to be primed on",
            "Leave out `priming`.",
        ),
        (
            arm(EXTERNAL, priming=PRIMING),
            {},
            "the reference of elsewhere is the model that it trains, which would be the primed one",
            "Leave out `priming`, or choose another `backend`.",
        ),
        (
            arm(priming=replace(PRIMING, unique_pairs=9)),
            {},
            "`priming` wants 9 pairs, and the first round has 8 at its smallest data budget",
            "Set `priming.unique_pairs` to 8 at most.",
        ),
        (
            arm(priming=replace(PRIMING, unique_pairs=3), iterative=rounds()),
            {},
            "`priming` wants 3 pairs, and the first round has 2 at its smallest data budget",
            "Set `priming.unique_pairs` to 2 at most.",
        ),
        (
            arm(priming=replace(PRIMING, hyperparameters=32)),
            {},
            "its max_length is 64 and that of its priming 32, so others would be the first pairs",
            "Give both the same `max_length`.",
        ),
        (
            arm(lora=LORA, priming=PRIMING, reset={"anchor": "start"}),
            {},
            "a LoRA adapter on a primed model can't reset to the start model",
            "Use `anchor: round`.",
        ),
        (
            arm(reset={"period": "begin"}),
            {},
            "`period: begin` resets before the first replay, and training begins at the anchor itself",
            "Use `anchor: start` with `priming:` or `iterative:` in the method.",
        ),
        (
            arm(reset={"period": "begin", "anchor": "round"}, priming=PRIMING),
            {},
            "`period: begin` resets before the first replay, and training begins at the anchor itself",
            "Use `anchor: start` with `priming:` or `iterative:` in the method.",
        ),
        (
            arm(EXTERNAL, reset={"period": "begin"}, iterative=rounds()),
            {},
            "elsewhere can't be reset before its first replay",
            "Use `period: replay`.",
        ),
        (
            arm(EXTERNAL),
            TWO,
            "elsewhere starts its own processes",
            "Set `training.num_processes: 1`.",
        ),
        (
            arm(ONLINE, use_vllm=True),
            TWO,
            "`use_vllm` draws answers for one process",
            "Leave it out, or set `training.num_processes: 1`.",
        ),
        (
            arm(ONLINE, use_vllm=True),
            {"engine": {"tensor_parallel_size": 2}},
            "`use_vllm` gives its weights to an engine on one GPU",
            "Leave it out, or set `engine.tensor_parallel_size: 1`.",
        ),
        (
            arm(ONLINE, use_vllm=True, lora=replace(LORA, four_bit=True)),
            {},
            "`use_vllm` needs weights that are not in 4 bits",
            "Leave it out, or set `load_in_4bit: false`.",
        ),
    ],
)
def test_a_refusal_says_why_and_what_to_do(suite, refused, changes, reason, fix):
    with pytest.raises(SuiteError) as caught:
        check_combination(refused, suite(**changes), "ddp")
    assert caught.value.what == f"method+plugin can't be: {reason}"
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("refused", "library", "reason", "fix"),
    [
        (
            arm(),
            "deepspeed",
            "method on here can't be shared by deepspeed",
            "Set `training.sharding` to one of ddp, fsdp, or choose another `backend`.",
        ),
        (arm(lora=LORA), "fsdp", "LoRA with `sharding: fsdp` is not supported", "Use `sharding: ddp`."),
        (
            arm({"shardings": ("ddp", "deepspeed")}, lora=LORA),
            "deepspeed",
            "LoRA with `sharding: deepspeed` is not supported",
            "Use `sharding: ddp`.",
        ),
    ],
)
def test_a_model_is_shared_only_where_resets_know_how(suite, refused, library, reason, fix):
    with pytest.raises(SuiteError) as caught:
        check_combination(refused, suite(**TWO), library)
    assert caught.value.what == f"method+plugin can't be: {reason}"
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("good", "processes", "library"),
    [
        (arm({"shardings": ("ddp", "deepspeed")}), 2, "deepspeed"),
        (arm(lora=LORA), 2, "ddp"),
        (arm(reset={}), 2, "fsdp"),
        (arm(EXTERNAL), 1, "ddp"),
    ],
)
def test_a_model_is_shared_where_they_do(suite, good, processes, library):
    check_combination(good, suite(training={"num_processes": processes}), library)


def test_a_prompt_gives_one_pair_at_most(suite):
    check_combination(arm(), suite(budget={"unique_pairs": [8, 50]}), "ddp")
    with pytest.raises(
        SuiteError, match="50 prompts give a pair each at most, too few for 51 pairs"
    ) as caught:
        check_combination(arm(), suite(budget={"unique_pairs": [8, 51]}), "ddp")
    assert caught.value.fix == "Raise `data.collect.num_prompts`, or lower `budget.unique_pairs`."


LEAVE_OUT = "Leave out `adaptive`."


@pytest.mark.parametrize(
    ("refused", "changes", "reason", "fix"),
    [
        (
            arm(ONLINE, adaptive=ADAPTIVE),
            {},
            "`adaptive` is measured on pairs, and method makes its own answers",
            LEAVE_OUT,
        ),
        (
            arm(iterative=rounds(), adaptive=ADAPTIVE),
            {},
            "`adaptive` needs pairs beyond the budget, which a later round's policy may not give",
            LEAVE_OUT,
        ),
        (
            arm(max_length=None, adaptive=ADAPTIVE),
            {},
            "`adaptive` cuts pairs at max_length, which method does not have",
            LEAVE_OUT,
        ),
        (
            arm({"rows": "chosen"}, adaptive=ADAPTIVE),
            {"data": of_type("prompt_completion")},
            "`adaptive` compares two responses, and rows of `type: prompt_completion` have one",
            LEAVE_OUT,
        ),
        (  # 50 prompts in all
            arm(adaptive=replace(ADAPTIVE, held_out_pairs=43)),
            {},
            "50 prompts give a pair each at most, too few for 8 pairs and 43 held out",
            "Raise `data.collect.num_prompts`, or lower `adaptive.held_out_pairs`.",
        ),
    ],
)
def test_a_signal_needs_pairs_that_are_not_trained_on(suite, refused, changes, reason, fix):
    with pytest.raises(SuiteError) as caught:
        check_combination(refused, suite(**changes), "ddp")
    assert caught.value.what == f"method+plugin can't be: {reason}"
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("right_answers", "it learns from every right answer that was sampled"),
        ("prompts", "it answers prompts whose right answer is known"),
    ],
)
def test_a_reward_model_tells_no_right_answer(suite, scored, rows, reason):
    with pytest.raises(SuiteError, match=f"{reason}, and a reward model tells none") as caught:
        check_combination(arm({"rows": rows}), suite(**scored), "ddp")
    assert caught.value.fix == "Leave out `reward_model`."


@pytest.mark.parametrize(
    ("good", "changes"),
    [
        (arm(sft_weights=(0.1, 0.2, 0.3), reset={}), {}),
        (arm({"takes_sft_term": False}, reset={}), {}),
        (arm(ONLINE, reset={}), {}),
        (arm({"rows": "right_answers"}, iterative=rounds(), reset={}), {}),
        (arm(reset={}), {"data": PAIRS}),
        (arm({"rows": "labels"}), {"data": PAIRS}),
        (arm({"rows": "chosen"}), {"data": PAIRS}),
        (arm({"rows": "labels"}), {"data": of_type("unpaired")}),
        (arm({"rows": "chosen"}), {"data": of_type("prompt_completion")}),
        (arm(rollout_ratio=1.0, replays=2), {}),
        (arm({"rows": "labels"}, rollout_ratio=0.1, iterative=rounds()), {}),
        (arm({"rows": "chosen"}, rollout_ratio=0.1), {}),
        (arm(reset={"period": "round", "anchor": "init"}, iterative=rounds()), {}),
        (arm(reset={"period": 5, "clear_optimizer": False}, replays=1), {}),
        (arm(EXTERNAL, sft_weights=(0.1, 0.2), reset={}, iterative=rounds()), {}),
        (arm(EXTERNAL, reset={"period": "round"}, iterative=rounds()), {}),
        (arm(iterative=rounds(reference="start", prompts="reuse")), {}),
        (arm(lora=LORA, reset={}), {}),
        (arm(lora=LORA, reset={"anchor": "round"}, iterative=rounds()), {}),
        (arm(lora=LORA, iterative=rounds()), {}),
        (arm(ONLINE, use_vllm=True, lora=LORA), {}),
        (arm(ONLINE), {**TWO, "engine": {"tensor_parallel_size": 2}}),
        (arm(label_noise=1.0), {}),
        (arm({"rows": "labels"}, label_noise=0.1), {"data": of_type("unpaired")}),
        (arm({"rows": "right_answers"}, label_noise=0.1), {}),
        (arm(EXTERNAL, label_noise=0.1, reset={"period": "end"}), {}),
        (arm(label_noise=0.1, rollout_ratio=0.5, iterative=rounds(), replays=2), {}),
        (arm(priming=PRIMING, reset={"period": "begin"}), {}),
        (arm(priming=replace(PRIMING, unique_pairs=2), iterative=rounds()), {}),
        (arm(priming=PRIMING, lora=LORA, reset={"anchor": "round"}), {}),
        (arm(reset={"period": "begin"}, iterative=rounds()), {}),
        (arm(reset={"period": "begin", "anchor": "init"}), {}),
        (arm(reset={"period": "end"}, replays=1), {}),
        (arm(lora=LORA, reset={"period": "end"}), {}),
        (arm(adaptive=replace(ADAPTIVE, held_out_pairs=42)), {}),
        (arm(EXTERNAL, adaptive=ADAPTIVE), {"data": PAIRS}),
    ],
)
def test_what_can_be_is_not_refused(suite, good, changes):
    check_combination(good, suite(**changes), "ddp")


@pytest.mark.parametrize("rows", ["pairs", "labels", "chosen"])
def test_pairs_that_a_reward_model_scored_serve_whatever_is_made_of_pairs(suite, scored, rows):
    check_combination(arm({"rows": rows}, rollout_ratio=0.1, iterative=rounds()), suite(**scored), "ddp")


# --- through the suite ----------------------------------------------------------------------------------


def test_a_plan_refuses_an_arm(load, values):
    values["methods"] = {"sft": {}}
    with pytest.raises(SuiteError, match=r"methods, plugins: sft\+lorr can't be: sft takes no SFT term"):
        make_plan(load(values))


def test_a_method_can_leave_out_the_plugins_it_does_not_take(load, values):
    values["plugins"]["reset_alone"] = {"type": "lorr", "sft": "off"}
    values["methods"] = {"dpo": {}, "sft": {"plugins": ["reset_alone", "plain"]}}
    assert [made.name for made in make_plan(load(values)).arms] == [
        "dpo+plain",
        "dpo+lorr",
        "dpo+no_reset",
        "dpo+reset_alone",
        "sft+plain",
        "sft+reset_alone",
    ]


def test_one_replay_leaves_nothing_to_reset_between_replays(load, values):
    values["plugins"] = {"once": {"type": "lorr", "replays": 1}}
    [made] = make_plan(load(values)).arms
    assert made.reset is None


def test_one_replay_can_be_reset_by_steps(load, values):
    values["plugins"] = {"steps": {"type": "lorr", "replays": 1, "reset": {"period": 5, "anchor": "init"}}}
    [made] = make_plan(load(values)).arms
    assert made.reset == ResetParameters(
        pattern=r"\.(o_proj|down_proj)\.", factor=0.5, clear_optimizer=True, period=5, anchor="init"
    )


def test_one_replay_can_be_reset_at_its_end(load, values):
    values["plugins"] = {
        "shrunk": {"type": "lorr", "replays": 1, "reset": {"period": "end", "tensors": "all"}}
    }
    [made] = make_plan(load(values)).arms
    assert (made.reset.period, made.reset.pattern) == ("end", ".")
