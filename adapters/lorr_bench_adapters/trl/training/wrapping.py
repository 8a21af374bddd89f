"""LoRR mixed into TRL's trainers, for people who train by themselves."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Final

from lorr_bench.errors import SuiteError
from lorr_bench_adapters.trl.training.hybrid import LoRRTrainer

PARTS: Final = {
    "DPOTrainer": ("preference", "PreferenceLoRR"),
    "KTOTrainer": ("labels", "LabelsLoRR"),
    "CPOTrainer": ("reference_free", "CPOLoRR"),
    "ORPOTrainer": ("reference_free", "ORPOLoRR"),
    "SFTTrainer": ("imitation", "ImitationLoRR"),
}
"""What is mixed in, by TRL's name of the trainer."""


@cache
def with_lorr(trainer: type[Any]) -> type[Any]:
    """The trainer's class with all parts of LoRR; its objects take ``lorr=LoRRConfig(...)`` besides.

    Args:
        trainer: DPOTrainer, KTOTrainer, CPOTrainer, ORPOTrainer or SFTTrainer of TRL, or a subclass.

    Raises:
        SuiteError: It is none of these.
    """
    return type(f"LoRR{trainer.__name__}", (_part(trainer), trainer), {"__doc__": trainer.__doc__})


def _part(trainer: type[Any]) -> type[LoRRTrainer]:
    for base in trainer.__mro__:
        if base.__module__.startswith("trl.") and base.__name__ in PARTS:
            module, name = PARTS[base.__name__]
            part: type[LoRRTrainer] = getattr(import_module(f"{__package__}.{module}"), name)
            return part
    raise SuiteError(
        f"with_lorr knows {', '.join(PARTS)}, and {trainer.__name__} is none of them",
        where="with_lorr",
        fix="Give any trainer `callbacks=[LoRRCallback(LoRRConfig(sft=None))]`: LoRR without its SFT term.",
    )
