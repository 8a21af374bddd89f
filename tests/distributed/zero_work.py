"""A reset of weights that DeepSpeed cuts, by one rank of ``test_zero``; found through PYTHONPATH."""

from contextlib import nullcontext


def reset(order, progress):
    """One step, a reset to a quarter of the way, and a step that changes nothing; of each what the model has.

    Weights have three elements and one: no two processes can share them evenly.
    """
    import torch
    from accelerate import Accelerator, PartialState
    from torch import nn

    from lorr_bench.lorr.reset import clear_optimizer_state, reset_parameters, trainable_parameters
    from lorr_bench.lorr.zero import is_cut, set_apart

    PartialState(cpu=True)  # as transformers begins
    accelerator = Accelerator()
    accelerator.state.deepspeed_plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = 1
    layer = nn.Linear(3, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0, 3.0]]))
        layer.bias.fill_(4.0)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.5, weight_decay=0.0)
    set_apart(optimizer, [layer.weight])
    wrapped, optimizer = accelerator.prepare(layer, optimizer)
    layer = accelerator.unwrap_model(wrapped)
    accelerator.backward(wrapped(torch.ones(1, 3)).sum())
    seen = {"cut": all(map(is_cut, layer.parameters())), "trained": _weights(layer)}
    chosen = reset_parameters(layer, {"weight": torch.full((1, 3), 10.0)}, 0.25)
    clear_optimizer_state(optimizer, chosen)
    seen["reset"] = _weights(layer)
    seen["counts"] = sorted(_step_counts(optimizer.optimizer))
    for group in optimizer.optimizer.param_groups:
        group["lr"] = 0.0
    accelerator.backward(wrapped(torch.ones(1, 3)).sum())
    seen["kept"] = _weights(layer)
    assert set(trainable_parameters(layer)) == {"weight", "bias"}
    return seen


def _weights(layer):
    import deepspeed

    cut = hasattr(layer.weight, "ds_id")
    with deepspeed.zero.GatheredParameters(list(layer.parameters())) if cut else nullcontext():
        return {"weight": layer.weight.flatten().tolist(), "bias": layer.bias.tolist()}


def _step_counts(optimizer):
    return [float(state["step"]) for state in optimizer.optimizer.state.values()]
