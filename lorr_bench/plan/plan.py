"""From a suite to a plan: every stage, in the order in which the pools prefer them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from lorr_bench.plan.analysis import resolve
from lorr_bench.plan.arms import Arm, make_arms
from lorr_bench.plan.chain import Chain
from lorr_bench.plan.charges import check_budgets, predicted_spends
from lorr_bench.plan.identity.origins import Origin
from lorr_bench.plan.identity.revisions import Revisions
from lorr_bench.plan.ingredients import Ingredients
from lorr_bench.plan.json_values import canonical_digest
from lorr_bench.plan.kinds.answers.pairs import Collection, PairScored, is_collection
from lorr_bench.plan.kinds.answers.sample import Sample
from lorr_bench.plan.kinds.collect import Collect, SamplingStage
from lorr_bench.plan.kinds.import_pairs import ImportPairs
from lorr_bench.plan.measurements import Evaluation, Measurements
from lorr_bench.plan.published import REFERENCE_FIGURES, load_published
from lorr_bench.plan.stage import Stage
from lorr_bench.plan.tuning.checks import check_benchmark
from lorr_bench.plan.tuning.searches import searches_of, suite_of_tries, tried_arms
from lorr_bench.plan.tuning.tries import Choose, Tries, nothing_tried, with_settings
from lorr_bench.ports.versions import has_gpu_build
from lorr_bench.spec.load import LoadedSuite
from lorr_bench.spec.models import Suite
from lorr_bench.spec.tuning.section import TuningSpec
from lorr_bench.values import START, Analysis, Point, Published, Spend, Tuning

TRAINED: Final = ("reference", "train")
"""Kinds of the stages that read the settings of an arm; what needs none of them is the same for all."""


@dataclass(frozen=True)
class Plan:
    """Everything a run will do.

    Attributes:
        suite: What was asked.
        arms: The arms, methods outside and plug-ins inside, with the settings that were chosen for them.
        stages: Each stage once, inputs before those who read them; those of the tries at the end.
        training: Digest of the last train stage of each point.
        evaluations: What is measured by which stage.
        predicted: What each arm will use at each data budget that it is trained at.
        contamination: Digest of the stage that compares the prompts of a seed with a benchmark.
        families: Digest of the stage that finds which problems belong together, by benchmark; nothing for
            benchmarks whose problems have no families.
        model: Where the start model comes from.
        published: Figures of others that the suite wants beside its own.
        template_date: What chat templates that ask for the date are told; None where none asks.
        revisions: Commits of the Hub that were looked up, and what lm-eval's tasks read.
        analysis: What will be tested; no stage depends on it.
        tries: What is run before the settings of the arms are known; None where the suite says them itself.
        tuning: What came of the tries so far; None likewise.
        pending: Digests of stages whose settings are not chosen yet: they stand for others of the same work,
            and must not be run.
        tried: Digests of the stages that its tries need and nothing else.
        of_tries: Whether its arms are the tries of another plan.
    """

    suite: Suite
    arms: tuple[Arm, ...]
    stages: tuple[Stage, ...]
    training: Mapping[Point, str]
    evaluations: tuple[Evaluation, ...]
    predicted: Mapping[tuple[str, int], Spend]
    contamination: Mapping[tuple[int, str], str]
    families: Mapping[str, str]
    model: Origin
    published: tuple[Published, ...]
    template_date: date | None
    revisions: Revisions
    analysis: Analysis
    tries: Tries | None = None
    tuning: Tuning | None = None
    pending: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()
    of_tries: bool = False

    @property
    def settled_stages(self) -> tuple[Stage, ...]:
        """The stages whose settings are known: a result that is stored for one is the suite's own."""
        return tuple(stage for stage in self.stages if stage.digest not in self.pending)

    @property
    def start_model(self) -> str:
        """Identity of the start model."""
        return self.model.identity

    @property
    def first_pairs(self) -> Collection | ImportPairs:
        """The stage with all pairs of the first seed; of those that are collected in rounds the first's."""
        begun = {stage.inputs.get("collection") for stage in self.stages if is_collection(stage)}
        return next(
            stage
            for stage in self.stages
            if (is_collection(stage) or isinstance(stage, ImportPairs)) and stage.digest not in begun
        )

    @property
    def first_asked(self) -> SamplingStage | None:
        """The stage that samples the last answers of those pairs; None where they are ready-made."""
        pairs = self.first_pairs
        if isinstance(pairs, PairScored):
            answers = pairs.inputs["answers"]
            return next(
                stage for stage in self.stages if isinstance(stage, Sample) and stage.digest == answers
            )
        return pairs if isinstance(pairs, Collect) else None

    @property
    def baselines(self) -> dict[str, str]:
        """The arm that each arm is compared with; a baseline is its own."""
        return {arm.name: arm.baseline for arm in self.arms}


