"""The kernel for stems and branches, with its GPU part replaced by a softmax written out."""

import pytest
import torch
from lorr_bench_adapters.native.training import packed_attention
from lorr_bench_adapters.native.training.layout import Tree, pack
from lorr_bench_adapters.native.training.packed_attention import GatheredKeys, usable_kernels
from lorr_bench_adapters.native.training.policy import Policy
from transformers import LlamaConfig, LlamaForCausalLM

# A shared beginning, none, one response inside the other, equal ones, one token, no prompt.
TREES = [
    Tree.of([1, 2, 3], [4, 5, 6, 0], [4, 5, 7, 8, 9, 0]),
    Tree.of([3], [1, 0], [2, 0]),
    Tree.of([5, 6], [7, 8], [7, 8, 9]),
    Tree.of([9, 9, 9], [1, 2, 0], [1, 2, 0]),
    Tree.of([], [7, 6, 0], [8, 1, 0]),
]
SIZES = {
    "vocab_size": 23,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}


def segment_by_segment(query, key, value, query_ends, key_ends, *_longest, scale, window_size, enable_gqa):
    """What flash attention promises: the last query of a segment sees all of its keys, the one before one less."""
    assert (window_size, enable_gqa) == ((-1, 0), True)
    outputs = []
    for number in range(len(query_ends) - 1):
        q = query[query_ends[number] : query_ends[number + 1]]
        k, v = (x[key_ends[number] : key_ends[number + 1]].repeat_interleave(2, dim=1) for x in (key, value))
        scores = torch.einsum("qhd,khd->hqk", q, k) * scale
        hidden = torch.ones(len(q), len(k)).triu(len(k) - len(q) + 1).bool()
        outputs.append(torch.einsum("hqk,khd->qhd", scores.masked_fill(hidden, -torch.inf).softmax(-1), v))
    return torch.cat(outputs)


def answer(kernel):
    """Log-probabilities, and the gradients of all weights."""
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SIZES)).double()
    policy = Policy(model, padding_free=True, kernel=kernel)
    layout = policy.layout(TREES, "cpu")
    log_probs = policy(layout)
    (log_probs * torch.arange(log_probs.numel()).view(log_probs.shape)).sum().backward()
    return log_probs, {name: parameter.grad for name, parameter in model.named_parameters()}


def test_stems_and_branches_answer_as_padded_trees_do(monkeypatch):
    monkeypatch.setattr(packed_attention, "varlen_attn", segment_by_segment)
    (found, gradients), (expected, expected_gradients) = answer("varlen"), answer("masked")
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for name, gradient in expected_gradients.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-9, atol=1e-11, msg=name)


def test_segments_are_the_stem_and_the_branches_behind_it():
    segments = pack([Tree.of([5, 6], [7, 8], [7, 8, 9]), Tree.of([3], [1], [2])]).packing.segments
    # a line of 5 6 7 8 9, whose first branch is empty, and of 3 1 2
    assert segments.query_ends.tolist() == [0, 4, 5, 6, 7, 8]
    assert segments.keys.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 5, 6, 5, 7]
    assert segments.key_ends.tolist() == [0, 4, 9, 10, 12, 14]
    assert (segments.longest_query, segments.longest_key) == (4, 5)


def test_the_gradients_of_all_copies_of_a_key_are_added():
    rows = torch.tensor([[1.0], [2.0]], requires_grad=True)
    gathered = GatheredKeys.apply(rows, torch.tensor([0, 0, 1]), torch.tensor([[0, 2], [1, 3]]))
    assert gathered.tolist() == [[1.0], [1.0], [2.0]]
    gathered.backward(torch.tensor([[10.0], [100.0], [1000.0]]))
    assert rows.grad.tolist() == [[110.0], [1000.0]]


@pytest.mark.parametrize(
    ("capability", "head", "dtype", "kernel"),
    [
        ((9, 0), 64, torch.bfloat16, "varlen"),
        ((9, 0), 64, torch.float32, "masked"),
        ((9, 0), 12, torch.bfloat16, "masked"),
        ((9, 0), 264, torch.float16, "masked"),
        ((7, 5), 64, torch.bfloat16, "masked"),
        (None, 64, torch.bfloat16, "masked"),
    ],
)
def test_flash_attention_takes_what_it_can(monkeypatch, capability, head, dtype, kernel):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    query = torch.empty(1, 4, 2, head, dtype=dtype, device="meta")
    query = type("OnGpu", (), {"shape": query.shape, "dtype": dtype, "device": torch.device("cuda")})()
    assert packed_attention._best_kernel(query) == kernel


def test_a_cpu_has_masks_alone():
    assert usable_kernels("cpu") == ("masked",)


def test_masks_are_made_where_the_batch_lies():
    """A batch carries numbers of branches, whose size is that of its tokens."""
    layout = pack(TREES)
    assert all("mask" not in vars(bucket) for bucket in layout.packing.buckets)
    assert [bucket.branch.shape for bucket in layout.packing.buckets] == [
        bucket.mask.shape[::3] for bucket in layout.packing.buckets
    ]
