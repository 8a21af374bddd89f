"""From a suite to a plan: every stage, in the order in which the pools prefer them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from lorr_bench.plan.analysis import resolve
from lorr_bench.plan.arms import Arm, make_arms
from lorr_bench.plan.chain import Chain
from lorr_bench.plan.charges import check_budgets
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
from lorr_bench.spec.load import LoadedSuite
from lorr_bench.spec.models import Suite
from lorr_bench.values import START, Analysis, Point, Published, Spend


@dataclass(frozen=True)
class Plan:
    """Everything a run will do.

    Attributes:
        suite: What was asked.
        arms: The arms, methods outside and plug-ins inside.
        stages: Each stage once, inputs before those who read them.
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


def make_plan(loaded: LoadedSuite, revisions: Revisions | None = None) -> Plan:
    """Check a suite as far as it can be without running it, and lay out its stages.

    Args:
        loaded: The suite.
        revisions: Resolves names of the Hub; without one no network is used, and what this machine does not
            know stays unresolved.

    Raises:
        SuiteError: A hyper-parameter or adapter that does not exist, or a combination that can't be.
        BudgetError: An arm that would exceed its budget.
        DataError: A data file that is missing, or published figures that it does not hold.
        ModelError: A model folder that is missing or incomplete.
    """
    arms = make_arms(loaded)
    ingredients = Ingredients(loaded.suite, loaded.folder, revisions or Revisions())
    return _Planner(ingredients, arms).plan(check_budgets(loaded.suite, arms))


class _Planner:
    """Collects the stages of one suite."""

    def __init__(self, ingredients: Ingredients, arms: tuple[Arm, ...]) -> None:
        self._suite = ingredients.suite
        self._arms = arms
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
            if seed == suite.seeds[0]:
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
