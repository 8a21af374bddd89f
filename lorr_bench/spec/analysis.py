"""What a suite says that it will test, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from lorr_bench.spec.base import Model
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.evaluation import EvaluationSpec
from lorr_bench.values import GREEDY, UNTESTED_METRICS, Contrast, arm_name

PluginsOf = Mapping[str, Sequence[str]]
"""The plug-ins that each method is combined with."""


def parse_contrast(text: str) -> Contrast:
    """The two names of ``A - B``: arms, or plug-ins. Names may hold hyphens, but no spaces.

    Args:
        text: A name, a minus between spaces, another name.

    Raises:
        ValueError: The text has another form.
    """
    words = text.split()
    if len(words) != 3 or words[1] != "-":
        raise ValueError(f"{text[:80]!r} is no contrast: write `A - B`, with spaces around the minus")
    return Contrast(words[0], words[2])


ContrastText = Annotated[
    str,
    AfterValidator(lambda text: str(parse_contrast(text))),
    Field(json_schema_extra={"pattern": r"^\s*\S+\s+-\s+\S+\s*$"}),
]


class MeasureSpec(Model):
    """One metric of one benchmark."""

    benchmark: str = Field(
        description="name of a benchmark; of several lm-eval tasks under one name, the task's"
    )
    metric: str | None = Field(
        None,
        description="`greedy`, `avg@k` with the benchmark's k, or the lm-eval metric that the benchmark asks "
        "for; by default the benchmark's first",
    )


class AnalysisSpec(Model):
    """What is tested, and on what."""

    measure: MeasureSpec | None = Field(
        None,
        description="what the primary contrasts are tested on: `benchmark` or `benchmark metric`. By default "
        "the first math benchmark with greedy answers, else the first benchmark",
    )
    primary: tuple[ContrastText, ...] | None = Field(
        None,
        min_length=1,
        description="what is tested first, at the largest budget: `A - B` of two arms, or of two plug-ins "
        "for every method that has both. By default each plug-in against its method's baseline",
    )
    secondary: tuple[ContrastText, ...] = Field(
        (), description="what is looked at besides; each plug-in against its method's baseline always is"
    )

    @field_validator("measure", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        words = value.split()
        if len(words) not in (1, 2):
            raise ValueError(f"{value[:80]!r} is no measure: write `benchmark`, or `benchmark metric`")
        return dict(zip(("benchmark", "metric"), words, strict=False))

    @property
    def is_said(self) -> bool:
        """Whether the suite says any of it."""
        return self != AnalysisSpec()


def pair_of(contrast: Contrast) -> frozenset[str]:
    """Its arms, whichever way round."""
    return frozenset((contrast.treatment, contrast.reference))


def contrasts_of(texts: Sequence[str], plugins: PluginsOf) -> tuple[Contrast, ...]:
    """The contrasts of arms that texts stand for.

    Args:
        texts: Contrasts of plug-ins or of arms.
        plugins: Of each method of the suite.

    Raises:
        ValueError: A text stands for none.
    """
    return tuple(contrast for text in texts for contrast in _arms_of(text, plugins))


def measure_of(wanted: MeasureSpec | None, evaluation: EvaluationSpec) -> tuple[str, str]:
    """Benchmark and metric of the primary measure; no metric where it is the first of an lm-eval task.

    Args:
        wanted: What the suite says; None for the default.
        evaluation: What the suite measures.

    Raises:
        ValueError: The suite does not measure that, or does not test it.
    """
    measured = _measured(evaluation)
    if wanted is None:
        name = next((name for name, metrics in measured.items() if GREEDY in metrics), next(iter(measured)))
        return name, next(iter(measured[name]), "").partition(",")[0]
    name, metric = wanted.benchmark, wanted.metric
    if name not in measured:
        raise ValueError(_unknown_benchmark(name, evaluation))
    # lm-eval's `exact_match,strict-match` names a filter, too; results have the metric alone
    asked = (known for known in measured[name] if metric in (None, known, known.partition(",")[0]))
    found = next(asked, None)
    if found is None and metric is not None:
        raise ValueError(_unknown_metric(name, metric, measured[name]))
    return name, (found or "").partition(",")[0]


def check_analysis(spec: AnalysisSpec, plugins: PluginsOf | None, evaluation: EvaluationSpec | None) -> None:
    """Refuse names that the suite does not have.

    Args:
        spec: What it says of its analysis.
        plugins: Of each method; None where methods or plug-ins have faults of their own.
        evaluation: What it measures; None likewise.

    Raises:
        ValidationError: All faults, each with its place below the analysis.
    """
    faults = list(_contrast_faults(spec, plugins)) if plugins is not None else []
    if evaluation is not None:
        try:
            measure_of(spec.measure, evaluation)
        except ValueError as error:
            faults.append(_fault(("measure",), spec.measure, str(error)))
    if faults:
        raise ValidationError.from_exception_data("analysis", faults)


def _contrast_faults(spec: AnalysisSpec, plugins: PluginsOf) -> Iterator[InitErrorDetails]:
    places: dict[frozenset[str], str] = {}
    entries = [("primary", n, text) for n, text in enumerate(spec.primary or ())]
    entries += [("secondary", n, text) for n, text in enumerate(spec.secondary)]
    for part, number, text in entries:
        try:
            contrasts = _arms_of(text, plugins)
        except ValueError as error:
            yield _fault((part, number), text, str(error))
            continue
        if repeated := next((contrast for contrast in contrasts if pair_of(contrast) in places), None):
            reason = (
                f"{repeated} is compared twice: `analysis.{places[pair_of(repeated)]}` has the two already"
            )
            yield _fault((part, number), text, reason)
        places |= {pair_of(contrast): f"{part}.{number}" for contrast in contrasts}


def _fault(place: tuple[str | int, ...], given: Any, reason: str) -> InitErrorDetails:
    """A fault as pydantic has it; its type and context are what the explanations of faults look for."""
    kind = PydanticCustomError("value_error", "{error}", {"error": reason})
    return InitErrorDetails(type=kind, loc=place, input=given)


def _arms_of(text: str, plugins: PluginsOf) -> tuple[Contrast, ...]:
    named = parse_contrast(text)
    sides = (named.treatment, named.reference)
    if named.treatment == named.reference:
        raise ValueError(f"compares {named.treatment} with itself")
    are_arms = ["+" in side for side in sides]
    if any(are_arms) and not all(are_arms):
        raise ValueError("one side is an arm, the other a plug-in: write two arms or two plug-ins")
    if all(are_arms):
        _demand("arm", sides, [arm_name(method, name) for method, names in plugins.items() for name in names])
        return (named,)
    _demand("plug-in", sides, list(dict.fromkeys(name for names in plugins.values() for name in names)))
    methods = [method for method, names in plugins.items() if set(sides) <= set(names)]
    if not methods:
        raise ValueError(f"no method has both {named.treatment} and {named.reference}: name two arms")
    return tuple(Contrast(*(arm_name(method, side) for side in sides)) for method in methods)


def _demand(noun: str, sides: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a name that is not among those known."""
    if unknown := [side for side in sides if side not in known]:
        hint = "".join(nearest(side, known) for side in unknown)
        raise ValueError(f"no {noun} is called {', '.join(unknown)}; {hint}{noun}s are {', '.join(known)}")


