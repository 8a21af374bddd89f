"""The stages that measure one model, and the one that looks for the benchmarks in the training prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lorr_bench.plan.identity.origins import (
    nano_families_identity,
    nano_tasks_identity,
    prompt_origin,
    task_folder_identity,
)
from lorr_bench.plan.identity.task_files import check_task_files
from lorr_bench.plan.identity.task_source import task_source
from lorr_bench.plan.ingredients import Ingredients, grader, prompt_params
from lorr_bench.plan.stage import Kind, Shared, Stage
from lorr_bench.ports.versions import package_version
from lorr_bench.spec.evaluation import EMBEDDED, GeneralBenchmark, MathBenchmark
from lorr_bench.spec.sources import PromptSpec
from lorr_bench.values import Point

NOT_GENERATING: Final = {"name", "like", "prompt", "sizes", "pass_at", "source", "cluster_column"}
"""Fields of a math benchmark that change no answer: names, what is refused, what is made of the answers."""

NOT_SCORING: Final = {"name", "include_path", "trust_remote_code", "data_sets", "cluster_column"}
"""Fields of a general benchmark that are no parameters: names, places, what becomes commits, and families."""

CHOOSES_ROWS: Final = {
    "subset",
    "split",
    "problem_column",
    "answer_column",
    "answer_pattern",
    "incomplete",
    "limit",
}
"""Fields of a math benchmark that decide which rows of its source are its problems."""

Parts = tuple[Mapping[str, Any], Mapping[str, Any]]
"""Parameters and setting of a stage."""


@dataclass(frozen=True)
class Evaluation:
    """Which stage measures which model on what.

    Attributes:
        point: The model.
        benchmark: Name of the benchmark in the suite.
        kind: ``math`` or ``general``.
        digest: Digest of the stage with the scores.
        answers: Digest of the stage with the answers.
    """

    point: Point
    benchmark: str
    kind: str
    digest: str
    answers: str


class Measurements:
    """Lays out what is measured.

    Args:
        ingredients: Of the suite.
        add: Takes a stage into the plan and gives its digest.
    """

    def __init__(self, ingredients: Ingredients, add: Callable[[Stage], str]) -> None:
        self._ingredients = ingredients
        self._evaluation = ingredients.suite.evaluation
        self._add = add
        self._parts: dict[tuple[Kind, str], Parts] = {}

    def of(self, point: Point, weights: str | None, who: str) -> Iterator[Evaluation]:
        """All evaluations of a model.

        Args:
            point: Which model.
            weights: Digest of the stage that trained it; None for the start model.
            who: The model in words.
        """
        inputs = self._ingredients.models(weights)
        for math in self._evaluation.math:
            answers = self._add(self._answers(math, inputs, who))
            scores = self._add(self._grades(math, answers, who))
            yield Evaluation(point, math.name, "math", scores, answers)
        for general in self._evaluation.general:
            stage = self._add(self._general(general, inputs, who))
            yield Evaluation(point, general.name, "general", stage, stage)

    def contamination(self, seed: int, pairs: str | None, evaluation: Evaluation) -> Stage:
        """The stage that compares the training prompts of a seed with a benchmark.

        Args:
            seed: Whose prompts.
            pairs: Digest of imported pairs; None where the suite collects its own.
            evaluation: Of the benchmark, by any model.
        """
        wanted = self._evaluation.contamination
        assert wanted is not None
        params: dict[str, Any] = {"ngram": wanted.ngram, "seed": seed, "prompts": None}
        setting: dict[str, Any] = {"source": None}
        inputs = {"problems": evaluation.answers, **({"pairs": pairs} if pairs else {})}
        spec = self._ingredients.suite.data.collect
        if spec is not None:
            origin = self._ingredients.prompts
            named = PromptSpec.model_validate({name: getattr(spec, name) for name in PromptSpec.model_fields})
            params["prompts"] = {**prompt_params(named, origin), "num_prompts": spec.num_prompts}
            setting["source"] = origin.path
        label = f"contamination of {evaluation.benchmark}, seed {seed}"
        return Stage("contamination", label, params, inputs, setting)

    def families(self, evaluation: Evaluation) -> Stage | None:
        """The stage that finds which problems of a benchmark belong together; None where none do.

        Args:
            evaluation: Of the benchmark, by any model: problems are the same for all.
        """
        for math in self._evaluation.math:
            if math.name == evaluation.benchmark and math.cluster_column is not None:
                return self._math_families(math)
        for general in self._evaluation.general:
            if general.name == evaluation.benchmark and general.cluster_column is not None:
                label, params = f"families of {general.name}", {"cluster_column": general.cluster_column}
                return Stage("families", label, params, {"problems": evaluation.answers})
        return None

    def _math_families(self, math: MathBenchmark) -> Stage:
        """Reads the source alone, so that a wrong column is told before anything is answered."""
        made = self._ingredients
        origin = prompt_origin(math, made.folder, made.revisions, f"evaluation.math.{math.name}.source")
        params = {
            **math.model_dump(mode="json", include=CHOOSES_ROWS),
            "cluster_column": math.cluster_column,
            "source": origin.identity,
            "revision": origin.commit,
            "embedded": nano_families_identity() if math.source.startswith(EMBEDDED) else None,
        }
        return Stage("families", f"families of {math.name}", params, setting={"source": origin.path})

    def _answers(self, math: MathBenchmark, inputs: dict[str, str], who: str) -> Stage:
        params, setting = self._shared("answer_math", math.name, lambda: self._asked(math))
        return Stage("answer_math", f"{math.name} answers: {who}", params, inputs, setting)

    def _shared(self, kind: Kind, benchmark: str, make: Callable[[], Parts]) -> Parts:
        """Parameters and setting that are the same for every model: made once, for speed and memory."""
        if (kind, benchmark) not in self._parts:
            params, setting = make()
            self._parts[kind, benchmark] = Shared(params), setting
        return self._parts[kind, benchmark]

    def _asked(self, math: MathBenchmark) -> Parts:
        made = self._ingredients
        where = f"evaluation.math.{math.name}.source"
        origin = prompt_origin(math, made.folder, made.revisions, where)
        params = {
            **made.generation,
            **math.model_dump(mode="json", exclude=NOT_GENERATING),
            **made.template_date(math),
            "source": origin.identity,
            "revision": origin.commit,
            "seed": self._evaluation.seed,
        }
        return params, {**made.engine_setting(origin), "sizes": list(math.sizes)}

    def _grades(self, math: MathBenchmark, answers: str, who: str) -> Stage:
        params, _ = self._shared("grade_math", math.name, lambda: (self._graded(math), {}))
        return Stage("grade_math", f"{math.name}: {who}", params, {"answers": answers})

    def _graded(self, math: MathBenchmark) -> dict[str, Any]:
        return {
            "grader": grader(),
            "policy": self._evaluation.grading.model_dump(mode="json"),
            "pass_at": list(math.pass_counts),
        }

    def _general(self, general: GeneralBenchmark, inputs: dict[str, str], who: str) -> Stage:
        params, setting = self._shared("evaluate_general", general.name, lambda: self._scored(general))
        return Stage("evaluate_general", f"{general.name}: {who}", params, inputs, setting)

    def _scored(self, general: GeneralBenchmark) -> Parts:
        made = self._ingredients
        folder = general.include_path and (made.folder / general.include_path).resolve()
        identity = task_folder_identity(Path(folder)) if folder else None
        if folder and not general.trust_remote_code:
            check_task_files(Path(folder))
        read = task_source(general, Path(folder) if folder else None, made.revisions)
        params = {
            **made.generation,
            **general.model_dump(mode="json", exclude=NOT_SCORING),
            "lm_eval": package_version("lm-eval"),
            "task_files": identity,
            "nano_tasks": nano_tasks_identity(),
            "data_files": read.files,
            "data_sets": read.commits,
            "seed": self._evaluation.seed,
        }
        return params, {
            **made.engine_setting(),
            "include_path": str(folder) if folder else None,
            "trust_task_files": general.trust_remote_code,
            "task_start": read.start,
        }
