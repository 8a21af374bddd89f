"""From a suite to a plan: every stage, in the order in which the lanes prefer them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lorr_bench.plan.arms import Arm, make_arms
from lorr_bench.plan.chain import Chain, spoken
from lorr_bench.plan.charges import check_budgets
from lorr_bench.plan.ingredients import Ingredients, prompt_params
from lorr_bench.plan.origins import nano_tasks_identity, prompt_origin, task_folder_identity
from lorr_bench.plan.stage import Stage, canonical_digest
from lorr_bench.ports.versions import package_version
from lorr_bench.spec.load import LoadedSuite
from lorr_bench.spec.models import GeneralBenchmark, Suite
from lorr_bench.values import START, Point, Spend


@dataclass(frozen=True)
class Evaluation:
    """Which stage measures which model on what.

    Attributes:
        point: The model.
        benchmark: Name of the benchmark in the suite.
        kind: ``math`` or ``general``.
        digest: Digest of the stage.
    """

    point: Point
    benchmark: str
    kind: str
    digest: str


@dataclass(frozen=True)
class Plan:
    """Everything a run will do.

    Attributes:
        suite: What was asked.
        arms: The arms, methods outside and plug-ins inside.
        stages: Each stage once, inputs before those who read them.
        training: Digest of the last train stage of each point.
        evaluations: What is measured by which stage.
        predicted: What each arm will use at each data budget.
    """

    suite: Suite
    arms: tuple[Arm, ...]
    stages: tuple[Stage, ...]
    training: Mapping[Point, str]
    evaluations: tuple[Evaluation, ...]
    predicted: Mapping[tuple[str, int], Spend]

    @property
    def baselines(self) -> dict[str, str]:
        """The arm that each arm is compared with; a baseline is its own."""
        return {arm.name: arm.baseline for arm in self.arms}


def make_plan(loaded: LoadedSuite) -> Plan:
    """Check a suite as far as it can be without running it, and lay out its stages.

    Raises:
        SuiteError: A hyper-parameter or adapter that does not exist, or a combination that can't be.
        BudgetError: An arm that would exceed its budget.
        DataError: A data file that is missing.
        ModelError: A model folder that is missing or incomplete.
    """
    arms = make_arms(loaded)
    return _Planner(loaded.suite, loaded.folder, arms).plan(check_budgets(loaded.suite, arms))


class _Planner:
    """Collects the stages of one suite."""

    def __init__(self, suite: Suite, folder: Path, arms: tuple[Arm, ...]) -> None:
        self._suite = suite
        self._folder = folder
        self._arms = arms
        self._ingredients = Ingredients(suite, folder)
        self._stages: dict[str, Stage] = {}
        self._training: dict[Point, str] = {}
        self._evaluations: list[Evaluation] = []

    def plan(self, predicted: Mapping[tuple[str, int], Spend]) -> Plan:
        suite = self._suite
        for seed in suite.seeds:
            pairs = self._ingredients.pairs(seed)
            if any(arm.iterative is None for arm in self._arms):
                self._add(pairs)
            if seed == suite.seeds[0]:
                self._evaluate(START, None)
            for unique_pairs in suite.budget.unique_pairs:
                for arm in self._arms:
                    point = Point(arm.name, unique_pairs, seed)
                    self._training[point] = Chain(self._ingredients, self._add, arm, point).train(
                        pairs.digest
                    )
                    self._evaluate(point, self._training[point])
        return Plan(
            suite=suite,
            arms=self._arms,
            stages=tuple(self._stages.values()),
            training=self._training,
            evaluations=tuple(self._evaluations),
            predicted=predicted,
        )

    def _add(self, stage: Stage) -> str:
        self._stages.setdefault(stage.digest, stage)
        return stage.digest

    def _evaluate(self, point: Point, weights: str | None) -> None:
        for stage, benchmark, kind in self._measurements(point, weights):
            self._evaluations.append(Evaluation(point, benchmark, kind, self._add(stage)))

    def _measurements(self, point: Point, weights: str | None) -> Iterator[tuple[Stage, str, str]]:
        made = self._ingredients
        inputs = {"model": weights} if weights else {}
        who = "start model" if weights is None else spoken(point)
        for math in self._suite.evaluation.math:
            origin = prompt_origin(math, self._folder, f"evaluation.math.{math.name}.source")
            params = {**made.generation, **prompt_params(math, origin), "limit": math.limit}
            setting = {**made.engine_setting(origin), "benchmark": math.name}
            yield Stage("evaluate_math", f"{math.name}: {who}", params, inputs, setting), math.name, "math"
        for general in self._suite.evaluation.general:
            params = {**made.generation, **self._general_params(general)}
            setting = {**made.engine_setting(), "include_path": self._include(general)}
            label = f"{general.name}: {who}"
            yield Stage("evaluate_general", label, params, inputs, setting), general.name, "general"

    def _general_params(self, general: GeneralBenchmark) -> dict[str, Any]:
        include = self._include(general)
        return {
            "tasks": list(general.tasks),
            "num_fewshot": general.num_fewshot,
            "limit": general.limit,
            "lm_eval": package_version("lm-eval"),
            "task_files": task_folder_identity(Path(include)) if include else None,
            "nano_tasks": nano_tasks_identity(),
        }

    def _include(self, general: GeneralBenchmark) -> str | None:
        return str((self._folder / general.include_path).resolve()) if general.include_path else None


def plan_digest(plan: Plan) -> str:
    """Identity of all the work of a plan."""
    return canonical_digest([stage.digest for stage in plan.stages])