def _measured(evaluation: EvaluationSpec) -> dict[str, tuple[str, ...]]:
    """Metrics that are tested, by benchmark; none where only lm-eval knows."""
    found: dict[str, tuple[str, ...]] = {
        math.name: (GREEDY,) * math.greedy + (f"avg@{math.repeats}",) * (math.repeats > 0)
        for math in evaluation.math
    }
    for general in evaluation.general:
        metrics = (general.metric,) if general.metric else ()
        for name in general.tasks if len(general.tasks) > 1 else (general.name,):
            found.setdefault(name, metrics)
    return found


def _unknown_benchmark(name: str, evaluation: EvaluationSpec) -> str:
    for general in evaluation.general:
        if general.name == name:
            return f"{name} has several tasks, each a benchmark of its own: {', '.join(general.tasks)}"
    known = list(_measured(evaluation))
    return f"no benchmark is called {name}; {nearest(name, known)}benchmarks are {', '.join(known)}"


def _unknown_metric(benchmark: str, metric: str, known: Sequence[str]) -> str:
    if not known:
        return (
            f"the metric of {benchmark} is the task's own, which lm-eval says when it runs: name the "
            f"benchmark alone, or write `metric: {metric}` below it in evaluation.general"
        )
    shown = "pass@k and maj@k are shown and never tested; " if metric.startswith(UNTESTED_METRICS) else ""
    hint = "" if shown else nearest(metric, known)
    return f"{benchmark} has no {metric} to test; {shown}{hint}it has {', '.join(known)}"
