"""The probe on a table of bigrams, where everything can be calculated, and on real architectures."""

import itertools
import math

import pytest
import torch
from bigrams import HELD_OUT, PAD, START, TRAIN, TRAINED, A, B, Bigrams, C, Tokens, set_table
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.lorr import diagnostics, reading
from lorr_bench.lorr.diagnostics import ReplayProbe, probe_size
from lorr_bench.lorr.loop import ReplayLoop, Reset


@pytest.fixture
def measured():
    model = Bigrams(START)
    probe = ReplayProbe(TRAIN, HELD_OUT, PAD)
    probe.start(model)
    set_table(model, TRAINED)
    return probe.measure(model)


def test_log_probabilities_are_sums_over_the_response(measured):
    # pair 1: A→B 1/2, B→C 1/2; A→C 1/4.  pair 2: B→B 1/4; B→A 1/4, A→A 1/4
    assert measured["logp_chosen"] == pytest.approx((math.log(1 / 4) + math.log(1 / 4)) / 2)
    assert measured["logp_rejected"] == pytest.approx((math.log(1 / 4) + math.log(1 / 16)) / 2)


def test_margin_and_accuracy_of_the_training_pairs(measured):
    # log-ratios to the start: pair 1 chosen (1/4)/(1/16) = 4, rejected 1; pair 2 chosen (1/4)/(1/2) = 1/2,
    # rejected (1/16)/(1/8) = 1/2, so its margin is 0, which is not above 0
    assert measured["train_margin"] == pytest.approx(math.log(4) / 2)
    assert measured["train_accuracy"] == 0.5


def test_margin_and_accuracy_of_the_held_out_pairs(measured):
    # chosen B→A 1/4 as before; rejected B→B twice: (1/16)/(1/4)
    assert measured["held_out_margin"] == pytest.approx(math.log(4))
    assert measured["held_out_accuracy"] == 1.0


def test_the_kl_divergence_is_that_of_the_trained_from_the_start_model(measured):
    # all three positions come after B: (1/4, 1/4, 1/2) from (1/4, 1/2, 1/4)
    expected = 1 / 4 * math.log(1 / 2) + 1 / 2 * math.log(2)
    assert measured["kl_to_start"] == pytest.approx(expected)


def test_the_entropy_is_a_mean_over_response_positions(measured):
    # every row after A and after B holds 1/4, 1/4, 1/2 in some order
    assert measured["entropy"] == pytest.approx(1.5 * math.log(2))


def test_the_effective_rank_is_that_of_the_states_that_predict_the_responses(measured):
    # pair 1: A, B | A; pair 2: B | B, A. Three times A, three times B: singular values √3, √3
    assert measured["effective_rank"] == pytest.approx(2.0)


def test_without_mlp_the_dormant_share_is_left_out(measured):
    assert "dormant_share" not in measured


def test_without_held_out_pairs_their_keys_are_left_out():
    model = Bigrams(START)
    probe = ReplayProbe(TRAIN, [], PAD)
    probe.start(model)
    keys = probe.measure(model)
    assert sorted(keys) == [
        "distance/other",
        "effective_rank",
        "entropy",
        "logp_chosen",
        "logp_rejected",
        "train_accuracy",
        "train_margin",
        "train_pairs",
    ]


def test_it_says_on_how_many_pairs_it_looked():
    model = Bigrams(START)
    probe = ReplayProbe(TRAIN, HELD_OUT, PAD)
    probe.start(model)
    values = probe.measure(model)
    assert (values["train_pairs"], values["held_out_pairs"]) == (2, 1)


def test_the_first_token_of_all_is_not_predicted():
    model = Bigrams(START)
    probe = ReplayProbe([Tokens([], [A, B], [A, C])], [], PAD)
    probe.start(model)
    assert probe.measure(model)["logp_chosen"] == pytest.approx(math.log(1 / 4))


