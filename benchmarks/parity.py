"""How far each method on each backend is from its formula: loss and gradient of one batch.

Every adapter trains one step on the same eight pairs, through the port that suites use; hooks on the
parameters take the gradient. The other side is written here, apart from the adapters: a float64 forward pass
of one sequence at a time, and the formula of the paper. Errors are relative; that of the gradient is
‖g - g₆₄‖ / ‖g₆₄‖ over all parameters.

    python benchmarks/parity.py > docs/parity.md
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import torch
from nano_pairs import nano_pairs
from torch import Tensor, nn
from torch.nn.functional import softplus
from transformers import AutoModelForCausalLM, AutoTokenizer

from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.ports.registry import adapter_names, load_adapter
from lorr_bench.ports.trainer import StartModel, TrainerAdapter, TrainJob
from lorr_bench.stages.training.rows import labelled
from lorr_bench.values import Demonstration, Pair, Row

PAIRS: Final = 8
BETA: Final = 0.3
SMOOTHING: Final = 0.1
GAMMA_RATIO: Final = 0.5
NOISE: Final = 0.05
REFERENCE_FILE: Final = "reference.parquet"
INTRODUCTION: Final = """# Parity of methods and backends

Written by `python benchmarks/parity.py > docs/parity.md`.

Each adapter trains one step on eight pairs of the embedded task in float32, through the same port as in a
suite. Its loss and its gradient are held against the formula of the paper, computed in float64 one sequence
at a time by code that shares nothing with the adapters. Errors are relative; that of the gradient is over all
parameters together. Online methods are TRL's own code alone, so they are not in the table.
"""


@dataclass(frozen=True)
class Scored:
    """A response under policy and reference.

    Attributes:
        tokens: (tokens,) log-probabilities of the response under the policy, with gradient.
        whole: (tokens,) of prompt and response.
        reference: Log-probability of the response under the reference.
    """

    tokens: Tensor
    whole: Tensor
    reference: float

    @property
    def total(self) -> Tensor:
        """Log-probability of the response."""
        return self.tokens.sum()

    @property
    def mean(self) -> Tensor:
        """Log-probability per token."""
        return self.tokens.mean()

    @property
    def ratio(self) -> Tensor:
        """Log-ratio to the reference."""
        return self.total - self.reference


@dataclass(frozen=True)
class Batch:
    """What formulas see.

    Attributes:
        chosen: The preferred responses.
        rejected: The others.
        divergence: KTO's estimate of the KL divergence, without gradient.
    """

    chosen: Sequence[Scored]
    rejected: Sequence[Scored]
    divergence: float

    def mean(self, loss: Callable[[Scored, Scored], Tensor]) -> Tensor:
        """The mean of a loss over the pairs."""
        return torch.stack([loss(c, r) for c, r in zip(self.chosen, self.rejected, strict=True)]).mean()

    @property
    def nll(self) -> Tensor:
        """Mean over all tokens of the chosen responses."""
        return -torch.cat([scored.tokens for scored in self.chosen]).mean()

    @property
    def nll_with_prompt(self) -> Tensor:
        """Mean over all tokens of prompts and chosen responses."""
        return -torch.cat([scored.whole for scored in self.chosen]).mean()


def sigmoid_loss(delta: Tensor) -> Tensor:
    """-log σ(β·Δ)."""
    return softplus(-BETA * delta)


def log_odds(scored: Scored) -> Tensor:
    """log(p / (1-p)), p the geometric mean of the token probabilities."""
    return scored.mean - torch.log1p(-scored.mean.exp())


def kto(batch: Batch) -> Tensor:
    """Both halves of each pair, weighed alike."""
    wanted = [1 - torch.sigmoid(BETA * (s.ratio - batch.divergence)) for s in batch.chosen]
    unwanted = [1 - torch.sigmoid(BETA * (batch.divergence - s.ratio)) for s in batch.rejected]
    return torch.stack(wanted + unwanted).mean()


FORMULAS: Final[dict[str, Callable[[Batch], Tensor]]] = {
    "dpo": lambda b: b.mean(lambda c, r: sigmoid_loss(c.ratio - r.ratio)),
    "cdpo": lambda b: b.mean(
        lambda c, r: (
            (1 - SMOOTHING) * sigmoid_loss(c.ratio - r.ratio) + SMOOTHING * sigmoid_loss(r.ratio - c.ratio)
        )
    ),
    "robust_dpo": lambda b: b.mean(
        lambda c, r: (
            ((1 - SMOOTHING) * sigmoid_loss(c.ratio - r.ratio) - SMOOTHING * sigmoid_loss(r.ratio - c.ratio))
            / (1 - 2 * SMOOTHING)
        )
    ),
    "ipo": lambda b: b.mean(
        lambda c, r: (c.ratio / len(c.tokens) - r.ratio / len(r.tokens) - 1 / (2 * BETA)) ** 2
    ),
    "slic": lambda b: b.mean(lambda c, r: torch.clamp(1 - BETA * (c.ratio - r.ratio), min=0)),
    "apo_zero": lambda b: b.mean(
        lambda c, r: 1 - torch.sigmoid(BETA * c.ratio) + torch.sigmoid(BETA * r.ratio)
    ),
    "simpo": lambda b: b.mean(lambda c, r: sigmoid_loss(c.mean - r.mean - GAMMA_RATIO)),
    "cpo": lambda b: b.mean(lambda c, r: sigmoid_loss(c.total - r.total)) + b.nll,
    "orpo": lambda b: b.nll_with_prompt + BETA * b.mean(lambda c, r: softplus(log_odds(r) - log_odds(c))),
    "kto": kto,
    "sft": lambda b: b.nll,
    "rejection_sampling": lambda b: b.nll,
}


class NaturalOrderLoop(ReplayLoop):
    """One pass in the order of the rows, which keeps the gradients of its one step."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows=rows, seed=0, sft_weights=(0.0,), reset=None)
        self.gradients: dict[str, Tensor] = {}

    def order(self, replay: int) -> list[int]:  # noqa: ARG002 - the signature of ReplayLoop
        """As they come."""
        return list(range(self.rows))

    def start(self, model: nn.Module) -> None:
        """Hook every parameter."""
        for name, parameter in model.named_parameters():
            parameter.register_hook(self._keeper(name))

    def _keeper(self, name: str) -> Callable[[Tensor], None]:
        def keep(gradient: Tensor) -> None:
            self.gradients[name] = gradient.detach().double().cpu()

        return keep


