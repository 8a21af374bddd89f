"""Whether a trained model is made of numbers."""

from __future__ import annotations

from pathlib import Path

from lorr_bench.errors import StageError


def check_finite(model: Path, method: str) -> None:
    """Refuse a model that training has driven to infinity, one tensor at a time.

    Losses can't tell: transformers leaves those that are not finite out of its logs.

    Args:
        model: Folder with safetensors files.
        method: What trained it, for the message.

    Raises:
        StageError: A weight is not finite.
    """
    from safetensors import safe_open

    for file in sorted(model.glob("*.safetensors")):
        with safe_open(str(file), framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - it is no mapping
                if not tensors.get_tensor(name).isfinite().all():
                    raise StageError(
                        f"training diverged: {name} holds values that are no numbers",
                        where=method,
                        fix="Lower its learning_rate, set max_grad_norm, or use a dtype of a wider range "
                        "(model.dtype: bfloat16 or float32).",
                    )
