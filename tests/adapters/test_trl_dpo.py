"""The TRL DPO adapter against TRL called by hand, and against the DPO formula."""

import json
import math
import shutil

import pytest
import torch
from lorr_bench_adapters.trl.dpo import DPO, DPOSettings, read_rows, training_arguments
from safetensors.torch import load_file

from lorr_bench.errors import DataError, ModelError, SuiteError
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.trainer import StartModel, TrainJob

SETTINGS = DPOSettings(
    learning_rate=1e-3, beta=0.3, per_device_train_batch_size=8, max_length=96, precompute_ref_batch_size=1
)
PLAIN = (0.0,)


def start(folder):
    return StartModel(str(folder), None, "float32", trust_remote_code=False)


@pytest.fixture(scope="module")
def reference(small_model, nano_pairs, tmp_path_factory):
    """Reference log-probabilities computed one pair at a time, so that no batch can change their bits."""
    file = tmp_path_factory.mktemp("reference") / "reference.parquet"
    DPO().reference(start(small_model), nano_pairs, SETTINGS, file)
    return file


@pytest.fixture
def train(small_model, reference, tmp_path):
    def run(loop, *, settings=SETTINGS, rows=range(40), name="out"):
        job = TrainJob(
            model=start(small_model),
            reference=reference,
            rows=rows,
            output=tmp_path / name,
            seed=3,
            loop=loop,
            hyperparameters=settings,
            progress=lambda done, total: None,
        )
        outcome = DPO().train(job)
        return outcome, load_file(tmp_path / name / "model.safetensors")

    return run


def replay_loop(weights=PLAIN, reset=None, rows=40, seed=3):
    return ReplayLoop(rows=rows, seed=seed, sft_weights=weights, reset=reset)


