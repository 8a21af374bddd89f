"""Combinations of method, plug-in and data that can't be: each is refused before it runs, with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from lorr_bench.errors import SuiteError
from lorr_bench.plan.sharding import Library
from lorr_bench.ports.trainer import RowKind
from lorr_bench.spec.models import Suite
from lorr_bench.spec.sources import DataType

if TYPE_CHECKING:
    from lorr_bench.plan.arms import Arm

FROM_COLLECTION: Final = {
    "right_answers": "it learns from every right answer that was sampled",
    "prompts": "it answers prompts whose right answer is known",
}
LEARNS_FROM: Final[Mapping[DataType, tuple[RowKind, ...]]] = {
    "preference": ("pairs", "labels", "chosen"),
    "unpaired": ("labels",),
    "prompt_completion": ("chosen",),
}
"""Kinds of rows that a ready-made set gives; those that need a collection are refused before."""
_NEEDS: Final[Mapping[RowKind, str]] = {
    "pairs": "two responses to a prompt",
    "labels": "responses that are wanted and others that are not",
    "chosen": "one response to a prompt that is wanted",
}
_TAKE: Final[Mapping[DataType, str]] = {
    "unpaired": "a method that trains on labels, such as kto",
    "prompt_completion": "a method that trains on chosen responses, such as sft",
}
REFRESHED: Final = ("pairs", "labels", "chosen")
"""What can be made anew from fresh answers to the same prompts."""


def check_combination(arm: Arm, suite: Suite, library: Library) -> None:
    """Refuse an arm that can't be trained as the suite asks.

    Args:
        arm: Method and plug-in.
        suite: What is asked.
        library: What shares the model between the processes of a training run.

    Raises:
        SuiteError: The first reason why not, and what to change.
    """
    for reason, fix in _reasons(arm, suite, library):
        raise SuiteError(f"{arm.name} can't be: {reason}", where="methods, plugins", fix=fix)


def _reasons(arm: Arm, suite: Suite, library: Library) -> Iterator[tuple[str, str]]:
    yield from _objective(arm)
    yield from _data(arm, suite)
    yield from _noise(arm, suite)
    yield from _priming(arm)
    yield from _reset(arm)
    yield from _adaptive(arm, suite)
    yield from _processes(arm, suite, library)
    yield from _engine(arm, suite)


def _objective(arm: Arm) -> Iterator[tuple[str, str]]:
    if any(arm.sft_weights) and not arm.adapter.takes_sft_term:
        yield (
            f"{arm.adapter.name} takes no SFT term",
            "Set `sft: off` in the plug-in; `plugins:` under a method names those it is combined with.",
        )


def _data(arm: Arm, suite: Suite) -> Iterator[tuple[str, str]]:
    rows, collect = arm.adapter.rows, suite.data.collect
    if rows in FROM_COLLECTION and collect is None:
        yield f"{FROM_COLLECTION[rows]}", "Use `data.collect` instead of `data.pairs`."
    if rows in FROM_COLLECTION and collect is not None and collect.reward_model is not None:
        yield f"{FROM_COLLECTION[rows]}, and a reward model tells none", "Leave out `reward_model`."
    file = suite.data.pairs
    if file is not None and rows not in (*FROM_COLLECTION, *LEARNS_FROM[file.type]):
        yield (
            f"it learns from {_NEEDS[rows]}, and rows of `type: {file.type}` hold none",
            f"Use {_TAKE[file.type]}, or give a set of preferences in `data.pairs`.",
        )
    pairs = suite.budget.unique_pairs[-1]
    if collect is not None and collect.num_prompts < pairs:
        yield (
            f"{collect.num_prompts} prompts give a pair each at most, too few for {pairs} pairs",
            "Raise `data.collect.num_prompts`, or lower `budget.unique_pairs`.",
        )
    for asked, what in ((arm.rollout_ratio, "rollout_ratio"), (arm.iterative, "iterative")):
        if asked and collect is None:
            yield f"`{what}` samples new answers", "Use `data.collect` instead of `data.pairs`."
    if arm.iterative and arm.adapter.online:
        yield f"{arm.adapter.name} samples anew at every step, rounds add nothing", "Leave out `iterative`."
    if arm.rollout_ratio and rows not in REFRESHED:
        yield f"{arm.adapter.name} has no pairs to refresh", "Set `rollout_ratio: 0` for it."
    if arm.rollout_ratio and arm.replays == 1:
        yield "`rollout_ratio` acts from the second replay on", "Raise `replays`."
    if arm.iterative and arm.iterative.reference == "start" and not arm.adapter.in_process:
        yield (
            f"the reference of {arm.adapter.backend} is the model that a round starts from",
            "Use `reference: round`.",
        )
    if arm.rollout_ratio and not arm.adapter.in_process:
        yield f"{arm.adapter.backend} can't change its rows between replays", "Set `rollout_ratio: 0`."


def _noise(arm: Arm, suite: Suite) -> Iterator[tuple[str, str]]:
    if not arm.label_noise:
        return
    if arm.adapter.rows == "prompts":
        yield (
            f"`label_noise` swaps the responses of pairs, and {arm.adapter.name} makes its own answers",
            "Leave it out; `plugins:` under a method names those it is combined with.",
        )
    file = suite.data.pairs
    if file is not None and file.type == "prompt_completion":
        yield (
            "`label_noise` swaps two responses, and rows of `type: prompt_completion` hold one",
            "Set `label_noise: 0`, or give a set of preferences in `data.pairs`.",
        )


def _priming(arm: Arm) -> Iterator[tuple[str, str]]:
    """The reference stays the start model, and the pairs of the priming are among those of the arm."""
    if arm.priming is None:
        return
    if arm.adapter.online:
        yield f"{arm.adapter.name} has no pairs to be primed on", "Leave out `priming`."
    if not arm.adapter.in_process:
        yield (
            f"the reference of {arm.adapter.backend} is the model that it trains, which would be the primed "
            "one",
            "Leave out `priming`, or choose another `backend`.",
        )
    smallest = min(arm.share(pairs, 1) for pairs in arm.budgets)
    if arm.priming.unique_pairs > smallest:
        yield (
            f"`priming` wants {arm.priming.unique_pairs} pairs, and the first round has {smallest} at its "
            "smallest data budget",
            f"Set `priming.unique_pairs` to {smallest} at most.",
        )
    primed_length = arm.primer.known_settings.max_length
    if primed_length != arm.known_settings.max_length:
        yield (
            f"its max_length is {arm.known_settings.max_length} and that of its priming {primed_length}, so "
            "others would be the first pairs",
            "Give both the same `max_length`.",
        )


def _reset(arm: Arm) -> Iterator[tuple[str, str]]:
    if arm.reset is None:
        return
    if arm.reset.period == "begin":
        yield from _begin(arm, arm.reset.anchor)
    if arm.reset.period == "round" and arm.rounds == 1:
        yield "`period: round` resets between rounds, and there is one", "Add `iterative:` to the method."
    if not arm.adapter.in_process and isinstance(arm.reset.period, int):
        yield f"{arm.adapter.backend} can't be reset within a replay", "Use `period: replay`."
    if not arm.adapter.in_process and not arm.reset.clear_optimizer:
        yield (
            f"{arm.adapter.backend} begins each replay with a fresh optimizer",
            "Use `optimizer_state: clear`.",
        )
    if arm.known_settings.lora is not None:
        yield from _lora(arm, arm.reset.anchor)


def _begin(arm: Arm, anchor: str) -> Iterator[tuple[str, str]]:
    """A reset before the first replay; towards a fresh initialisation it changes even the start model."""
    before = arm.priming is not None or arm.rounds > 1
    if anchor == "round" or (anchor == "start" and not before):
        yield (
            "`period: begin` resets before the first replay, and training begins at the anchor itself",
            "Use `anchor: start` with `priming:` or `iterative:` in the method.",
        )
    if not arm.adapter.in_process:
        yield f"{arm.adapter.backend} can't be reset before its first replay", "Use `period: replay`."


def _adaptive(arm: Arm, suite: Suite) -> Iterator[tuple[str, str]]:
    """A signal needs pairs that the arm does not train on, and a budget that they can be charged to."""
    if arm.adaptive is None:
        return
    remove = "Leave out `adaptive`."
    if arm.adapter.online:
        yield f"`adaptive` is measured on pairs, and {arm.adapter.name} makes its own answers", remove
    if arm.iterative:
        yield "`adaptive` needs pairs beyond the budget, which a later round's policy may not give", remove
    if arm.known_settings.max_length is None:
        yield f"`adaptive` cuts pairs at max_length, which {arm.adapter.name} does not have", remove
    file, collect = suite.data.pairs, suite.data.collect
    if file is not None and file.responses != 2:
        yield f"`adaptive` compares two responses, and rows of `type: {file.type}` have one", remove
    asked = arm.budgets[-1] + arm.held_out_pairs
    if collect is not None and collect.num_prompts < asked:
        yield (
            f"{collect.num_prompts} prompts give a pair each at most, too few for {arm.budgets[-1]} pairs "
            f"and {arm.held_out_pairs} held out",
            "Raise `data.collect.num_prompts`, or lower `adaptive.held_out_pairs`.",
        )


def _lora(arm: Arm, anchor: str) -> Iterator[tuple[str, str]]:
    """A LoRA adapter can shrink towards the model it sits on, and towards no other."""
    if anchor == "init":
        yield "a LoRA adapter can't reset its base to a fresh initialisation", "Use `anchor: start`."
    if anchor == "start" and arm.rounds > 1:
        yield "a LoRA adapter of a later round can't reset to the first start", "Use `anchor: round`."
    if anchor == "start" and arm.priming is not None:
        yield "a LoRA adapter on a primed model can't reset to the start model", "Use `anchor: round`."


def _processes(arm: Arm, suite: Suite, library: Library) -> Iterator[tuple[str, str]]:
    """A reset must know where a library keeps weights and moments, so each needs a way of its own."""
    shardings = arm.adapter.shardings
    if suite.training.num_processes == 1:
        return
    if not shardings:
        yield f"{arm.adapter.backend} starts its own processes", "Set `training.num_processes: 1`."
    elif library not in shardings:
        yield (
            f"{arm.adapter.name} on {arm.adapter.backend} can't be shared by {library}",
            f"Set `training.sharding` to one of {', '.join(shardings)}, or choose another `backend`.",
        )
    if library != "ddp" and arm.known_settings.lora is not None:
        yield f"LoRA with `sharding: {library}` is not supported", "Use `sharding: ddp`."


def can_use_engine(arm: Arm, suite: Suite) -> bool:
    """Whether an online method can draw its answers with the engine while it trains.

    Args:
        arm: Method and plug-in.
        suite: What is asked.
    """
    return not any(_obstacles(arm, suite))


def _engine(arm: Arm, suite: Suite) -> Iterator[tuple[str, str]]:
    if arm.known_settings.use_vllm:
        yield from _obstacles(arm, suite)


def _obstacles(arm: Arm, suite: Suite) -> Iterator[tuple[str, str]]:
    """What the engine can't do for a method that trains beside it."""
    if suite.training.num_processes > 1:
        yield "`use_vllm` draws answers for one process", "Leave it out, or set `training.num_processes: 1`."
    if suite.engine.tensor_parallel_size > 1:
        yield (
            "`use_vllm` gives its weights to an engine on one GPU",
            "Leave it out, or set `engine.tensor_parallel_size: 1`.",
        )
    if arm.known_settings.lora is not None and arm.known_settings.lora.four_bit:
        yield "`use_vllm` needs weights that are not in 4 bits", "Leave it out, or set `load_in_4bit: false`."
