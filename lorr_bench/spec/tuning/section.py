"""The section ``tuning`` of a suite: which settings each arm tries, and what they are chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from lorr_bench.spec.analysis import MeasureSpec, measure_of
from lorr_bench.spec.base import Model, Name, rising
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.evaluation import EvaluationSpec, MathBenchmark


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Values of a setting, each once: a repeated one would be the same try again."""
    if any(value in values[:place] for place, value in enumerate(values)):
        raise ValueError("a value is listed twice")
    return values


Grid = dict[str, Annotated[tuple[Any, ...], Field(min_length=1), AfterValidator(_distinct)]]
"""Values to try of each hyper-parameter."""


class TuningSpec(Model):
    """Settings of each arm, chosen before a test problem is touched."""

    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        min_length=1, description="seeds of the tries; none of the suite's own `seeds`"
    )
    grid: Grid = Field(
        default_factory=dict,
        description="values to try of each hyper-parameter; every combination is a try. A method goes "
        "without the hyper-parameters that it does not have",
    )
    methods: dict[Name, Grid] = Field(
        default_factory=dict, description="a method's own grid in place of the common one, by its name"
    )
    tries: int | None = Field(
        None,
        gt=0,
        description="most tries of an arm at a data budget, drawn from its grid, always the same; all by "
        "default",
    )
    unique_pairs: tuple[Annotated[int, Field(gt=0)], ...] | None = Field(
        None,
        min_length=1,
        description="data budgets of the suite that are tuned at; all by default. Any other takes the "
        "settings of the next larger one, else of the largest",
    )
    benchmark: MathBenchmark = Field(
        description="what the settings are chosen by: an entry as in `evaluation.math`, of other problems"
    )
    metric: str | None = Field(
        None, description="`greedy`, or `avg@k` with the benchmark's k; by default its first"
    )

    @field_validator("unique_pairs")
    @classmethod
    def _in_order(cls, budgets: tuple[int, ...] | None) -> tuple[int, ...] | None:
        return None if budgets is None else rising(budgets)

    @field_validator("seeds")
    @classmethod
    def _once(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("a seed is listed twice")
        return seeds

    @property
    def measure(self) -> tuple[str, str]:
        """Benchmark and metric that the settings are chosen by.

        Raises:
            ValueError: The benchmark does not have the metric.
        """
        wanted = MeasureSpec(benchmark=self.benchmark.name, metric=self.metric)
        return measure_of(wanted, EvaluationSpec(math=(self.benchmark,)))

    def grid_of(self, method: str) -> Grid:
        """Values to try of each hyper-parameter of a method, some of which it may not have."""
        return self.methods.get(method, self.grid)

    def tuned_at(self, unique_pairs: int, budgets: Sequence[int]) -> int:
        """The data budget whose settings a data budget takes.

        Args:
            unique_pairs: The data budget.
            budgets: All of the suite, rising.
        """
        tuned = self.unique_pairs or tuple(budgets)
        return next((pairs for pairs in tuned if pairs >= unique_pairs), tuned[-1])


def check_tuning(
    spec: TuningSpec,
    seeds: Sequence[int] | None,
    budgets: Sequence[int] | None,
    methods: Sequence[str] | None,
    evaluation: EvaluationSpec | None,
) -> None:
    """Refuse what does not fit the rest of a suite; a part of it that has faults of its own is None.

    Args:
        spec: What it says of its tuning.
        seeds: Its own.
        budgets: Its data budgets.
        methods: Names of its methods.
        evaluation: What it measures.

    Raises:
        ValidationError: All faults, each with its place below ``tuning``.
    """
    faults: list[InitErrorDetails] = []

    def refuse(place: tuple[str | int, ...], given: Any, reason: str) -> None:
        kind = PydanticCustomError("value_error", "{error}", {"error": reason})
        faults.append(InitErrorDetails(type=kind, loc=place, input=given))

    if shared := sorted(set(spec.seeds) & set(seeds or ())):
        named = ", ".join(map(str, shared))
        refuse(("seeds",), spec.seeds, f"{named} is among the suite's seeds: what is tested must be fresh")
    if unknown := sorted(set(spec.unique_pairs or ()) - set(budgets or spec.unique_pairs or ())):
        known = ", ".join(map(str, budgets or ()))
        named = ", ".join(map(str, unknown))
        refuse(("unique_pairs",), spec.unique_pairs, f"names {named}; budgets are {known}")
    known_methods = list(spec.methods) if methods is None else methods
    for name in spec.methods:
        if name not in known_methods:
            hint = nearest(name, known_methods)
            reason = f"no method is called {name}; {hint}methods are {', '.join(known_methods)}"
            refuse(("methods", name), name, reason)
    if not spec.grid and not any(spec.methods.values()):
        refuse(("grid",), spec.grid, "names no hyper-parameter: there would be nothing to choose")
    for math in evaluation.math if evaluation is not None else ():
        if _problems(math) == _problems(spec.benchmark):
            reason = f"has the problems of `{math.name}`, which the suite tests on: choose by others"
            refuse(("benchmark",), spec.benchmark, reason)
        elif math.name == spec.benchmark.name:
            refuse(("benchmark", "name"), math.name, "is the name of a benchmark that the suite tests on")
    try:
        spec.measure  # noqa: B018  raises where the benchmark lacks the metric
    except ValueError as error:
        refuse(("metric",), spec.metric, str(error))
    if faults:
        raise ValidationError.from_exception_data("tuning", faults)


def _problems(math: MathBenchmark) -> tuple[str | None, ...]:
    """Where problems come from, as a suite says it."""
    return math.source, math.subset, math.split
