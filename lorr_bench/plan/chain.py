"""The stages that train one arm: rounds of collect, reference and train, and rollouts between replays.

::

    priming:  collect → reference → train on the first pairs, before the first round
    round:    collect → reference → train
    rollouts: train up to replay ℓ → refresh → reference → train on from there

A method of one round without rollouts is collect → reference → train.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from lorr_bench.errors import SuiteError
from lorr_bench.plan.arms import Arm, Priming
from lorr_bench.plan.ingredients import Ingredients, Sampled, grader
from lorr_bench.plan.kinds.model import Generator
from lorr_bench.plan.kinds.prompts import Round
from lorr_bench.plan.kinds.reference import Reference, ReferenceParameters, ReferenceSetting
from lorr_bench.plan.kinds.refresh import Refreshed
from lorr_bench.plan.kinds.train import (
    AdapterVersion,
    LabelNoise,
    Processes,
    Train,
    TrainParameters,
    TrainSetting,
)
from lorr_bench.plan.refusals import can_use_engine
from lorr_bench.plan.stage import START_ROLE, Role, Stage
from lorr_bench.ports.trainer import split_places
from lorr_bench.spec.base import GradingSpec
from lorr_bench.values import Point


@dataclass(frozen=True)
class _Round:
    """One round of training.

    Attributes:
        number: Counted from 1.
        rounds: How many there are.
        collection: Digest of the stage that gave pairs and answers.
        policy: Digest of the train stage of the round before; None in the first.
        unique_pairs: Data budget of the round.
        primed: Digest of the priming, in the first round; None where there is none.
    """

    number: int
    rounds: int
    collection: str
    policy: str | None
    unique_pairs: int
    primed: str | None = None

    @property
    def text(self) -> str:
        """What it adds to a label."""
        return f", round {self.number} of {self.rounds}" if self.rounds > 1 else ""


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
                pairs = self._collect(number, policy)
            round_ = _Round(number, self._arm.rounds, pairs, policy, self._share(number))
            if policy is None and self._arm.priming is not None:
                round_ = replace(round_, primed=self._prime(self._arm.primer, pairs, self._arm.priming))
            policy = self._round(round_)
        assert policy is not None
        return policy

    def _prime(self, primer: Arm, collection: str, priming: Priming) -> str:
        """Digest of the stage that trains on the first pairs, for all arms of the method alike."""
        chain = Chain(self._ingredients, self._add, primer, self._point)
        first = _Round(1, 1, collection, None, priming.unique_pairs)
        stage = chain._train(first, collection, priming.replays, None)
        label = (
            f"prime {primer.method} on the first {priming.unique_pairs:,} pairs, {priming.replays} replays, "
            f"seed {self._point.seed}{self._noise_text}"
        )
        return self._add(replace(stage, label=label))

    def _collect(self, number: int, policy: str | None) -> str:
        """Digest of the stage with the pairs of a round."""
        seed = self._point.seed
        label = f"collect, seed {seed}, round 1 of {self._arm.rounds}"
        if policy is not None:
            label = f"collect: {self._label}, round {number} of {self._arm.rounds}"
        stages = self._ingredients.collections(label, seed, self._sampled(number), policy)
        return [self._add(stage) for stage in stages][-1]

    def _sampled(self, number: int) -> Sampled:
        """What a round's collection has of its own."""
        rounds = self._arm.iterative
        if rounds is None:
            return Sampled()
        return Sampled(
            part=Round(number, rounds.rounds) if rounds.prompts == "split" else None,
            temperature=rounds.temperature[number - 1] if rounds.temperature is not None else None,
        )

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
                pairs = self._refresh(round_, pairs, before, replay)
            before = self._add(self._train(round_, pairs, replay, before))
        assert before is not None
        return before

    def _refresh(self, round_: _Round, pairs: str, policy: str, replay: int) -> str:
        """Digest of the stage with the pairs that a replay trains on."""
        stages = self._ingredients.refresh(
            f"rollouts before replay {replay}: {self._label}{round_.text}",
            self._ingredients.collect("", self._point.seed, self._sampled(round_.number)),
            Refreshed(
                rollout_ratio=self._arm.rollout_ratio,
                unique_pairs=round_.unique_pairs,
                max_length=self._arm.known_settings.max_length,
                replay=(round_.number - 1) * self._arm.replays + replay,
            ),
            pairs,
            policy,
        )
        return [self._add(stage) for stage in stages][-1]

    def _train(self, round_: _Round, pairs: str, stop_after: int, before: str | None) -> Train:
        inputs: dict[Role, str] = {"pairs": pairs}
        counted_as: dict[Role, str] = {}
        if pairs != round_.collection:
            inputs["collection"] = round_.collection
        if self._arm.adapter.needs_reference:
            shared, own = self._references(round_, pairs, stop_after)
            inputs["reference"], counted_as["reference"] = self._add(shared), own
        if round_.policy is not None:
            inputs["model"] = round_.policy
        if round_.primed is not None:
            inputs["primed"] = round_.primed
        if before is not None:
            inputs["before"] = before
        if self._generator is not None:
            inputs[START_ROLE] = self._ingredients.fingerprint.digest
        part = "" if stop_after == self._arm.replays else f", up to replay {stop_after}"
        return Train(
            label=f"train {self._label}{round_.text}{part}",
            parameters=self._parameters(round_, stop_after),
            setting=self._setting(),
            inputs=inputs,
            counted_as=counted_as,
        )

    def _parameters(self, round_: _Round, stop_after: int) -> TrainParameters:
        arm, made = self._arm, self._ingredients
        grading = self._grading()
        return TrainParameters(
            weights=made.weights,
            adapter=AdapterVersion(arm.adapter_name, arm.adapter.version),
            packages={**arm.adapter.packages(arm.hyperparameters), **made.sharding_packages},
            hyperparameters=self._hyperparameters,
            sft_weights=arm.sft_weights,
            reset=arm.reset,
            round=Round(round_.number, round_.rounds),
            stop_after=stop_after,
            processes=Processes(made.suite.training.num_processes, made.sharding),
            unique_pairs=round_.unique_pairs,
            seed=self._point.seed,
            grader=grader() if grading is not None else None,
            grading=grading,
            generator=self._generator,
            label_noise=self._label_noise,
            adaptive=arm.adaptive,
        )

    @property
    def _generator(self) -> Generator | None:
        """What draws the answers of an online method; None where it does that itself.

        Left open, it is the engine where that is vLLM's build for GPUs.
        """
        arm, made = self._arm, self._ingredients
        wanted = arm.known_settings.use_vllm
        if wanted is None:
            wanted = made.gpu_build and can_use_engine(arm, made.suite)
        return made.generator if arm.adapter.online and wanted else None

    @property
    def _label_noise(self) -> LabelNoise | None:
        share = self._arm.label_noise
        return LabelNoise(share=share, seed=self._point.seed) if share else None

    def _grading(self) -> GradingSpec | None:
        """How an online method's own answers are graded; other methods train on answers that are graded."""
        spec = self._ingredients.suite.data.collect
        return spec.grading if self._arm.adapter.online and spec is not None else None

    def _setting(self) -> TrainSetting:
        training = self._ingredients.suite.training
        return TrainSetting(
            place=self._ingredients.place,
            places=self._places,
            save_steps=training.save_steps,
            diagnostics=training.diagnostics,
            deterministic=training.deterministic or None,
            options=self._ingredients.options if self._generator is not None else None,
        )

    def _references(self, round_: _Round, pairs: str, replay: int) -> tuple[Reference, str]:
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
        if largest == round_.unique_pairs:
            return own, own.digest
        return self._reference(round_, pairs, replay, largest), own.digest

    def _reference(self, round_: _Round, pairs: str, replay: int, unique_pairs: int) -> Reference:
        arm, made = self._arm, self._ingredients
        parameters = ReferenceParameters(
            weights=made.weights,
            backend=arm.adapter.backend,
            packages=arm.adapter.packages(arm.hyperparameters),
            rows=arm.adapter.rows,
            settings=arm.adapter.reference_settings(arm.hyperparameters),
            unique_pairs=self._whole_batches(unique_pairs),
            label_noise=self._label_noise,
        )
        setting = ReferenceSetting(
            place=made.place,
            adapter=arm.adapter_name,
            hyperparameters=arm.hyperparameters.model_dump(mode="json"),
            processes=made.suite.training.num_processes if made.sharding is not None else None,
        )
        inputs: dict[Role, str] = {"pairs": pairs}
        if round_.policy is not None and arm.iterative is not None and arm.iterative.reference == "round":
            inputs["model"] = round_.policy
        rows = f"{arm.adapter.backend} on {arm.adapter.rows}"
        label = f"reference, {rows}, seed {self._point.seed}{self._noise_text}"
        if pairs != round_.collection:
            label = f"reference before replay {replay}: {self._label}{round_.text}"
        elif round_.policy is not None:
            label = f"reference: {self._label}{round_.text}"
        return Reference(label=label, parameters=parameters, setting=setting, inputs=inputs)

    def _whole_batches(self, pairs: int) -> int:
        """So many pairs, and as many as fill the last forward pass: padding there decides the last bits."""
        batch = self._arm.known_settings.precompute_ref_batch_size or 1
        return pairs if self._arm.adapter.rows == "labels" else math.ceil(pairs / batch) * batch

    @property
    def _label(self) -> str:
        return str(self._point)

    @property
    def _noise_text(self) -> str:
        """What tells stages apart that arms of one label noise share."""
        return f", label noise {self._arm.label_noise:g}" if self._arm.label_noise else ""
