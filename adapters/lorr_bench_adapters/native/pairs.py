"""Methods on pairs, with and without a reference."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lorr_bench.data.tokens import TokenPair, load_tokenizer, tokenize_pairs
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench_adapters.native.base import Loss, NativeMethod, reference_forward
from lorr_bench_adapters.native.settings import NativeSettings

if TYPE_CHECKING:
    from torch import Tensor

    from lorr_bench_adapters.native.training.layout import Layout, Tree
    from lorr_bench_adapters.native.training.rows import Batch, TrainingRows


@dataclass(frozen=True)
class Responses:
    """Scored responses, one a row.

    Attributes:
        log_probs: (rows, tokens) 0 where nothing is scored.
        mask: (rows, tokens) 1 at tokens of the response.
        scored: (rows, tokens) 1 at all scored tokens, the prompt's too where the method asks for them.
        reference: (rows,) log-probability under the reference; None for methods without one.
    """

    log_probs: Tensor
    mask: Tensor
    scored: Tensor
    reference: Tensor | None

    @property
    def lengths(self) -> Tensor:
        """(rows,) tokens of the responses."""
        return self.mask.sum(dim=1)

    @property
    def totals(self) -> Tensor:
        """(rows,) log-probability of the whole response."""
        return (self.log_probs * self.mask).sum(dim=1)

    @property
    def means(self) -> Tensor:
        """(rows,) log-probability per token of the response."""
        return self.totals / self.lengths.clamp(min=1)


@dataclass(frozen=True)
class PairScores:
    """A batch of pairs.

    Attributes:
        chosen: The preferred responses.
        rejected: The others.
        tokens_per_row: Tokens that likelihood terms of chosen responses count, mean over the pairs of the
            whole update; see ``objectives.token_nll``.
    """

    chosen: Responses
    rejected: Responses
    tokens_per_row: float

    @property
    def log_probs(self) -> tuple[Tensor, ...]:
        """Chosen, rejected and their reference: (pairs,) each, the first arguments of most objectives."""
        assert self.chosen.reference is not None
        assert self.rejected.reference is not None
        return self.chosen.totals, self.rejected.totals, self.chosen.reference, self.rejected.reference


class PairMethod(NativeMethod):
    """A loss of pairs.

    Attributes:
        per_token: Whether the method looks at responses per token; the rewards that are logged then do too.
    """

    per_token: ClassVar[bool] = False

    @abstractmethod
    def losses(self, pairs: PairScores, settings: Any) -> Tensor:
        """(pairs,) the objective of each pair."""

    def training_rows(self, job: TrainJob) -> TrainingRows:
        """Pairs, tokenized."""
        from lorr_bench_adapters.native.training.rows import TrainingRows

        rows: Any = job.rows
        pairs = tokenize_pairs(rows, load_tokenizer(job.model), job.hyperparameters.max_length)
        return TrainingRows(pair_trees(pairs))

    def loss(self, policy: Callable[[Layout], Tensor], batch: Batch, settings: Any) -> Loss:
        """The mean over the pairs of the micro-batch."""
        log_probs = policy(batch.layout)
        chosen, rejected = self._halves(log_probs, batch)
        losses = self.losses(PairScores(chosen, rejected, batch.tokens_per_row), settings)
        return Loss(
            losses.mean(), chosen.log_probs, chosen.mask, self._logged(chosen, rejected, settings.beta)
        )

    def _halves(self, log_probs: Tensor, batch: Batch) -> Iterator[Responses]:
        layout, references = batch.layout, ("ref_chosen_logps", "ref_rejected_logps")
        halves = zip(log_probs.chunk(2), layout.mask.chunk(2), layout.scored.chunk(2), strict=True)
        for half, column in zip(halves, references, strict=True):
            yield Responses(*half, batch.values.get(column))

    def _logged(self, chosen: Responses, rejected: Responses, beta: float) -> dict[str, Tensor]:
        of_chosen, of_rejected = self._scores(chosen), self._scores(rejected)
        rewards = [beta * of_chosen, beta * of_rejected]
        for side, reference in enumerate((chosen.reference, rejected.reference)):
            if reference is not None:
                rewards[side] = rewards[side] - beta * reference
        good, bad = rewards
        return {
            "rewards/chosen": good.mean(),
            "rewards/rejected": bad.mean(),
            "rewards/margins": (good - bad).mean(),
            "rewards/accuracies": (good > bad).double().mean(),
            "logps/chosen": of_chosen.mean(),
            "logps/rejected": of_rejected.mean(),
        }

    def _scores(self, responses: Responses) -> Tensor:
        return (responses.means if self.per_token else responses.totals).detach()


class ReferenceMethod(PairMethod):
    """A loss of pairs that is tied to a reference; all of them share one reference file."""

    needs_reference: ClassVar[bool] = True

    def reference_settings(self, hyperparameters: NativeSettings) -> dict[str, Any]:
        """What changes the tokens, or the bits of their log-probabilities."""
        return {"form": "pairs", **reference_forward(hyperparameters)}

    def reference(
        self, model: StartModel, rows: Sequence[Any], hyperparameters: NativeSettings, output: Path
    ) -> None:
        """Tokenize the pairs, compute their reference log-probabilities and write a Parquet file."""
        from lorr_bench_adapters.native.training.reference import response_log_probs
        from lorr_bench_adapters.native.training.rows import write_reference

        pairs = tokenize_pairs(rows, load_tokenizer(model), hyperparameters.max_length)
        chosen, rejected = response_log_probs(model, pair_trees(pairs), hyperparameters)
        columns = {
            "prompt_ids": [pair.prompt for pair in pairs],
            "chosen_ids": [pair.chosen for pair in pairs],
            "rejected_ids": [pair.rejected for pair in pairs],
            "ref_chosen_logps": chosen,
            "ref_rejected_logps": rejected,
        }
        write_reference(output, columns)

    def training_rows(self, job: TrainJob) -> TrainingRows:
        """What ``reference`` wrote."""
        from lorr_bench_adapters.native.training.layout import Tree
        from lorr_bench_adapters.native.training.rows import TrainingRows, read_reference

        table = read_reference(job.reference, len(job.rows))
        ids = [table[name].to_pylist() for name in ("prompt_ids", "chosen_ids", "rejected_ids")]
        trees = [Tree.of(*row) for row in zip(*ids, strict=True)]
        names = ("ref_chosen_logps", "ref_rejected_logps")
        return TrainingRows(trees, {name: table[name].to_numpy() for name in names})


def pair_trees(pairs: Sequence[TokenPair]) -> list[Tree]:
    """Trees of the prompt, the chosen and the rejected response."""
    from lorr_bench_adapters.native.training.layout import Tree

    return [Tree.of(pair.prompt, pair.chosen, pair.rejected) for pair in pairs]
