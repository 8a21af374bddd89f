"""Weights that DeepSpeed cuts: reset in the optimizer and in the model."""

import os
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lorr_bench.lorr.zero import forget_moments, is_cut, set_apart
from lorr_bench.stages.training.ranks import train_in_processes

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.skipif(find_spec("deepspeed") is None, reason="DeepSpeed is not installed")
@pytest.mark.parametrize("sharding", ["deepspeed_zero2", "deepspeed_zero3"])
def test_a_reset_reaches_the_model_and_outlives_the_next_step(sharding, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[1])]))
    seen = train_in_processes({}, 2, sharding, tmp_path / "log", lambda *_: None, work="zero_work:reset")
    assert seen["cut"]
    # Adam's first step is the learning rate, against the gradient, whose elements are all 1.
    assert seen["trained"] == {"weight": pytest.approx([0.5, 1.5, 2.5]), "bias": pytest.approx([3.5])}
    expected = [0.25 * weight + 0.75 * 10 for weight in (0.5, 1.5, 2.5)]
    assert seen["reset"] == {"weight": pytest.approx(expected), "bias": pytest.approx([3.5])}
    assert seen["counts"] == [0.0, 1.0]  # the weight's moments are forgotten, the bias's are not
    assert seen["kept"] == seen["reset"]


def test_what_resets_forget_gets_groups_of_its_own():
    a, b, c = (torch.nn.Parameter(torch.zeros(1)) for _ in range(3))
    optimizer = torch.optim.AdamW([{"params": [a, b], "weight_decay": 0.1}, {"params": [c]}], lr=0.5)
    set_apart(optimizer, [b])
    groups = [
        (group["params"], group["weight_decay"], group["lr"], group["lorr_is_reset"])
        for group in optimizer.param_groups
    ]
    assert groups == [([a], 0.1, 0.5, False), ([b], 0.1, 0.5, True), ([c], 0.01, 0.5, False)]


def zero_optimizer(**parts):
    """Two flat tensors whose optimizer has seen three steps, the second one reset."""
    flats = [torch.zeros(2), torch.zeros(4)]
    state = {flat: {"step": torch.tensor(3.0), "exp_avg": torch.ones_like(flat)} for flat in flats}
    groups = [{"lorr_is_reset": False, "params": [flats[0]]}, {"lorr_is_reset": True, "params": [flats[1]]}]
    inner = SimpleNamespace(state=state, param_groups=groups)
    return SimpleNamespace(optimizer=inner, **parts), [state[flat] for flat in flats]


def assert_the_second_alone_is_forgotten(states):
    assert [state["step"].item() for state in states] == [3, 0]
    assert [state["exp_avg"].sum().item() for state in states] == [2, 0]


def test_moments_and_step_counts_are_forgotten_by_group():
    optimizer, states = zero_optimizer()
    forget_moments(optimizer)
    assert_the_second_alone_is_forgotten(states)


def test_stage_3_keeps_its_flat_tensors_outside_their_groups():
    optimizer, states = zero_optimizer(sub_group_to_group_id={0: 0, 1: 1})
    optimizer.fp32_partitioned_groups_flat = [
        group["params"].pop() for group in optimizer.optimizer.param_groups
    ]
    forget_moments(optimizer)
    assert_the_second_alone_is_forgotten(states)


@pytest.mark.parametrize(("mark", "cut"), [("ds_id", True), ("_hp_mapping", True), ("grad_fn_name", False)])
def test_deepspeed_marks_what_it_cuts(mark, cut):
    parameter = torch.nn.Parameter(torch.zeros(1))
    setattr(parameter, mark, None)
    assert is_cut(parameter) is cut
