"""Rows that carry their reference log-probabilities need no second model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel


class GivenReference:
    """Mixed into a trainer with a reference, before its class, where the rows carry what the reference says.

    TRL would take a hash of all weights on every rank, to name a file of log-probabilities; and under FSDP
    load the start model once more on every rank. It is given a reference of a few numbers in its place, which
    is dropped before anything passes through it.
    """

    def __init__(self, *, args: Any, **kwargs: Any) -> None:
        # DeepSpeed would make an engine of the stand-in, so it keeps TRL's own way.
        stands_in = args.deepspeed_plugin is None
        if stands_in:
            args.precompute_ref_log_probs = False
        super().__init__(args=args, ref_model=_stand_in() if stands_in else None, **kwargs)  # type: ignore[call-arg]
        trainer: Any = self
        trainer.ref_model, trainer.precompute_ref_logps = None, True

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


def _stand_in() -> PreTrainedModel:
    """The smallest causal language model; the random state of the process is left as it was."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=2, hidden_size=2, intermediate_size=2, num_hidden_layers=1, num_attention_heads=1
    )
    with torch.random.fork_rng(devices=[]):
        return LlamaForCausalLM(config)