def test_at_the_start_nothing_differs():
    model = Bigrams(START)
    probe = ReplayProbe(TRAIN, HELD_OUT, PAD)
    probe.start(model)
    values = probe.measure(model)
    assert [values[key] for key in ("train_margin", "held_out_margin", "kl_to_start")] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("stored", [1, 4, 5, 12, 100])
def test_stored_distributions_are_bounded_and_evenly_spread(monkeypatch, stored):
    monkeypatch.setattr(diagnostics, "STORED_LOG_PROBS", stored)
    pairs = [Tokens([A], [B, C, A], [C, C]), Tokens([B], [A], [B, A])]
    model = Bigrams(START)
    probe = ReplayProbe(TRAIN, pairs, PAD)
    probe.start(model)
    set_table(model, TRAINED)
    # in order the eight positions come after A B C | A C | B | B B
    by_last_token = {
        token: sum(p * math.log(p / q) for p, q in zip(TRAINED[token], START[token], strict=True) if p)
        for token in (A, B, C)
    }
    positions = [by_last_token[token] for token in (A, B, C, A, C, B, B, B)]
    limit = max(1, stored // 4)  # four tokens in the vocabulary
    kept = positions[:: math.ceil(8 / limit)]
    assert len(kept) <= limit
    held_bytes = sum(tensor.untyped_storage().nbytes() for tensor in probe.start_log_probs)
    assert held_bytes == 4 * 4 * len(kept)  # float32, four tokens
    assert probe.measure(model)["kl_to_start"] == pytest.approx(sum(kept) / len(kept), rel=1e-5)


def llama(**options):
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=11, **sizes, **options))


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=11, n_embd=16, n_layer=2, n_head=2, n_positions=32)
    return GPT2LMHeadModel(config)


def opt():
    from transformers import OPTConfig, OPTForCausalLM

    torch.manual_seed(0)
    config = OPTConfig(
        vocab_size=11,
        hidden_size=16,
        word_embed_proj_dim=16,
        ffn_dim=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=32,
    )
    return OPTForCausalLM(config)


UNEVEN = [Tokens([1, 2, 3], [4, 5, 6, 7, 8], [9]), Tokens([5], [6, 7], [8, 9, 10, 1, 2, 3, 4])]