def make_plan(
    loaded: LoadedSuite,
    revisions: Revisions | None = None,
    choose: Choose = nothing_tried,
    *,
    gpu_build: bool | None = None,
) -> Plan:
    """Check a suite as far as it can be without running it, and lay out its stages.

    Args:
        loaded: The suite.
        revisions: Resolves names of the Hub; without one no network is used, and what this machine does not
            know stays unresolved.
        choose: Knows what came of the tries where the suite is tuned; by default none has run.
        gpu_build: Whether the engine is vLLM's build for GPUs; left out, what is installed here.

    Raises:
        SuiteError: A hyper-parameter or adapter that does not exist, or a combination that can't be.
        BudgetError: An arm that would exceed its budget.
        DataError: A data file that is missing, or published figures that it does not hold.
        ModelError: A model folder that is missing or incomplete.
    """
    known = revisions or Revisions()
    made = Ingredients(
        loaded.suite, loaded.folder, known, has_gpu_build() if gpu_build is None else gpu_build
    )
    spec = loaded.suite.tuning
    if spec is None:
        return _plan(loaded, made)
    tries = _tries(loaded, made, spec)
    tuning = choose(tries)
    return _tuned(_plan(with_settings(loaded, tuning), made), loaded.suite, tries, tuning)


def _plan(loaded: LoadedSuite, made: Ingredients) -> Plan:
    """The stages of a suite whose settings are all said."""
    arms = make_arms(loaded)
    return _Planner(replace(made, suite=loaded.suite), arms).plan(check_budgets(loaded.suite, arms))


def _tries(loaded: LoadedSuite, made: Ingredients, spec: TuningSpec) -> Tries:
    """The tries of a suite, and their stages."""
    searches = searches_of(loaded, spec, make_arms(loaded))
    arms = tried_arms(loaded, searches)
    ingredients = replace(made, suite=suite_of_tries(loaded.suite, spec))
    check_benchmark(loaded, spec, ingredients)
    planner = _Planner(ingredients, arms, of_tries=True)
    return Tries(spec, searches, planner.plan(predicted_spends(loaded.suite, arms)))


def _tuned(plan: Plan, suite: Suite, tries: Tries, tuning: Tuning) -> Plan:
    """A plan with the stages of its tries behind its own."""
    own = {stage.digest for stage in plan.stages}
    others = tuple(stage for stage in tries.plan.stages if stage.digest not in own)
    return replace(
        plan,
        suite=suite,
        stages=(*plan.stages, *others),
        tries=tries,
        tuning=tuning,
        pending=_pending(plan, tuning),
        tried=frozenset(stage.digest for stage in others),
    )


def _pending(plan: Plan, tuning: Tuning) -> frozenset[str]:
    """The stages of a plan that wait for settings: of points without them, and of no other."""
    undecided = {(each.arm, pairs) for each in tuning.arms if each.chosen is None for pairs in each.used_at}
    decided = {
        digest
        for point, digest in [
            *plan.training.items(),
            *((evaluation.point, evaluation.digest) for evaluation in plan.evaluations),
        ]
        if (point.arm, point.unique_pairs) not in undecided
    }
    depending: set[str] = set()
    for stage in plan.stages:
        if stage.kind in TRAINED or not depending.isdisjoint(stage.needs):
            depending.add(stage.digest)
    return frozenset(depending - _needed(plan.stages, decided))