def main() -> None:
    """Print the page."""
    pairs = nano_pairs(PAIRS, seed=1)
    print(INTRODUCTION)
    print("| method | backend | loss | relative error of the loss | relative error of the gradient |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        reference = moved_model(Path(folder) / "reference")
        for name in sorted(adapter_names(), key=lambda n: (n.rpartition(".")[2], n)):
            adapter = load_adapter(name)
            if adapter.name in FORMULAS and adapter.in_process:
                loss, loss_error, gradient_error = parity(adapter, pairs, reference, Path(folder) / name)
                print(
                    f"| `{adapter.name}` | {adapter.backend} | {loss:.6f} | {loss_error:.1e} "
                    f"| {gradient_error:.1e} |",
                    flush=True,
                )


def parity(
    adapter: TrainerAdapter, pairs: Sequence[Pair], reference: Path, folder: Path
) -> tuple[float, float, float]:
    """The loss of a batch by formula, and the relative errors of an adapter's loss and gradient."""
    ours, found = by_adapter(adapter, pairs, reference, folder)
    loss, gradients = by_formula(adapter.name, pairs, reference, mismatched(folder / REFERENCE_FILE))
    names = sorted(gradients)
    right = torch.cat([gradients[name].flatten() for name in names])
    wrong = torch.cat([found[name].flatten() for name in names]) - right
    return loss, abs(ours - loss) / abs(loss), float(wrong.norm() / right.norm())


def by_adapter(
    adapter: TrainerAdapter, pairs: Sequence[Pair], reference: Path, folder: Path
) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradients of one step through the port."""
    rows = rows_of(adapter, pairs)
    values: dict[str, Any] = {
        "per_device_train_batch_size": len(rows),
        "max_length": 128,
        "max_grad_norm": 0.0,
    }
    fields = adapter.hyperparameters.model_fields
    own = {"beta": BETA, "label_smoothing": SMOOTHING, "gamma_beta_ratio": GAMMA_RATIO}
    values |= {name: value for name, value in own.items() if name in fields}
    settings = adapter.hyperparameters.model_validate(values)
    (folder / "checkpoints").mkdir(parents=True)
    if adapter.needs_reference:
        adapter.reference(start(reference), rows, settings, folder / REFERENCE_FILE)
    loop = NaturalOrderLoop(len(rows))
    outcome = adapter.train(
        TrainJob(
            model=start(NANO_MODEL),
            reference=folder / REFERENCE_FILE if adapter.needs_reference else None,
            rows=rows,
            output=folder / "model",
            checkpoints=folder / "checkpoints",
            save_steps=0,
            stop_after=1,
            seed=0,
            loop=loop,
            hyperparameters=settings,
            progress=lambda *_: None,
        )
    )
    return outcome.replays[0]["loss"], loop.gradients


def mismatched(file: Path) -> list[tuple[list[int], list[int]]]:
    """Prompts with responses to other prompts, which KTO's backends choose and write down; else nothing."""
    if not file.exists():
        return []
    table = pq.read_table(file)
    if "KL_completion_ids" not in table.column_names:
        return []
    columns = [table[name].to_pylist() for name in ("prompt_ids", "KL_completion_ids")]
    return list(zip(*columns, strict=True))


def by_formula(
    method: str, pairs: Sequence[Pair], reference: Path, strangers: Sequence[tuple[list[int], list[int]]]
) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradients in float64."""
    model = AutoModelForCausalLM.from_pretrained(NANO_MODEL, dtype=torch.float64)
    fixed = AutoModelForCausalLM.from_pretrained(reference, dtype=torch.float64)
    tokenizer = AutoTokenizer.from_pretrained(NANO_MODEL)

    def scored(prompt: list[int], response: list[int]) -> Scored:
        whole = log_probs(model, prompt + response)
        with torch.no_grad():
            before = float(log_probs(fixed, prompt + response)[-len(response) :].sum())
        return Scored(whole[-len(response) :], whole, before)

    def ids(pair: Pair, response: str) -> tuple[list[int], list[int]]:
        prompt: list[int] = tokenizer(pair.prompt)["input_ids"]
        both = tokenizer(pair.prompt + response + tokenizer.eos_token)["input_ids"]
        return prompt, both[len(prompt) :]

    with torch.no_grad():
        ratios = [float(scored(*stranger).ratio) for stranger in strangers]
    batch = Batch(
        chosen=[scored(*ids(pair, pair.chosen)) for pair in pairs],
        rejected=[scored(*ids(pair, pair.rejected)) for pair in pairs],
        divergence=max(0.0, sum(ratios) / max(1, len(ratios))),
    )
    loss = FORMULAS[method](batch)
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return float(loss.detach()), gradients


def log_probs(model: nn.Module, ids: list[int]) -> Tensor:
    """(tokens - 1,) log-probability of each token, given those before it."""
    tokens = torch.tensor([ids])
    table = model(tokens).logits[0, :-1].log_softmax(-1)
    return table.gather(1, tokens[0, 1:, None])[:, 0]


def rows_of(adapter: TrainerAdapter, pairs: Sequence[Pair]) -> list[Row]:
    """The pairs in the form that an adapter trains on."""
    if adapter.rows == "pairs":
        return list(pairs)
    if adapter.rows == "labels":
        return labelled(pairs)
    return [Demonstration(pair.prompt, pair.chosen) for pair in pairs]


def moved_model(folder: Path) -> Path:
    """The start model with noise on its weights, to serve as the reference."""
    torch.manual_seed(1)  # one of those with which the estimated KL divergence is above 0
    model = AutoModelForCausalLM.from_pretrained(NANO_MODEL, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(NOISE * parameter.std() * torch.randn_like(parameter))
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(NANO_MODEL).save_pretrained(folder)
    return folder


def start(folder: Path) -> StartModel:
    """A model folder in float32."""
    return StartModel(str(folder), None, "float32", trust_remote_code=False)


if __name__ == "__main__":
    main()