def response_log_prob(model, prompt, response):
    """One sequence without padding."""
    with torch.no_grad():
        log_probs = model(torch.tensor([prompt + response])).logits[0].log_softmax(-1)
    places = range(len(prompt) - 1, len(prompt) + len(response) - 1)
    return sum(log_probs[place, token].item() for place, token in zip(places, response, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("build", [llama, gpt2, opt])
def test_padded_batches_give_what_single_sequences_give(build):
    model = build().eval()
    probe = ReplayProbe(UNEVEN, UNEVEN, PAD)
    probe.start(model)
    values = probe.measure(model)
    for key in ("chosen", "rejected"):
        single = [response_log_prob(model, pair.prompt, getattr(pair, key)) for pair in UNEVEN]
        assert values[f"logp_{key}"] == pytest.approx(sum(single) / 2, rel=1e-5)


@pytest.mark.parametrize("build", [llama, gpt2, opt])
def test_the_size_of_a_forward_pass_does_not_show_in_the_results(build, monkeypatch):
    model = build()
    seen = []
    for tokens in (1, 20, 1000):
        monkeypatch.setattr(reading, "TOKENS_PER_FORWARD", tokens)
        probe = ReplayProbe(UNEVEN, UNEVEN, PAD)
        probe.start(model)
        seen.append(probe.measure(model))
    # float32 rounding; the KL divergence is 0 up to it
    assert seen[0] == pytest.approx(seen[2], rel=1e-4, abs=1e-6)
    assert seen[1] == pytest.approx(seen[2], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("build", "gate", "units"),
    [
        (llama, "model.layers.0.mlp.up_proj.weight", 12),
        (gpt2, "transformer.h.0.mlp.c_fc", 64),
        (opt, "model.decoder.layers.0.fc1", 12),
    ],
)
def test_units_whose_input_weights_are_zero_are_dormant(build, gate, units):
    model = build()
    probe = ReplayProbe(UNEVEN, [], PAD)
    probe.start(model)
    before = probe.measure(model)["dormant_share"]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(gate):
                parameter[..., :3].zero_() if "c_fc" in name else parameter[:3].zero_()
    # Three of the units of one of the two layers. The other units' shares of the mean may shift by a few.
    assert before == 0.0
    assert probe.measure(model)["dormant_share"] == pytest.approx(3 / (2 * units))


def test_modes_and_gradients_are_left_alone():
    model = llama()
    model.train()
    model.model.layers[0].eval()
    modes = [module.training for module in model.modules()]
    probe = ReplayProbe(UNEVEN, UNEVEN, PAD)
    probe.start(model)
    probe.measure(model)
    assert [module.training for module in model.modules()] == modes
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.is_grad_enabled()


def test_modes_come_back_after_a_failure_too():
    model = llama().train()
    probe = ReplayProbe([Tokens([1], [999], [2])], [], PAD)  # no such token
    with pytest.raises(IndexError):
        probe.start(model)
    assert all(module.training for module in model.modules())


def test_measuring_draws_no_random_numbers():
    model = llama(attention_dropout=0.5).train()
    state = torch.get_rng_state()
    probe = ReplayProbe(UNEVEN, UNEVEN, PAD)
    probe.start(model)
    probe.measure(model)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_same_model_gives_the_same_values_again():
    model = llama(attention_dropout=0.5).train()
    probe = ReplayProbe(UNEVEN, UNEVEN, PAD)
    probe.start(model)
    assert probe.measure(model) == probe.measure(model)


def train(model, probe):
    """Three replays with dropout, gradients of everything and a reset after each but the last."""
    torch.manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    reset = Reset("o_proj|down_proj", 0.5, clear_optimizer=True)
    loop = ReplayLoop(rows=2, seed=0, sft_weights=(0.0,) * 3, reset=reset, probe=probe)
    model.train()
    loop.start(model)
    for replay in range(1, 4):
        for row in loop.order(replay):
            tokens = torch.tensor([UNEVEN[row].prompt + UNEVEN[row].chosen])
            model(tokens, labels=tokens).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        loop.finish(replay, model, optimizer)
    return loop


@pytest.mark.slow
def test_training_with_and_without_the_probe_ends_at_the_same_bits():
    plain, probed = llama(attention_dropout=0.5), llama(attention_dropout=0.5)
    train(plain, None)
    loop = train(probed, ReplayProbe(UNEVEN, UNEVEN, PAD))
    assert all(map(torch.equal, plain.state_dict().values(), probed.state_dict().values()))
    assert len(loop.diagnostics) == 3


def test_every_value_is_a_finite_plain_number():
    loop = train(llama(), ReplayProbe(UNEVEN, UNEVEN, PAD))
    values = list(itertools.chain.from_iterable(measured.values() for measured in loop.diagnostics))
    assert all(type(value) is float and math.isfinite(value) for value in values)


def test_the_distance_of_a_lora_adapter_is_that_of_the_merged_weights():
    from peft import LoraConfig, get_peft_model

    base = llama()
    start = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    config = LoraConfig(r=2, lora_alpha=6, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(base, config)
    probe = ReplayProbe(UNEVEN, UNEVEN, PAD)
    probe.start(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    values = probe.measure(model)
    merged = model.merge_and_unload().state_dict()

    def distance(part):
        return math.sqrt(sum(float((merged[n] - start[n]).square().sum()) for n in start if part in n))

    assert {key: value for key, value in values.items() if key.startswith("distance/")} == {
        "distance/attention": pytest.approx(distance("self_attn"), rel=1e-5),
        "distance/mlp": pytest.approx(distance("mlp"), rel=1e-5),
    }


@given(st.integers(1, 10**6))
def test_the_probe_is_a_small_share_of_a_large_training_set(rows):
    size = probe_size(rows)
    assert 4 <= size <= 64
    assert size == 4 or size <= rows / 64
