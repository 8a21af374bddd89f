"""Methods trained by TRL.

``methods.py`` declares them all. Each builds on a base class that says what one of TRL's trainers takes:
``preference`` (DPOTrainer), ``reference_free`` (CPOTrainer, ORPOTrainer), ``labels`` (KTOTrainer),
``imitation`` (SFTTrainer) and ``online`` (GRPOTrainer, RLOOTrainer). The trainers themselves, with the replay
loop mixed in, are in ``training`` under the same names; they import torch and TRL, so they are imported only
when training starts.

For people who train by themselves (docs/python.md)::

    from lorr_bench_adapters.trl import LoRRCallback, LoRRConfig, with_lorr
"""

from importlib import import_module
from typing import Any

__all__ = ["LoRRCallback", "LoRRConfig", "with_lorr"]

_HOMES = {"LoRRCallback": "training.callback", "LoRRConfig": "config", "with_lorr": "training.wrapping"}


def __getattr__(name: str) -> Any:
    """What is public; torch and TRL are imported only when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
