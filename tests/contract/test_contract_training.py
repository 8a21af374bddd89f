"""What every registered adapter does with a small job; all three parts of LoRR are on unless a test says else."""

import pytest
import torch

from lorr_bench.lorr.loop import Reset

pytestmark = pytest.mark.slow


def assert_same_weights(left, right):
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


def is_reset(name):
    return "o_proj" in name or "down_proj" in name


def test_the_job_is_three_steps_a_pass(bench):
    assert bench.steps_per_pass == 3


def test_the_trained_folder_is_a_model_with_its_tokenizer(bench, straight):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(straight.folder / "output", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(straight.folder / "output")
    prompt = tokenizer(["Ann has"], return_tensors="pt")["input_ids"]
    assert model(prompt).logits.shape == (*prompt.shape, len(tokenizer))


def test_the_trained_folder_holds_no_pickle(straight):
    assert {path.suffix for path in (straight.folder / "output").iterdir()} <= {
        ".json",
        ".safetensors",
        ".txt",
        ".jinja",
    }


def test_the_weights_have_moved(bench, straight):
    assert straight.weights.keys() == bench.start_weights.keys()
    assert any(
        not torch.equal(straight.weights[name], bench.start_weights[name]) for name in straight.weights
    )
    assert all(tensor.isfinite().all() for tensor in straight.weights.values())


def test_all_weights_are_trained(bench, straight):
    assert straight.outcome.parameters == sum(tensor.numel() for tensor in bench.start_weights.values())


def test_steps_are_those_of_all_passes(bench, straight):
    assert straight.outcome.optimizer_steps == bench.steps_per_pass * bench.replays


def test_every_replay_is_logged_and_measured_and_all_but_the_last_reset(bench, straight):
    assert len(straight.outcome.replays) == bench.replays
    assert all("loss" in logged for logged in straight.outcome.replays)
    assert len(straight.diagnostics) == bench.replays
    assert straight.resets_done == bench.replays - 1


def test_fixed_rows_cost_the_same_tokens_in_every_replay(bench, straight, stopped):
    if bench.adapter.online:
        pytest.skip("the answers of an online method differ from replay to replay")
    assert stopped.outcome.train_tokens > 0
    assert straight.outcome.train_tokens == bench.replays * stopped.outcome.train_tokens
    assert (straight.outcome.generated_tokens, straight.outcome.verifier_calls) == (0, 0)


def test_an_online_method_counts_answers_and_their_tokens(bench, straight):
    if not bench.adapter.online:
        pytest.skip("generates nothing")
    settings, outcome = bench.hyperparameters, straight.outcome
    assert outcome.verifier_calls == bench.replays * len(bench.rows) * settings.num_generations
    longest = settings.max_completion_length * outcome.verifier_calls
    assert 0 < outcome.generated_tokens <= longest
    assert outcome.train_tokens > outcome.generated_tokens


def test_the_same_seed_gives_the_same_weights_however_often_it_is_saved(bench, straight, tmp_path):
    again = bench.train(tmp_path, save_steps=1)
    assert_same_weights(again.weights, straight.weights)


def test_another_order_gives_other_weights(bench, stopped, tmp_path):
    other = bench.train(tmp_path, stop_after=1, loop=bench.loop(seed=4))
    assert any(not torch.equal(other.weights[name], stopped.weights[name]) for name in other.weights)


def test_progress_counts_the_steps(bench, stopped):
    total = bench.steps_per_pass * bench.replays
    assert stopped.progress == [(step, total) for step in range(1, bench.steps_per_pass + 1)]


def test_progress_ends_with_all_tokens_where_the_trainer_counts_them_in_this_process(bench, stopped):
    counted = stopped.outcome.train_tokens + stopped.outcome.generated_tokens
    assert stopped.tokens == sorted(stopped.tokens)
    assert stopped.tokens[-1] == (counted if bench.adapter.in_process else 0)


def test_a_reset_with_nothing_kept_brings_the_anchor_back_exactly(bench, tmp_path):
    nothing_kept = Reset(r"\.(o_proj|down_proj)\.", factor=0.0, clear_optimizer=True)
    weights = bench.train(tmp_path, stop_after=1, loop=bench.loop(reset=nothing_kept)).weights
    at_start = {name for name in weights if torch.equal(weights[name], bench.start_weights[name])}
    assert at_start == {name for name in weights if is_reset(name)}
