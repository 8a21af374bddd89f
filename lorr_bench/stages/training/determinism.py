"""The same bits again on a GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

CUBLAS_WORKSPACE: Final = "CUBLAS_WORKSPACE_CONFIG"
FIXED_WORKSPACE: Final = ":4096:8"
"""One of the two settings with which cuBLAS adds up in one order, by NVIDIA's documentation."""


@contextmanager
def algorithms(*, deterministic: bool) -> Iterator[None]:
    """PyTorch's deterministic algorithms inside, where they are asked for; then whatever was before.

    An operation that has none goes on as it is, and PyTorch says so in the log.

    Args:
        deterministic: Whether they are asked for.
    """
    if not deterministic:
        yield
        return
    import torch

    os.environ.setdefault(CUBLAS_WORKSPACE, FIXED_WORKSPACE)
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
