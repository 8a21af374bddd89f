"""What a training run is charged: the pairs' collection, the training, the priming, and all rounds before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final

from lorr_bench.plan.kinds.answers.pairs import is_collection
from lorr_bench.plan.kinds.registry import stage_from_dict
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.stage import Role
from lorr_bench.stages.task import Task
from lorr_bench.stages.training.rows import Collection
from lorr_bench.stages.training.selection import Selection
from lorr_bench.stages.training.spent import Spent
from lorr_bench.store.record import Record
from lorr_bench.values import Pair

FLOPS_PER_PARAMETER_AND_TOKEN: Final = 6  # forward 2, backward 4: Kaplan et al. 2020, arXiv 2001.08361
FLOPS_PER_FROZEN_PARAMETER_AND_TOKEN: Final = 4  # no gradient of its own


@dataclass(frozen=True)
class Counted:
    """What an adapter counted over a round, up to now.

    Attributes:
        optimizer_steps: Updates.
        train_tokens: Tokens that passed through the policy.
        generated_tokens: Tokens that an online method generated.
        verifier_calls: Answers of an online method that were graded.
        parameters: Number of trained parameters.
        frozen_parameters: Number of parameters below a LoRA adapter.
    """

    optimizer_steps: int
    train_tokens: int
    generated_tokens: int
    verifier_calls: int
    parameters: int
    frozen_parameters: int = 0

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the quantities."""
        return tuple(field.name for field in fields(cls))


def charge(
    task: Task[Train], selection: Selection, counted: Counted, spent: Spent, replays: int
) -> dict[str, float]:
    """The line of the ledger up to the end of this stage.

    Args:
        task: The stage.
        selection: Its data.
        counted: By the adapter over this round, replays before this stage included.
        spent: On the training of this stage, before interruptions too.
        replays: That are visited in this round, those of stages behind this one included.
    """
    total: defaultdict[str, float] = defaultdict(float)
    now = {**_training(asdict(counted)), "wall_seconds": spent.seconds}
    for spend in (*_spends_before(task, selection, replays), now):
        for name, value in spend.items():
            total[name] += value
    return {**total, "peak_memory_bytes": max(spent.peak_memory_bytes, _peak_before(task))}


def _spends_before(task: Task[Train], selection: Selection, replays: int) -> Iterator[Mapping[str, float]]:
    """All but the training of this round: earlier rounds, data, rollouts."""
    if "before" in task.inputs:
        record = task.record_of("before")
        yield record.outcome.spend
        yield _minus(_training(record.outcome.metrics["counted"]))
        yield task.record_of("pairs").outcome.spend  # the rollouts
        return
    earlier = task.record_of("model").outcome.spend if "model" in task.inputs else {}
    yield earlier
    if "primed" in task.inputs:
        yield _priming(task.record_of("primed"))
    data = _data(task.stage, selection, replays)
    if earlier and not _asks_a_share(task):
        data["prompts"] = max(0, data["prompts"] - earlier["prompts"])  # the same prompts, asked again
    yield {**data, **selection.spend}


def collection_spend(collection: Collection, pairs: Sequence[Pair]) -> dict[str, float]:
    """What the pairs cost: all prompts up to the last one that gave a pair, also those that gave none.

    A prompt that did not fit the model's context was not asked, and costs nothing.

    Args:
        collection: Where they come from; ready-made pairs cost nothing.
        pairs: The pairs of the data budget, in the order of asking.
    """
    if not collection.is_sampled:
        return {}
    rows = collection.prompts_up_to(pairs)
    return {
        "prompts": sum(row["answers"] > 0 for row in rows),
        "verifier_calls": sum(row["answers"] for row in rows),
        "generated_tokens": sum(row["generated_tokens"] for row in rows),
    }


def _asks_a_share(task: Task[Train]) -> bool:
    """Whether each round asks prompts of its own."""
    record = task.record_of("collection" if "collection" in task.inputs else "pairs")
    collection = stage_from_dict(record.stage)
    return is_collection(collection) and collection.parameters.part is not None


def _data(stage: Train, selection: Selection, replays: int) -> dict[str, float]:
    """Data of a round, held-out pairs of a signal included.

    An online method is charged the prompts alone, it makes its own answers.
    """
    collected = collection_spend(selection.collection, [*selection.pairs, *selection.held_out])
    if stage.adapter.online:
        return {"prompts": collected.get("prompts", 0)}
    pairs = len(selection.pairs)
    return {**collected, "unique_pairs": pairs, "pair_visits": pairs * replays}


def _priming(record: Record) -> dict[str, float]:
    """The training of a priming alone: its pairs are among those of the arm, which pays for them."""
    spend = record.outcome.spend
    training = _training(record.outcome.metrics["counted"])
    return {**training, **{name: spend[name] for name in ("pair_visits", "wall_seconds")}}


def _training(counted: dict[str, float]) -> dict[str, float]:
    quantities = {name: value for name, value in counted.items() if not name.endswith("parameters")}
    trained = FLOPS_PER_PARAMETER_AND_TOKEN * counted["parameters"]
    frozen = FLOPS_PER_FROZEN_PARAMETER_AND_TOKEN * counted.get("frozen_parameters", 0)
    flops = (trained + frozen) * counted["train_tokens"]
    return {**quantities, "flops": float(flops)}


def _minus(quantities: dict[str, float]) -> dict[str, float]:
    return {name: -value for name, value in quantities.items()}


def _peak_before(task: Task[Train]) -> float:
    roles: tuple[Role, ...] = ("before", "model", "primed")
    records = [task.record_of(role) for role in roles if role in task.inputs]
    return max((record.outcome.spend["peak_memory_bytes"] for record in records), default=0)
