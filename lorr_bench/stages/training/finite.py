"""Whether a trained model is made of numbers."""

from __future__ import annotations

from pathlib import Path

from lorr_bench.lorr.divergence import check_tensor


def check_finite(model: Path) -> None:
    """Refuse a model that training has driven to infinity, one tensor at a time.

    The losses can't tell: the last step may have done it.

    Args:
        model: Folder with safetensors files.

    Raises:
        DivergedError: A weight is not finite.
    """
    from safetensors import safe_open

    for file in sorted(model.glob("*.safetensors")):
        with safe_open(str(file), framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - it is no mapping
                check_tensor(name, tensors.get_tensor(name))