def train_by_hand(small_model, pairs, order, folder, epochs=1):
    """TRL as its own documentation uses it: text in, everything else its own affair."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOTrainer

    rows = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in pairs]
    arguments = training_arguments(folder, SETTINGS, replays=epochs, seed=3)
    arguments.train_sampling_strategy = "sequential"
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(small_model, dtype=torch.float32),
        args=arguments,
        train_dataset=Dataset.from_list([rows[row] for row in order]),
        processing_class=AutoTokenizer.from_pretrained(small_model),
    )
    trainer.train()
    return {name: tensor.detach() for name, tensor in trainer.model.state_dict().items()}


def test_a_plain_arm_ends_at_the_weights_of_trl_by_hand_to_the_bit(train, small_model, nano_pairs, tmp_path):
    loop = replay_loop()
    _, ours = train(loop)
    theirs = train_by_hand(small_model, nano_pairs, loop.order(1), tmp_path / "hand")
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    start_weights = load_file(small_model / "model.safetensors")
    assert any(not torch.equal(ours[name], start_weights[name]) for name in ours)


def test_reference_log_probabilities_are_the_models_own(reference, small_model, nano_pairs):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(small_model, dtype=torch.float64)
    tokenizer = AutoTokenizer.from_pretrained(small_model)
    row, pair = read_rows(reference, [0])[0], nano_pairs[0]
    prompt = tokenizer(pair.prompt)["input_ids"]
    for column, response in (("ref_chosen_logps", pair.chosen), ("ref_rejected_logps", pair.rejected)):
        answer = tokenizer(response)["input_ids"] + [tokenizer.eos_token_id]
        with torch.no_grad():
            logits = model(torch.tensor([prompt + answer])).logits[0]
        log_probs = logits.log_softmax(-1)
        places = range(len(prompt) - 1, len(prompt) + len(answer) - 1)
        by_hand = sum(log_probs[place, token].item() for place, token in zip(places, answer, strict=True))
        assert row[column] == pytest.approx(by_hand, rel=1e-5)


def test_the_first_loss_is_log_two(train):
    """Before any step policy and reference agree, so the DPO loss is -log σ(0) = log 2."""
    settings = SETTINGS.model_copy(update={"per_device_train_batch_size": 40})
    outcome, _ = train(replay_loop(), settings=settings)
    assert outcome.replays[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)


def test_the_sft_term_is_added_with_its_weight(train, reference, small_model):
    settings = SETTINGS.model_copy(update={"per_device_train_batch_size": 40})
    outcome, _ = train(replay_loop((0.25,)), settings=settings)
    columns = read_rows(reference, range(40))
    per_token = [
        -total / len(ids)
        for total, ids in zip(columns["ref_chosen_logps"], columns["chosen_ids"], strict=True)
    ]
    expected = sum(per_token) / len(per_token)
    assert outcome.replays[0]["sft_loss"] == pytest.approx(expected, rel=1e-4)
    assert outcome.replays[0]["loss"] == pytest.approx(math.log(2) + 0.25 * expected, rel=1e-4)


def test_the_reset_is_applied_between_replays_only(train, small_model):
    """With α = 0 and a vanishing last replay, the reset tensors end at θ₀ and the others do not."""
    nothing_left = Reset(pattern=r"\.(o_proj|down_proj)\.", factor=0.0, clear_optimizer=True)
    settings = SETTINGS.model_copy(update={"per_device_train_batch_size": 40})
    # Linear decay over two steps of size 1 and 1/2: one replay is one step, so the last step is known to be small.
    _, after = train(replay_loop((0.0, 0.0), nothing_left), settings=settings)
    _, plain = train(replay_loop((0.0, 0.0)), settings=settings, name="plain")
    start_weights = load_file(small_model / "model.safetensors")
    name = "model.layers.0.self_attn.o_proj.weight"
    moved = (after[name] - start_weights[name]).abs().max()
    moved_plain = (plain[name] - start_weights[name]).abs().max()
    assert moved <= 0.5e-3 * 1.01  # one Adam step at half the rate from θ₀
    assert moved_plain > 0.5e-3 * 1.5  # both steps
    other = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(after[other], start_weights[other])


def test_three_replays_without_parts_equal_three_epochs_by_hand_in_count(train):
    outcome, _ = train(replay_loop((0.0, 0.0, 0.0)))
    assert outcome.optimizer_steps == 3 * DPO().steps_per_pass(40, SETTINGS) == 15
    assert len(outcome.replays) == 3


def test_train_tokens_are_those_of_both_responses_with_their_prompt(train, reference):
    columns = read_rows(reference, range(40))
    lengths = sum(
        2 * len(p) + len(c) + len(r)
        for p, c, r in zip(columns["prompt_ids"], columns["chosen_ids"], columns["rejected_ids"], strict=True)
    )
    outcome, _ = train(replay_loop((0.0, 0.0)))
    assert outcome.train_tokens == 2 * lengths


def test_same_seed_same_weights_other_seed_other_weights(train):
    _, first = train(replay_loop((0.1, 0.2)), name="first")
    _, again = train(replay_loop((0.1, 0.2)), name="again")
    _, other = train(replay_loop((0.1, 0.2), seed=4), name="other")
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_the_trained_folder_holds_no_pickle(train, tmp_path):
    train(replay_loop())
    assert sorted(p.suffix for p in (tmp_path / "out").iterdir()) == [".json"] * 4 + [".safetensors"]


@pytest.mark.parametrize(
    ("rows", "batch", "accumulation", "steps"), [(40, 8, 1, 5), (41, 8, 1, 6), (41, 8, 2, 3), (1, 8, 4, 1)]
)
def test_steps_of_a_pass(rows, batch, accumulation, steps):
    settings = DPOSettings(per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation)
    assert DPO().steps_per_pass(rows, settings) == steps


def test_a_prompt_longer_than_max_length_is_an_error(small_model, nano_pairs, tmp_path):
    settings = SETTINGS.model_copy(update={"max_length": 4})
    with pytest.raises(DataError, match="40 of 40 prompts alone reach max_length = 4"):
        DPO().reference(start(small_model), nano_pairs, settings, tmp_path / "reference.parquet")


def test_a_folder_without_tokenizer_is_a_model_error(nano_pairs, tmp_path):
    with pytest.raises(ModelError, match="no tokenizer that loads"):
        DPO().reference(start(tmp_path), nano_pairs, SETTINGS, tmp_path / "reference.parquet")


def test_a_folder_without_weights_is_a_model_error(small_model, nano_pairs, tmp_path):
    for file in small_model.iterdir():
        if file.suffix == ".json":
            shutil.copy(file, tmp_path)
    with pytest.raises(ModelError, match="the model does not load"):
        DPO().reference(start(tmp_path), nano_pairs, SETTINGS, tmp_path / "reference.parquet")


def test_a_tokenizer_without_end_token_is_a_model_error(small_model, nano_pairs, tmp_path):
    shutil.copytree(small_model, tmp_path / "model")
    file = tmp_path / "model" / "tokenizer_config.json"
    settings = json.loads(file.read_text("utf-8"))
    del settings["eos_token"]
    file.write_text(json.dumps(settings), "utf-8")
    with pytest.raises(ModelError, match="no end-of-sequence token"):
        DPO().reference(start(tmp_path / "model"), nano_pairs, SETTINGS, tmp_path / "reference.parquet")


def test_a_reset_that_selects_nothing_is_an_error(train):
    with pytest.raises(SuiteError, match="matches none"):
        train(replay_loop((0.0, 0.0), Reset("no_such_projection", 0.5, clear_optimizer=True)))
