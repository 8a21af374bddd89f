"""Whether training still computes with numbers.

Whatever notices first ends the training with the same advice: the loss or the gradient norm of a step, the
diagnostics of a replay, a weight that is about to be kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lorr_bench.errors import DivergedError

if TYPE_CHECKING:
    from torch import Tensor, nn


def check_values(values: Mapping[str, float]) -> None:
    """Refuse measurements that are no numbers.

    Args:
        values: By name.

    Raises:
        DivergedError: One of them is infinite or not a number.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise DivergedError(f"training diverged: {name} is {value}")


def check_weights(model: nn.Module) -> None:
    """Refuse a model with weights that are no numbers.

    Raises:
        DivergedError: A weight is infinite or not a number.
    """
    for name, parameter in model.named_parameters():
        check_tensor(name, parameter)


def check_tensor(name: str, tensor: Tensor) -> None:
    """Refuse a tensor that holds values that are no numbers.

    Raises:
        DivergedError: It does.
    """
    if not tensor.isfinite().all():
        raise DivergedError(f"training diverged: {name} holds values that are no numbers")
