"""What arms will be charged, by hand: 50 prompts, 4 answers each, 16 pairs."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.errors import BudgetError
from lorr_bench.plan.arms import Arm
from lorr_bench.spec.methods import IterativeSpec

BATCH = {"per_device_train_batch_size": 4}
PLUGINS = {"plain": {}, "three": {"type": "lorr", "sft": "off"}}
GRPO = {**BATCH, "gradient_accumulation_steps": 2, "num_generations": 4}
QUANTITIES = ("prompts", "unique_pairs", "pair_visits", "verifier_calls", "optimizer_steps")


@pytest.fixture
def charged(plan_of):
    """Quantities of one arm at 16 pairs, where prompts alone are held equal."""

    def of(method, settings, plugin="plain", plugins=PLUGINS, **changes):
        changes = {"budget": {"unique_pairs": [16], "equal": "prompts"}, **changes}
        plan = plan_of(methods={method: settings}, plugins=plugins, **changes)
        spend = plan.predicted[f"{method}+{plugin}", 16]
        return tuple(getattr(spend, name) for name in QUANTITIES)

    return of


def test_pairs(charged):
    assert charged("dpo", BATCH) == (50, 16, 16, 200, 4)
    assert charged("dpo", BATCH, "three") == (50, 16, 48, 200, 12)


def test_labels_are_two_rows_a_pair(charged):
    assert charged("kto", BATCH, "three") == (50, 16, 48, 200, 24)


def test_ready_made_rows_of_one_response_are_a_row_each(charged, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"prompt": "q", "completion": "c", "label": true}\n', "utf-8")
    data = {"pairs": {"source": "rows.jsonl", "type": "unpaired"}}
    assert charged("kto", BATCH, "three", data=data) == (0, 16, 48, 0, 12)


def test_right_answers_are_at_most_all_answers(charged):
    assert charged("rejection_sampling", BATCH, "three") == (50, 16, 48, 200, 150)


def test_an_online_method_grades_its_own_answers_at_every_replay(charged):
    """8 answers a step are 2 prompts: 25 steps a pass; 50 × 4 answers a pass."""
    assert charged("grpo", GRPO) == (50, 0, 0, 200, 25)
    assert charged("grpo", GRPO, "three") == (50, 0, 0, 600, 75)


def test_rounds_that_split_cost_what_one_round_does(charged):
    """Shares of 5, 5 and 6 pairs are 2 steps each."""
    settings = {**BATCH, "iterative": {"rounds": 3}}
    assert charged("dpo", settings) == (50, 16, 16, 200, 6)
    assert charged("dpo", settings, "three") == (50, 16, 48, 200, 18)


def test_rounds_that_split_labels(charged):
    """5, 5 and 6 pairs are 10, 10 and 12 rows: 3 + 3 + 3 steps."""
    assert charged("kto", {**BATCH, "iterative": {"rounds": 3}})[-1] == 9


def test_rounds_that_split_right_answers(charged):
    """16, 17 and 17 prompts are 64, 68 and 68 rows: 11 + 12 + 12 steps of 6."""
    settings = {"per_device_train_batch_size": 6, "iterative": {"rounds": 3}}
    assert charged("rejection_sampling", settings)[-1] == 35


def test_rounds_that_reuse_ask_the_same_prompts_again(charged):
    settings = {**BATCH, "iterative": {"rounds": 3, "prompts": "reuse"}}
    assert charged("dpo", settings) == (50, 48, 48, 600, 12)


def test_rollouts_may_ask_every_pair_again_before_each_replay_but_the_first(charged):
    plugins = {"plain": {}, "rollouts": {"type": "lorr", "rollout_ratio": 0.1}}
    # 16 pairs × 4 answers × 2 replays beside 200
    assert charged("dpo", BATCH, "rollouts", plugins) == (50, 48, 48, 328, 12)


def test_rollouts_within_rounds_that_reuse(charged):
    plugins = {"plain": {}, "rollouts": {"type": "lorr", "replays": 2, "rollout_ratio": 0.1}}
    settings = {**BATCH, "iterative": {"rounds": 3, "prompts": "reuse"}}
    # 3 rounds × (200 + 16 × 4)
    assert charged("dpo", settings, "rollouts", plugins) == (50, 96, 96, 792, 24)


def test_processes_share_each_step(charged):
    """8 rows for each of two processes."""
    assert charged("dpo", BATCH, training={"num_processes": 2})[-1] == 2


def test_ready_made_pairs_cost_no_prompts_and_no_verifier(charged, tmp_path):
    (tmp_path / "pairs.jsonl").write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}\n', "utf-8")
    assert charged("dpo", BATCH, data={"pairs": {"source": "pairs.jsonl"}}) == (0, 16, 16, 0, 4)


@pytest.mark.slow
@given(st.integers(0, 10**6), st.integers(2, 100))
def test_shares_of_rounds_sum_to_the_whole_and_differ_by_one_at_most(total, rounds):
    arm = SimpleNamespace(iterative=IterativeSpec(rounds=rounds), rounds=rounds)
    shares = [Arm.share(arm, total, number) for number in range(1, rounds + 1)]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1


# --- what is held equal ---------------------------------------------------------------------------------


def equal(axis, *budgets):
    return {"unique_pairs": list(budgets or (16,)), "equal": axis}


def test_data_is_held_equal_across_methods(plan_of):
    methods = {"dpo": BATCH, "grpo": {**GRPO, "num_generations": 8}}
    with pytest.raises(
        BudgetError, match=r"grpo\+plain needs 400 verifier_calls, dpo\+plain has 200, and `equal: data`"
    ):
        plan_of(methods=methods, plugins={"plain": {}}, budget=equal("data"))


def test_prompts_are_held_equal_across_methods_and_nothing_else(plan_of):
    methods = {"dpo": BATCH, "grpo": {**GRPO, "num_generations": 8}}
    assert plan_of(methods=methods, plugins=PLUGINS, budget=equal("prompts"))


@pytest.mark.parametrize(
    ("axis", "needs"),
    [
        ("updates", r"simpo\+three needs 12 optimizer_steps, simpo\+plain has 4"),
        ("visits", r"simpo\+three needs 48 pair_visits, simpo\+plain has 16"),
    ],
)
def test_updates_and_visits_are_held_equal_within_a_method(plan_of, axis, needs):
    methods = {"dpo": {**BATCH, "plugins": ["plain"]}, "simpo": BATCH}
    with pytest.raises(BudgetError, match=needs):
        plan_of(methods=methods, plugins=PLUGINS, budget=equal(axis))


@pytest.mark.parametrize("axis", ["updates", "visits"])
def test_updates_and_visits_of_methods_may_differ(plan_of, axis):
    methods = {"dpo": {**BATCH, "plugins": ["plain"]}, "kto": {**BATCH, "plugins": ["three"]}}
    plan = plan_of(methods=methods, plugins=PLUGINS, budget=equal(axis))
    assert plan.predicted["dpo+plain", 16].optimizer_steps == 4
    assert plan.predicted["kto+three", 16].optimizer_steps == 24


def test_rounds_that_split_are_equal_in_data_to_a_single_round(plan_of):
    methods = {"dpo": BATCH, "iterative-dpo": {**BATCH, "adapter": "dpo", "iterative": {"rounds": 3}}}
    assert plan_of(methods=methods, plugins=PLUGINS, budget=equal("data"))


def test_rounds_that_reuse_are_not(plan_of):
    iterative = {"adapter": "dpo", "iterative": {"rounds": 3, "prompts": "reuse"}}
    with pytest.raises(BudgetError, match=r"iterative-dpo\+plain needs 48 unique_pairs, dpo\+plain has 16"):
        plan_of(methods={"dpo": BATCH, "iterative-dpo": iterative}, plugins=PLUGINS, budget=equal("data"))


def test_rollouts_need_more_answers_than_a_plain_arm(plan_of):
    plugins = {"plain": {}, "rollouts": {"type": "lorr", "rollout_ratio": 0.1}}
    with pytest.raises(BudgetError, match=r"dpo\+rollouts needs 48 unique_pairs, dpo\+plain has 16"):
        plan_of(methods={"dpo": BATCH}, plugins=plugins, budget=equal("data"))


def test_a_limit_holds_for_every_arm(plan_of):
    budget = {**equal("prompts"), "limits": {"verifier_calls": 599}}
    with pytest.raises(
        BudgetError, match=r"grpo\+three at 16 pairs needs 600 verifier_calls, the limit is 599"
    ):
        plan_of(methods={"dpo": BATCH, "grpo": GRPO}, plugins=PLUGINS, budget=budget)


PRIMED = {**BATCH, "priming": {"unique_pairs": 6, "replays": 5}}


def test_a_priming_adds_visits_and_steps_and_no_data(charged):
    """6 pairs are 2 steps a pass: 10 steps and 30 visits more than without."""
    assert charged("dpo", PRIMED) == (50, 16, 30 + 16, 200, 10 + 4)
    assert charged("dpo", PRIMED, "three") == (50, 16, 30 + 48, 200, 10 + 12)


def test_a_priming_has_batches_of_its_own(charged):
    """Batches of 5: 2 steps a pass; the 12 labels of 6 pairs: 3 steps."""
    own = {**BATCH, "priming": {**PRIMED["priming"], "settings": {"per_device_train_batch_size": 5}}}
    assert charged("dpo", own)[-1] == 10 + 4
    assert charged("kto", own)[-1] == 15 + 8


def test_a_priming_on_right_answers_has_at_most_all_answers(charged):
    """200 answers are 50 steps a pass."""
    assert charged("rejection_sampling", PRIMED) == (50, 16, 30 + 16, 200, 5 * 50 + 50)
