"""The stages that train one arm: rounds of collect, reference and train, and rollouts between replays.

::

    round:    collect → reference → train
    rollouts: train up to replay ℓ → refresh → reference → train on from there

A method of one round without rollouts is collect → reference → train.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lorr_bench.errors import SuiteError
from lorr_bench.plan.arms import Arm
from lorr_bench.plan.ingredients import Ingredients, grader
from lorr_bench.plan.stage import Stage
from lorr_bench.ports.trainer import RowKind, split_places
from lorr_bench.values import Point


@dataclass(frozen=True)
class _Round:
    """One round of training.

    Attributes:
        number: Counted from 1.
        collection: Digest of the stage that gave pairs and answers.
        policy: Digest of the train stage of the round before; None in the first.
        unique_pairs: Data budget of the round.
    """

    number: int
    collection: str
    policy: str | None
    unique_pairs: int


class Chain:
    """Lays out the training of one arm at one point.

    Args:
        ingredients: Of the suite.
        add: Takes a stage into the plan and gives its digest.
        arm: What to train.
        point: At which data budget, with which seed.
    """

    def __init__(self, ingredients: Ingredients, add: Callable[[Stage], str], arm: Arm, point: Point) -> None:
        self._ingredients = ingredients
        self._add = add
        self._arm = arm
        self._point = point
        self._hyperparameters, self._places = split_places(arm.hyperparameters)

    def train(self, collection: str) -> str:
        """Digest of the stage that ends the training.

        Args:
            collection: The seed's own collection, which a single round uses.
        """
        policy: str | None = None
        for number in range(1, self._arm.rounds + 1):
            pairs = collection
            if self._arm.iterative is not None:
                pairs = self._add(self._collect(number, policy))
            policy = self._round(_Round(number, pairs, policy, self._share(number)))
        assert policy is not None
        return policy

    def _collect(self, number: int, policy: str | None) -> Stage:
        seed = self._point.seed
        label = f"collect, seed {seed}, round 1 of {self._arm.rounds}"
        if policy is not None:
            label = f"collect: {self._label}, round {number} of {self._arm.rounds}"
        return self._ingredients.collect(label, seed, self._changes(number), policy)

    def _changes(self, number: int) -> dict[str, Any]:
        """What a round's collection has of its own."""
        rounds = self._arm.iterative
        if rounds is None:
            return {}
        changes: dict[str, Any] = {}
        if rounds.prompts == "split":
            changes["part"] = [number, rounds.rounds]
        if rounds.temperature is not None:
            changes["temperature"] = rounds.temperature[number - 1]
        return changes

    def _share(self, number: int) -> int:
        """Pairs of a round.

        Raises:
            SuiteError: The budget can't be split into so many rounds.
        """
        pairs = self._arm.share(self._point.unique_pairs, number)
        if pairs == 0:
            raise SuiteError(
                f"{self._arm.name}: {self._point.unique_pairs} pairs can't be split into "
                f"{self._arm.rounds} rounds",
                where="budget.unique_pairs",
                fix="Raise the budget, or lower `iterative.rounds`.",
            )
        return pairs

    def _round(self, round_: _Round) -> str:
        if not self._arm.rollout_ratio:
            return self._add(self._train(round_, round_.collection, self._arm.replays, None))
        pairs, before = round_.collection, None
        for replay in range(1, self._arm.replays + 1):
            if before is not None:
                pairs = self._add(self._refresh(round_, pairs, before, replay))
            before = self._add(self._train(round_, pairs, replay, before))
        assert before is not None
        return before

    def _refresh(self, round_: _Round, pairs: str, policy: str, replay: int) -> Stage:
        collection = self._ingredients.collect("", self._point.seed, self._changes(round_.number), None)
        params = {
            **collection.params,
            "rollout_ratio": self._arm.rollout_ratio,
            "unique_pairs": round_.unique_pairs,
            "max_length": getattr(self._arm.hyperparameters, "max_length", None),
            "replay": (round_.number - 1) * self._arm.replays + replay,
        }
        label = f"rollouts before replay {replay}: {self._label}{self._spoken_round(round_)}"
        inputs = {"pairs": pairs, **self._ingredients.models(policy)}
        return Stage("refresh", label, params, inputs, collection.setting)

    def _train(self, round_: _Round, pairs: str, stop_after: int, before: str | None) -> Stage:
        inputs, counted_as = {"pairs": pairs}, dict[str, str]()
        if pairs != round_.collection:
            inputs["collection"] = round_.collection
        if self._arm.adapter.needs_reference:
            shared, own = self._references(round_, pairs, stop_after)
            inputs["reference"], counted_as["reference"] = self._add(shared), own
        if round_.policy is not None:
            inputs["model"] = round_.policy
        if before is not None:
            inputs["before"] = before
        part = "" if stop_after == self._arm.replays else f", up to replay {stop_after}"
        label = f"train {self._label}{self._spoken_round(round_)}{part}"
        return Stage("train", label, self._params(round_, stop_after), inputs, self._setting(), counted_as)

    def _params(self, round_: _Round, stop_after: int) -> dict[str, Any]:
        arm, training = self._arm, self._ingredients.suite.training
        return {
            **self._ingredients.weights,
            "adapter": [arm.adapter_name, arm.adapter.version],
            "packages": {
                **arm.adapter.packages(arm.hyperparameters),
                **self._ingredients.sharding_packages,
            },
            "hyperparameters": self._hyperparameters,
            "sft_weights": list(arm.sft_weights),
            "reset": arm.reset,
            "round": [round_.number, arm.rounds],
            "stop_after": stop_after,
            "processes": [training.num_processes, self._ingredients.sharding],
            "unique_pairs": round_.unique_pairs,
            "seed": self._point.seed,
            **self._verifier(),
        }

    def _verifier(self) -> dict[str, Any]:
        """What grades an online method's own answers; other methods train on answers that are graded."""
        spec = self._ingredients.suite.data.collect
        if not self._arm.adapter.online or spec is None:
            return {}
        return {"grader": grader(), "grading": spec.grading.model_dump(mode="json")}

    def _setting(self) -> dict[str, Any]:
        training = self._ingredients.suite.training
        return {
            **self._ingredients.model_setting,
            "places": self._places,
            "save_steps": training.save_steps,
            "diagnostics": training.diagnostics,
        }

    def _references(self, round_: _Round, pairs: str, replay: int) -> tuple[Stage, str]:
        """The reference to compute, and the digest of one for this budget alone.

        The pairs of a seed are referred to once, for the largest budget. Its first rows are, to the bit, what
        a smaller reference holds, and a training counts it as that: so a suite can grow by a larger budget
        and keep its work.
        """
        own = self._reference(round_, pairs, replay, round_.unique_pairs)
        # The KL estimate of labelled rows mixes rows: those beyond the budget must not be among them.
        if round_.policy is not None or pairs != round_.collection or self._arm.adapter.rows == "labels":
            return own, own.digest
        largest = self._arm.share(max(self._ingredients.suite.budget.unique_pairs), round_.number)
        return self._reference(round_, pairs, replay, largest), own.digest

    def _reference(self, round_: _Round, pairs: str, replay: int, unique_pairs: int) -> Stage:
        arm = self._arm
        settings = arm.adapter.reference_settings(arm.hyperparameters)
        params = {
            **self._ingredients.weights,
            "backend": arm.adapter.backend,
            "packages": arm.adapter.packages(arm.hyperparameters),
            "rows": arm.adapter.rows,
            "settings": settings,
            "unique_pairs": _whole_batches(unique_pairs, arm.adapter.rows, settings),
        }
        setting = {
            **self._ingredients.model_setting,
            "adapter": arm.adapter_name,
            "hyperparameters": arm.hyperparameters.model_dump(mode="json"),
        }
        inputs = {"pairs": pairs}
        if round_.policy is not None and arm.iterative is not None and arm.iterative.reference == "round":
            inputs["model"] = round_.policy
        label = f"reference, {arm.adapter.backend} on {arm.adapter.rows}, seed {self._point.seed}"
        if pairs != round_.collection:
            label = f"reference before replay {replay}: {self._label}{self._spoken_round(round_)}"
        elif round_.policy is not None:
            label = f"reference: {self._label}{self._spoken_round(round_)}"
        return Stage("reference", label, params, inputs, setting)

    @property
    def _label(self) -> str:
        return str(self._point)

    def _spoken_round(self, round_: _Round) -> str:
        return f", round {round_.number} of {self._arm.rounds}" if self._arm.rounds > 1 else ""


def _whole_batches(pairs: int, rows: RowKind, settings: Mapping[str, Any]) -> int:
    """So many pairs, and as many more as fill the last forward pass: padding there decides the last bits."""
    if rows == "labels":
        return pairs
    batch: int = settings.get("precompute_ref_batch_size", 1)
    return math.ceil(pairs / batch) * batch
