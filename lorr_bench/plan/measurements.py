"""The stages that measure one model, and the one that looks for the benchmarks in the training prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from lorr_bench.plan.identity.origins import (
    nano_families_identity,
    nano_tasks_identity,
    prompt_origin,
    task_folder_identity,
)
from lorr_bench.plan.identity.task_files import check_task_files
from lorr_bench.plan.identity.task_source import task_source
from lorr_bench.plan.ingredients import Ingredients, grader
from lorr_bench.plan.kinds.answer_math import AnswerMath, AnswerMathParameters, AnswerMathSetting
from lorr_bench.plan.kinds.contamination import (
    Contamination,
    ContaminationParameters,
    ContaminationSetting,
    TrainingPrompts,
)
from lorr_bench.plan.kinds.evaluate_general import (
    GROUP_SCORING,
    EvaluateGeneral,
    EvaluateGeneralParameters,
    EvaluateGeneralSetting,
)
from lorr_bench.plan.kinds.families import Families, FamiliesParameters, FamiliesSetting, FamilyRows
from lorr_bench.plan.kinds.grade_math import GradeMath, GradeMathParameters
from lorr_bench.plan.kinds.prompts import ProblemRows, PromptSource
from lorr_bench.plan.stage import Role, Stage
from lorr_bench.ports.versions import package_version
from lorr_bench.spec.evaluation import EMBEDDED, GeneralBenchmark, MathBenchmark
from lorr_bench.values import Point


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

    def contamination(self, seed: int, pairs: str | None, evaluation: Evaluation) -> Contamination:
        """The stage that compares the training prompts of a seed with a benchmark.

        Args:
            seed: Whose prompts.
            pairs: Digest of imported pairs; None where the suite collects its own.
            evaluation: Of the benchmark, by any model.
        """
        wanted, spec = self._evaluation.contamination, self._ingredients.suite.data.collect
        assert wanted is not None
        prompts, source = None, None
        if spec is not None:
            origin = self._ingredients.prompts
            prompts = TrainingPrompts(prompts=PromptSource.of(spec, origin), num_prompts=spec.num_prompts)
            source = origin.path
        inputs: dict[Role, str] = {"problems": evaluation.answers}
        return Contamination(
            label=f"contamination of {evaluation.benchmark}, seed {seed}",
            parameters=ContaminationParameters(ngram=wanted.ngram, seed=seed, prompts=prompts),
            setting=ContaminationSetting(source=source),
            inputs={**inputs, "pairs": pairs} if pairs else inputs,
        )

    def families(self, evaluation: Evaluation) -> Families | None:
        """The stage that finds which problems of a benchmark belong together; None where none do.

        Args:
            evaluation: Of the benchmark, by any model: problems are the same for all.
        """
        for math in self._evaluation.math:
            if math.name == evaluation.benchmark and math.cluster_column is not None:
                return self._math_families(math, math.cluster_column)
        for general in self._evaluation.general:
            if general.name == evaluation.benchmark and general.cluster_column is not None:
                return Families(
                    label=f"families of {general.name}",
                    parameters=FamiliesParameters(cluster_column=general.cluster_column),
                    inputs={"problems": evaluation.answers},
                )
        return None

    def _math_families(self, math: MathBenchmark, column: str) -> Families:
        """Reads the source alone, so that a wrong column is told before anything is answered."""
        made = self._ingredients
        origin = prompt_origin(math, made.folder, made.revisions, f"evaluation.math.{math.name}.source")
        problems = FamilyRows(
            rows=ProblemRows.of(math, origin),
            limit=math.limit,
            embedded=nano_families_identity() if math.source.startswith(EMBEDDED) else None,
        )
        return Families(
            label=f"families of {math.name}",
            parameters=FamiliesParameters(cluster_column=column, problems=problems),
            setting=FamiliesSetting(source=origin.path),
        )

    def _answers(self, math: MathBenchmark, inputs: dict[Role, str], who: str) -> AnswerMath:
        parameters, setting = self._asked[math.name]
        label = f"{math.name} answers: {who}"
        return AnswerMath(label=label, parameters=parameters, setting=setting, inputs=inputs)

    @cached_property
    def _asked(self) -> dict[str, tuple[AnswerMathParameters, AnswerMathSetting]]:
        """By benchmark. All models share the objects, so that their text is made once."""
        return {math.name: self._answer_parts(math) for math in self._evaluation.math}

    def _answer_parts(self, math: MathBenchmark) -> tuple[AnswerMathParameters, AnswerMathSetting]:
        made = self._ingredients
        where = f"evaluation.math.{math.name}.source"
        origin = prompt_origin(math, made.folder, made.revisions, where)
        parameters = AnswerMathParameters(
            weights=made.weights,
            generator=made.generator,
            prompts=PromptSource.of(math, origin),
            chat=made.chat(math),
            limit=math.limit,
            max_tokens=math.max_tokens,
            greedy=math.greedy,
            repeats=math.repeats,
            stop=math.stop,
            temperature=math.temperature,
            top_p=math.top_p,
            seed=self._evaluation.seed,
        )
        setting = AnswerMathSetting(
            place=made.place, options=made.options, source=origin.path, sizes=math.sizes
        )
        return parameters, setting

    def _grades(self, math: MathBenchmark, answers: str, who: str) -> GradeMath:
        parameters, label = self._graded[math.name], f"{math.name}: {who}"
        return GradeMath(label=label, parameters=parameters, inputs={"answers": answers})

    @cached_property
    def _graded(self) -> dict[str, GradeMathParameters]:
        """By benchmark."""
        policy = self._evaluation.grading
        return {
            math.name: GradeMathParameters(grader=grader(), policy=policy, pass_at=math.pass_counts)
            for math in self._evaluation.math
        }

    def _general(self, general: GeneralBenchmark, inputs: dict[Role, str], who: str) -> EvaluateGeneral:
        parameters, setting = self._scored[general.name]
        label = f"{general.name}: {who}"
        return EvaluateGeneral(label=label, parameters=parameters, setting=setting, inputs=inputs)

    @cached_property
    def _scored(self) -> dict[str, tuple[EvaluateGeneralParameters, EvaluateGeneralSetting]]:
        """By benchmark."""
        return {general.name: self._general_parts(general) for general in self._evaluation.general}

    def _general_parts(
        self, general: GeneralBenchmark
    ) -> tuple[EvaluateGeneralParameters, EvaluateGeneralSetting]:
        made = self._ingredients
        folder = (made.folder / general.include_path).resolve() if general.include_path else None
        identity = task_folder_identity(folder) if folder else None
        if folder and not general.trust_remote_code:
            check_task_files(folder)
        read = task_source(general, folder, made.revisions)
        parameters = EvaluateGeneralParameters(
            weights=made.weights,
            generator=made.generator,
            tasks=general.tasks,
            num_fewshot=general.num_fewshot,
            metric=general.metric,
            limit=general.limit,
            lm_eval=package_version("lm-eval"),
            task_files=identity,
            nano_tasks=nano_tasks_identity(),
            data_files=read.files,
            data_sets=read.commits,
            seed=self._evaluation.seed,
            chat=made.chat(general),
            system_instruction=made.system_instruction(general),
            fewshot_as_multiturn=general.fewshot_as_multiturn if general.apply_chat_template else None,
            group_scoring=GROUP_SCORING if read.has_groups else None,
        )
        setting = EvaluateGeneralSetting(
            place=made.place,
            options=made.options,
            source=None,
            include_path=str(folder) if folder else None,
            trust_task_files=general.trust_remote_code,
            task_start=read.start,
        )
        return parameters, setting