def _needed(stages: Sequence[Stage], wanted: Iterable[str]) -> set[str]:
    """Digests of some stages and of all that they need."""
    needed = set(wanted)
    for stage in reversed(stages):
        if stage.digest in needed:
            needed.update(stage.needs)
    return needed


class _Planner:
    """Collects the stages of one suite; of tries nothing is laid out that is not about one of them."""

    def __init__(self, ingredients: Ingredients, arms: tuple[Arm, ...], *, of_tries: bool = False) -> None:
        self._suite = ingredients.suite
        self._arms = arms
        self._of_tries = of_tries
        self._ingredients = ingredients
        self._stages: dict[str, Stage] = {}
        self._training: dict[Point, str] = {}
        self._evaluations: list[Evaluation] = []
        self._contamination: dict[tuple[int, str], str] = {}
        self._families: dict[str, str] = {}
        self._measurements = Measurements(self._ingredients, self._add)

    def plan(self, predicted: Mapping[tuple[str, int], Spend]) -> Plan:
        suite = self._suite
        self._add(self._ingredients.fingerprint)
        for seed in suite.seeds:
            stages = self._ingredients.pairs(seed)
            pairs = stages[-1]
            if any(arm.iterative is None for arm in self._arms):
                for stage in stages:
                    self._add(stage)
            if seed == suite.seeds[0] and not self._of_tries:
                self._evaluate(START, None)
                self._find_families()
            self._look_for_contamination(seed, pairs)
            for unique_pairs in suite.budget.unique_pairs:
                for arm in self._arms:
                    if unique_pairs in arm.budgets:
                        self._train(arm.at(unique_pairs), Point(arm.name, unique_pairs, seed), pairs)
        return Plan(
            suite=suite,
            arms=self._arms,
            stages=tuple(self._stages.values()),
            training=self._training,
            evaluations=tuple(self._evaluations),
            predicted=predicted,
            contamination=self._contamination,
            families=self._families,
            model=self._ingredients.model,
            published=self._published(),
            template_date=self._ingredients.asked_date,
            revisions=self._ingredients.revisions,
            analysis=resolve(suite, self._arms),
            of_tries=self._of_tries,
        )

    def _train(self, arm: Arm, point: Point, pairs: Stage) -> None:
        self._training[point] = Chain(self._ingredients, self._add, arm, point).train(pairs.digest)
        self._evaluate(point, self._training[point])

    def _published(self) -> tuple[Published, ...]:
        wanted = self._suite.published
        if wanted is None:
            return ()
        figures = [figure.model_dump(exclude_none=True) for figure in wanted.figures]
        file = self._ingredients.folder / wanted.file if wanted.file else REFERENCE_FIGURES
        return load_published(file, figures)

    def _add(self, stage: Stage) -> str:
        self._stages.setdefault(stage.digest, stage)
        return stage.digest

    def _evaluate(self, point: Point, weights: str | None) -> None:
        self._evaluations.extend(self._measurements.of(point, weights, str(point)))

    def _find_families(self) -> None:
        for evaluation in self._evaluations:
            stage = self._measurements.families(evaluation)
            if stage is not None:
                self._families[evaluation.benchmark] = self._add(stage)

    def _look_for_contamination(self, seed: int, pairs: Stage) -> None:
        if self._suite.evaluation.contamination is None:
            return
        imported = pairs.digest if isinstance(pairs, ImportPairs) else None
        for evaluation in self._evaluations:
            if evaluation.point == START:
                stage = self._measurements.contamination(seed, imported, evaluation)
                self._contamination[seed, evaluation.benchmark] = self._add(stage)


def plan_digest(plan: Plan) -> str:
    """Identity of all the work of a plan."""
    return canonical_digest([stage.digest for stage in plan.stages])
