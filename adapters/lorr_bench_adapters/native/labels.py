"""Methods on labelled responses instead of pairs, with a reference."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lorr_bench.data.tokens import load_tokenizer, tokenize_responses
from lorr_bench.errors import DataError
from lorr_bench.ports.trainer import RowKind, StartModel, TrainJob
from lorr_bench_adapters.native.base import Loss, NativeMethod, reference_forward
from lorr_bench_adapters.native.settings import NativeSettings

if TYPE_CHECKING:
    from torch import Tensor

    from lorr_bench_adapters.native.training.layout import Layout
    from lorr_bench_adapters.native.training.rows import Batch, TrainingRows


@dataclass(frozen=True)
class LabelScores:
    """A batch of labelled responses.

    Attributes:
        responses: (responses,) log-probability of each whole response under the policy.
        references: (responses,) the same under the reference.
        wanted: (responses,) bool, the labels.
        kl: Scalar estimate of KL(π ‖ π_ref) over all processes, at least 0, without gradient.
    """

    responses: Tensor
    references: Tensor
    wanted: Tensor
    kl: Tensor


class LabelMethod(NativeMethod):
    """A loss of labelled responses and of KL(π ‖ π_ref), whose reference is computed once.

    KL is estimated on every prompt with a response to the prompt before it, fixed once for all batches. TRL
    rotates the responses of each batch, so the two backends differ at the borders of batches.
    """

    rows: ClassVar[RowKind] = "labels"
    needs_reference: ClassVar[bool] = True
    exact_accumulation: ClassVar[bool] = False  # KL is estimated on each micro-batch, and clamped

    @abstractmethod
    def losses(self, labelled: LabelScores, settings: Any) -> Tensor:
        """(responses,) the objective of each response."""

    def reference_settings(self, hyperparameters: NativeSettings) -> dict[str, Any]:
        """What changes the tokens, or the bits of their log-probabilities."""
        return {"form": "labels", **reference_forward(hyperparameters)}

    def reference(
        self, model: StartModel, rows: Sequence[Any], hyperparameters: NativeSettings, output: Path
    ) -> None:
        """Tokenize the rows, mismatch them, and write both forms with their reference log-probabilities.

        Raises:
            DataError: All rows have one prompt.
        """
        from lorr_bench_adapters.native.training.layout import Tree
        from lorr_bench_adapters.native.training.reference import response_log_probs
        from lorr_bench_adapters.native.training.rows import write_reference

        prompts, max_length = [row.prompt for row in rows], hyperparameters.max_length
        demonstrations = [row.demonstration for row in rows]
        tokens = tokenize_responses(demonstrations, load_tokenizer(model), max_length)
        strangers = [tokens[other].response for other in mismatches(prompts)]
        others = [
            stranger[: max_length - len(own.prompt)] for own, stranger in zip(tokens, strangers, strict=True)
        ]
        matched = [Tree.of(row.prompt, row.response) for row in tokens]
        mismatched = [Tree.of(row.prompt, other) for row, other in zip(tokens, others, strict=True)]
        columns = {
            "prompt_ids": [row.prompt for row in tokens],
            "completion_ids": [row.response for row in tokens],
            "label": [row.label for row in rows],
            "KL_completion_ids": others,
            "ref_logps": response_log_probs(model, matched, hyperparameters)[0],
            "ref_KL_logps": response_log_probs(model, mismatched, hyperparameters)[0],
        }
        write_reference(output, columns)

    def training_rows(self, job: TrainJob) -> TrainingRows:
        """What ``reference`` wrote."""
        from lorr_bench_adapters.native.training.layout import Tree
        from lorr_bench_adapters.native.training.rows import TrainingRows, read_reference

        table = read_reference(job.reference, len(job.rows))
        ids = [table[name].to_pylist() for name in ("prompt_ids", "completion_ids", "KL_completion_ids")]
        values = {
            name: table[name].to_numpy(zero_copy_only=False)
            for name in ("label", "ref_logps", "ref_KL_logps")
        }
        return TrainingRows(
            [Tree.of(prompt, response) for prompt, response, _ in zip(*ids, strict=True)],
            values,
            [Tree.of(prompt, stranger) for prompt, _, stranger in zip(*ids, strict=True)],
        )

    def loss(self, policy: Callable[[Layout], Tensor], batch: Batch, settings: Any) -> Loss:
        """The mean over the responses of the micro-batch."""
        kl = self._kl(policy, batch)
        wanted, mask = batch.values["label"], batch.layout.mask
        log_probs = policy(batch.layout)
        responses, references = (log_probs * mask).sum(dim=1), batch.values["ref_logps"]
        losses = self.losses(LabelScores(responses, references, wanted, kl), settings)
        rewards = settings.beta * (responses - references).detach()
        logged = {"kl": kl, "rewards/signed": (rewards * (wanted.to(rewards.dtype) * 2 - 1)).mean()}
        return Loss(losses.mean(), log_probs[wanted], mask[wanted], logged)

    def _kl(self, policy: Callable[[Layout], Tensor], batch: Batch) -> Tensor:
        """The estimate over all processes."""
        import torch
        from accelerate.utils import reduce

        from lorr_bench_adapters.native import objectives

        assert batch.mismatched is not None
        with torch.no_grad():
            mismatched = (policy(batch.mismatched) * batch.mismatched.mask).sum(dim=1)
        here = objectives.mismatched_kl(mismatched, batch.values["ref_KL_logps"])
        everywhere: Tensor = reduce(here, "mean")
        return everywhere.clamp(min=0)


def mismatches(prompts: Sequence[str]) -> list[int]:
    """For each row another row, whose response is taken as the mismatched one.

    The rows of a prompt take those of the prompt before it, one after the other, so that the mismatched
    responses are about the same as the matched ones, and the first rows of a file don't draw on later ones.
    Only the first prompt takes those of the second.

    Args:
        prompts: Of all rows; rows of one prompt lie together.

    Raises:
        DataError: There is only one prompt.
    """
    blocks = [list(rows) for _, rows in groupby(range(len(prompts)), key=prompts.__getitem__)]
    if len(blocks) < 2:
        raise DataError(
            "KTO needs responses to two prompts at least, there is one",
            where="rows",
            fix="Raise budget.unique_pairs.",
        )
    sources = [blocks[1], *blocks[:-1]]
    return [
        source[number % len(source)]
        for block, source in zip(blocks, sources, strict=True)
        for number in range(len(block))
    ]
