"""The quantities of the diagnostics, each on its own."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from lorr_bench.lorr.reset import placed_like, trainable_parameters
from lorr_bench.lorr.zero import is_cut, master_weights

if TYPE_CHECKING:
    from torch import Tensor, nn

DORMANT_TAU: Final = 0.025
# The layer whose input is the hidden units of an MLP, as the families of the Hugging Face hub call it.
_MLP_OUTPUT: Final = re.compile(
    r"(^|\.)(down_proj|fc2|fc_out|dense_4h_to_h|(mlp|feed_forward)\.(c_proj|w2|wo))$"
)
_GROUPS: Final = (  # the first that fits: `post_attention_layernorm` is a norm
    ("norm", re.compile(r"norm|(^|\.)ln_")),
    ("head", re.compile(r"lm_head|embed_out")),
    ("embedding", re.compile(r"embed|(^|\.)(wte|wpe)\.")),
    ("attention", re.compile(r"attn|attention")),
    ("mlp", re.compile(r"mlp|feed_forward|ffn|experts|(^|\.)fc\d")),
)


def module_group(name: str) -> str:
    """``embedding``, ``attention``, ``mlp``, ``norm``, ``head`` or ``other``, by a parameter's name."""
    return next((group for group, pattern in _GROUPS if pattern.search(name)), "other")


def effective_rank(matrix: Tensor) -> float:
    """Exponential of the entropy of the normalised singular values (Roy & Vetterli 2007, definition 1).

    Args:
        matrix: (vectors, dimensions), not centred.

    Returns:
        Between 1 and the smaller side; 0 for a matrix of zeros; NaN where an entry is no finite number.
    """
    import torch

    if not matrix.isfinite().all():  # LAPACK would fail, or never end
        return math.nan
    values = torch.linalg.svdvals(matrix.cpu().double())
    total = values.sum()
    if not total:
        return 0.0
    return float(torch.special.entr(values / total).sum().exp())


def entropies(log_probs: Tensor) -> Tensor:
    """Entropy in nats, of shape (...), of the distributions in ``log_probs``, of shape (..., vocabulary)."""
    import torch

    entropy: Tensor = torch.special.entr(log_probs.exp()).sum(dim=-1)
    return entropy


def kl_divergences(log_probs: Tensor, reference: Tensor) -> Tensor:
    """KL(π ‖ π_ref) = Σ π·(log π - log π_ref) of each distribution, in nats, exact over the vocabulary.

    Args:
        log_probs: (..., vocabulary) log π; -inf is allowed.
        reference: The same shape, log π_ref.

    Returns:
        Shape (...).
    """
    probabilities = log_probs.exp()
    terms = probabilities * (log_probs - reference)
    return terms.masked_fill(probabilities == 0, 0.0).sum(dim=-1)


def dormant_units(activity: Tensor, tau: float = DORMANT_TAU) -> Tensor:
    """Which units of a layer are dormant: activity of at most τ times the layer's mean.

    Sokar et al. 2023, arXiv 2302.12902, definition 3.1.

    Args:
        activity: (units,) mean absolute activation.
        tau: τ.

    Returns:
        (units,) True where dormant; in a layer without any activity all units are.
    """
    return activity <= tau * activity.mean()


class MlpActivity:
    """Watches the hidden units of every MLP while the model runs; a context manager.

    The hidden units are the input of the layer that leads back to the residual stream. Layers that see only
    some of the tokens (routed experts) are left out.

    Args:
        model: A model, wrapped or not.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._mask: Tensor | None = None
        self._sums: dict[str, Tensor] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> MlpActivity:
        for name, module in self._model.named_modules():
            if _MLP_OUTPUT.search(name):
                self._hooks.append(module.register_forward_pre_hook(self._watch(name)))
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def look_at(self, mask: Tensor) -> None:
        """Which tokens of the next forward pass count.

        Args:
            mask: (sequences, tokens) 1 or 0.
        """
        self._mask = mask.flatten().float()

    def dormant_share(self) -> float | None:
        """Share of dormant units among those of all layers; None where no layer was seen."""
        import torch

        if not self._sums:
            return None
        dormant = torch.cat([dormant_units(activity) for activity in self._sums.values()])
        return float(dormant.float().mean())

    def _watch(self, name: str) -> Any:
        def add(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
            assert self._mask is not None
            hidden = inputs[0].flatten(end_dim=-2)
            if len(hidden) == len(self._mask):
                # The number of tokens is the same for all units, so the sum serves as well as the mean.
                activity = self._mask @ hidden.abs().float()
                self._sums[name] = self._sums[name] + activity if name in self._sums else activity

        return add


class StartWeights:
    """The trainable weights as they were, to tell how far the model has moved from them.

    They are copied to the CPU in the model's own dtype; where they are sharded already, each process keeps
    its shard. A LoRA adapter needs no copy: what it adds is the distance of the merged weights from the base.

    Args:
        model: The start model, wrapped or not, sharded or not yet.
    """

    def __init__(self, model: nn.Module) -> None:
        self._start = {
            name: parameter.detach().to("cpu", copy=True)
            for name, parameter in trainable_parameters(model).items()
            if ".lora_" not in name
        }

    def distances(self, model: nn.Module) -> dict[str, float]:
        """‖θ - θ_start‖, Euclidean, for each group of modules that is trained, by its name."""
        parameters = trainable_parameters(model)
        squares: dict[str, float] = {}
        for name, start in self._start.items():
            group = module_group(name)
            squares[group] = squares.get(group, 0.0) + _squared_distance(parameters[name], start)
        for name, added in _adapter_weights(model):
            group = module_group(name)
            squares[group] = squares.get(group, 0.0) + _squared_norm(added)
        return {group: square**0.5 for group, square in sorted(squares.items())}


def _adapter_weights(model: nn.Module) -> list[tuple[str, Tensor]]:
    """What each adapted layer of a PEFT model adds to its weight, by name of the layer."""
    return [
        (name, module.get_delta_weight(adapter))
        for name, module in model.named_modules()
        if hasattr(module, "get_delta_weight")
        for adapter in module.active_adapters
    ]


def _squared_distance(parameter: nn.Parameter, start: Tensor) -> float:
    now = master_weights(parameter) if is_cut(parameter) else parameter.detach()
    return _squared_norm(now.float() - placed_like(now, start).float())


def _squared_norm(tensor: Tensor) -> float:
    """Sum of squares; of a sharded tensor over all processes."""
    from torch.distributed.tensor import DTensor

    square = tensor.detach().float().square().sum()
    return float(square.full_tensor() if isinstance(square, DTensor) else square)
