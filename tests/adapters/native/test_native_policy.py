"""The forward pass: packed and padded against a plain softmax over one sequence at a time."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lorr_bench_adapters.native.training.layout import Tree, pack, pad
from lorr_bench_adapters.native.training.packed_attention import Rearranged
from lorr_bench_adapters.native.training.policy import Policy, can_pack
from transformers import GPT2Config, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

VOCABULARY = 23
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
FAMILIES = {
    "llama": LlamaConfig(**SIZES, head_dim=4),
    "mistral": MistralConfig(**SIZES, head_dim=4, sliding_window=None),
    "qwen2": Qwen2Config(**SIZES),
    "qwen3": Qwen3Config(**SIZES, head_dim=4),
}
# A shared beginning of the responses, none, one response inside the other, equal ones, one token, no prompt.
TREES = [
    Tree.of([1, 2, 3], [4, 5, 6, 0], [4, 5, 7, 8, 9, 0]),
    Tree.of([3], [1, 0], [2, 0]),
    Tree.of([5, 6], [7, 8], [7, 8, 9]),
    Tree.of([9, 9, 9, 9], [1, 2, 0], [1, 2, 0]),
    Tree.of([4, 4], [0], [1]),
    Tree.of([], [7, 6, 0], [7, 1, 0]),
    Tree.of([2] * 9, [3] * 12, [4] * 2),
    Tree.of([8], [1, 0], [2, 0]),
    Tree.of([8, 3], [1, 0], [2, 0]),
    Tree.of([8, 4], [1, 0], [2, 0]),
]


def model_of(config, dtype=torch.float64):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()


def one_at_a_time(model, trees, *, scores_prompt=False):
    """Log-probabilities of each sequence's tokens from the model's full logits, a forward pass each."""
    rows = []
    for number in range(len(trees[0].sequences)):
        for tree in trees:
            sequence = torch.tensor(tree.sequences[number])
            logits = model(input_ids=sequence[None], use_cache=False).logits[0]
            probabilities = logits.exp() / logits.exp().sum(-1, keepdim=True)
            first = 1 if scores_prompt else max(1, tree.prompt_length)
            rows.append([probabilities[at - 1, sequence[at]].log() for at in range(first, len(sequence))])
    return rows


def unpadded(table, scored):
    return [row[: int(count)] for row, count in zip(table, scored.sum(dim=1), strict=True)]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.mark.parametrize("padding_free", [True, False])
@pytest.mark.parametrize("scores_prompt", [True, False])
def test_log_probabilities_are_those_of_a_plain_softmax(family, padding_free, scores_prompt):
    model = model_of(FAMILIES[family])
    expected = one_at_a_time(model, TREES, scores_prompt=scores_prompt)
    policy = Policy(model, padding_free=padding_free, scores_prompt=scores_prompt)
    layout = policy.layout(TREES, "cpu")
    assert (layout.packing is not None) == padding_free
    found = unpadded(policy(layout), layout.scored)
    for mine, theirs in zip(found, expected, strict=True):
        # the norms of these models calculate in float32 whatever the model's precision
        assert mine.tolist() == pytest.approx([value.item() for value in theirs], rel=2e-6, abs=1e-7)


def test_gradients_of_a_packed_batch_are_those_of_a_padded_one(family):
    gradients = []
    for padding_free in (True, False):
        model = model_of(FAMILIES[family])
        policy = Policy(model, padding_free=padding_free)
        layout = policy.layout(TREES, "cpu")
        weights = torch.linspace(-1, 2, layout.scored.numel(), dtype=torch.float64).view(layout.scored.shape)
        (policy(layout) * weights).sum().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    packed, padded = gradients
    for name, gradient in padded.items():
        torch.testing.assert_close(packed[name], gradient, rtol=2e-5, atol=1e-6)


def test_packing_leaves_out_padding_and_repeated_stems():
    assert pack(TREES).tokens.numel() == sum(tree.size for tree in TREES)
    assert pad(TREES).tokens.shape == (20, 21)
    assert TREES[0].size == 3 + 2 + 2 + 4
    assert TREES[0].tokens == 7 + 9
    assert (
        TREES[5].likelihood_tokens(with_prompt=False) == 2
    )  # nothing comes before the first of an empty prompt


def test_logits_in_pieces_change_nothing():
    results = []
    for logits_per_piece in (1 << 20, 3 * VOCABULARY):
        model = model_of(FAMILIES["llama"])
        policy = Policy(model, padding_free=True, logits_per_piece=logits_per_piece)
        table = policy(policy.layout(TREES, "cpu"))
        table.sum().backward()
        results.append([table.detach(), model.lm_head.weight.grad, model.model.embed_tokens.weight.grad])
    for whole, pieced in zip(*results, strict=True):
        torch.testing.assert_close(pieced, whole, rtol=1e-12, atol=1e-12)


def test_gradient_checkpointing_changes_nothing():
    gradients = []
    for checkpointing in (False, True):
        model = model_of(FAMILIES["llama"]).train()
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        policy = Policy(model, padding_free=True)
        policy(policy.layout(TREES, "cpu")).sum().backward()
        gradients.append(model.model.layers[0].mlp.up_proj.weight.grad)
    assert torch.equal(*gradients)


def test_a_packed_model_still_answers_as_usual():
    tokens = torch.tensor([[1, 2, 3, 0, 0], [1, 2, 3, 4, 5]])
    attention = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    model = model_of(FAMILIES["llama"])
    before = model(input_ids=tokens, attention_mask=attention).logits
    Policy(model, padding_free=True)
    assert torch.equal(model(input_ids=tokens, attention_mask=attention).logits, before)


@pytest.mark.parametrize(
    "config",
    [
        GPT2Config(vocab_size=VOCABULARY, n_embd=16, n_layer=1, n_head=2, n_positions=64),
        MistralConfig(**SIZES, head_dim=4, sliding_window=4),
        Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=4, max_window_layers=1),
        LlamaConfig(**SIZES, head_dim=4, attn_implementation="eager"),
    ],
    ids=["other family", "window", "window in some layers", "eager attention"],
)
def test_other_models_run_padded(config):
    model = model_of(config)
    assert not can_pack(model.config)
    policy = Policy(model, padding_free=True)
    layout = policy.layout(TREES[:2], "cpu")
    found = unpadded(policy(layout), layout.scored)
    for mine, theirs in zip(found, one_at_a_time(model, TREES[:2]), strict=True):
        assert mine.tolist() == pytest.approx([value.item() for value in theirs], rel=2e-6)


tokens = st.lists(st.integers(0, 4), min_size=1, max_size=6)
rows = st.lists(st.tuples(tokens, tokens, tokens), min_size=1, max_size=20)


@pytest.mark.slow
@given(rows)
@settings(max_examples=60)
def test_both_layouts_score_the_same_tokens_in_the_same_places(rows):
    trees = [Tree.of(*row) for row in rows]
    packed, padded = pack(trees), pad(trees)
    for name in ("targets", "slots", "mask", "scored"):
        assert torch.equal(getattr(packed, name), getattr(padded, name))
    for layout in (packed, padded):
        before = layout.positions.flatten()[layout.predictors]
        lengths = [len(tree.sequences[k]) - tree.prompt_length for k in (0, 1) for tree in trees]
        borders = [tree.prompt_length for _ in (0, 1) for tree in trees]
        starts = [
            at for border, count in zip(borders, lengths, strict=True) for at in range(border, border + count)
        ]
        assert (before + 1).tolist() == starts


@pytest.mark.slow
@given(rows)
@settings(max_examples=60)
def test_a_packed_token_attends_to_its_own_sequence_alone(rows):
    """What a place of a bucket sees, read as tokens, is the beginning of one of its tree's sequences."""
    trees = [Tree.of(*row) for row in rows]
    layout = pack(trees)
    line, restored = layout.tokens[0], layout.packing.restored
    assert torch.equal(line[layout.packing.padded][restored], line)
    real = torch.zeros(len(layout.packing.padded), dtype=torch.bool)
    real[restored] = True
    beginnings = {tuple(s[:n]) for tree in trees for s in tree.sequences for n in range(1, len(s) + 1)}
    at = 0
    for bucket in layout.packing.buckets:
        for places, sees in zip(bucket.index, bucket.mask[:, 0], strict=True):
            holds = real[at : at + len(places)]
            at += len(places)
            assert not sees[~holds][:, holds].any()
            assert not sees[holds][:, ~holds].any()
            assert sees.diagonal().all()
            for row in sees[holds]:
                assert tuple(line[places[row]].tolist()) in beginnings


def test_gathers_pass_gradients_back_to_where_values_came_from():
    index, inverse = torch.tensor([2, 0, 1, 0]), torch.tensor([1, 2, 0])  # the last pick is padding
    values = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    gathered = Rearranged.apply(values, index, inverse)
    assert gathered.tolist() == [3.0, 1.0, 2.0, 1.0]
    (gathered[:3] * torch.tensor([10.0, 20.0, 30.0])).sum().backward()
    assert values.grad.tolist() == [20.0, 30.0, 10.0]
