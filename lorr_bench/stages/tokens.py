"""How many tokens a stage worked through, for its speed."""

from __future__ import annotations

from typing import Final

from lorr_bench.plan.stage import Kind
from lorr_bench.store.record import Outcome

TRAINED_OR_GENERATED: Final = ("train_tokens", "generated_tokens")


def tokens_of(kind: Kind, outcome: Outcome) -> int:
    """Tokens that passed through the trained policy, or were generated.

    Args:
        kind: Of the stage.
        outcome: What it handed back.

    Returns:
        Of a training the tokens of its round so far, those before an interruption and those of replays in
        earlier stages included; 0 for a stage that neither trains nor generates, or does not count.
    """
    if kind == "train":
        counted = outcome.metrics.get("counted", {})
        return sum(int(counted.get(name, 0)) for name in TRAINED_OR_GENERATED)
    if kind == "answer_math":
        return int(outcome.metrics.get("tokens", 0))
    if kind in ("collect", "refresh"):
        return int(outcome.spend.get("generated_tokens", 0))
    return 0
