"""What a suite says that it will test, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from lorr_bench.spec.base import Model
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.evaluation import EvaluationSpec
from lorr_bench.values import BUDGET_SIGN, GREEDY, UNTESTED_METRICS, Contrast, arm_name, at_budget


@dataclass(frozen=True, slots=True)
class Layout:
    """What a suite trains, as far as contrasts name it.

    Attributes:
        plugins: The plug-ins that each method is combined with.
        budgets: The data budgets that the arms of each plug-in are trained at, rising.
    """

    plugins: Mapping[str, Sequence[str]]
    budgets: Mapping[str, Sequence[int]]


def parse_contrast(text: str) -> Contrast:
    """The two names of ``A - B``: arms, or plug-ins, each with its budget behind an ``@`` where it has one.

    Names may hold hyphens, but no spaces.

    Args:
        text: A name, a minus between spaces, another name: ``lorr - plain``, ``lorr@512 - plain@1024``.

    Raises:
        ValueError: The text has another form.
    """
    words = text.split()
    if len(words) != 3 or words[1] != "-":
        raise ValueError(f"{text[:80]!r} is no contrast: write `A - B`, with spaces around the minus")
    (treatment, pairs), (reference, reference_pairs) = map(_side, (words[0], words[2]))
    return Contrast(treatment, reference, pairs, reference_pairs)


def _side(word: str) -> tuple[str, int | None]:
    """Name and budget of one side."""
    name, sign, budget = word.partition(BUDGET_SIGN)
    if not sign:
        return name, None
    if not (name and budget.isascii() and budget.isdigit() and not budget.startswith("0")):
        raise ValueError(
            f"{word[:80]!r} names no budget: write its unique pairs behind the @, as in lorr@512"
        )
    return name, int(budget)


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
        "for every method that has both; at budgets of their own: `A@512 - B@1024`. By default each plug-in "
        "against its method's baseline",
    )
    secondary: tuple[ContrastText, ...] = Field(
        (), description="what is looked at besides; each plug-in against its method's baseline always is"
    )
    equivalence_margin: float | None = Field(
        None,
        gt=0,
        le=0.5,
        description="a share, such as 0.02 for 2 points: primary contrasts are also tested for a difference "
        "that is smaller than this, either way. By default they are not",
    )
    sweep: str | None = Field(
        None,
        min_length=1,
        description="a numeric hyper-parameter, or option of a plug-in such as `replays` or `reset.factor`: "
        "arms that differ in it alone form a line, whose area, best and worst are shown",
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
        """Whether the suite says any of what is tested; a sweep is only looked at."""
        return self.model_copy(update={"sweep": None}) != AnalysisSpec()


def contrasts_of(texts: Sequence[str], layout: Layout) -> tuple[Contrast, ...]:
    """The contrasts of arms that texts stand for.

    Args:
        texts: Contrasts of plug-ins or of arms.
        layout: What the suite trains.

    Returns:
        Those that name a budget have one on both sides: an arm without one has the largest that it is
        trained at.

    Raises:
        ValueError: A text stands for none.
    """
    return tuple(contrast for text in texts for contrast in _arms_of(text, layout))


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


def check_analysis(spec: AnalysisSpec, layout: Layout | None, evaluation: EvaluationSpec | None) -> None:
    """Refuse names that the suite does not have.

    Args:
        spec: What it says of its analysis.
        layout: What it trains; None where methods, plug-ins or budgets have faults of their own.
        evaluation: What it measures; None likewise.

    Raises:
        ValidationError: All faults, each with its place below the analysis.
    """
    faults = list(_contrast_faults(spec, layout)) if layout is not None else []
    if evaluation is not None:
        try:
            measure_of(spec.measure, evaluation)
        except ValueError as error:
            faults.append(_fault(("measure",), spec.measure, str(error)))
    if faults:
        raise ValidationError.from_exception_data("analysis", faults)


def _contrast_faults(spec: AnalysisSpec, layout: Layout) -> Iterator[InitErrorDetails]:
    places: dict[tuple[str, frozenset[str]], str] = {}
    entries = [("primary", n, text) for n, text in enumerate(spec.primary or ())]
    entries += [("secondary", n, text) for n, text in enumerate(spec.secondary)]
    for part, number, text in entries:
        try:
            contrasts = _arms_of(text, layout)
        except ValueError as error:
            yield _fault((part, number), text, str(error))
            continue
        found = ((one, places[key]) for one in contrasts for key in _repeats(one) if key in places)
        if repeated := next(found, None):
            contrast, place = repeated
            reason = f"{contrast} is compared twice: `analysis.{place}` has the two already"
            yield _fault((part, number), text, reason)
        places |= {key: f"{part}.{number}" for contrast in contrasts for key in _marks(contrast)}


def _marks(contrast: Contrast) -> Iterator[tuple[str, frozenset[str]]]:
    """What a contrast compares: two arms at every budget, at one, or at two budgets."""
    if not contrast.names_budgets:
        yield "every budget", contrast.arms
        return
    yield "budgets", frozenset(contrast.sides)
    if contrast.treatment_pairs == contrast.reference_pairs:
        yield "one budget", contrast.arms


def _repeats(contrast: Contrast) -> Iterator[tuple[str, frozenset[str]]]:
    """The marks of others that compare the same."""
    if not contrast.names_budgets:
        yield from (("every budget", contrast.arms), ("one budget", contrast.arms))
        return
    yield "budgets", frozenset(contrast.sides)
    if contrast.treatment_pairs == contrast.reference_pairs:
        yield "every budget", contrast.arms


def _fault(place: tuple[str | int, ...], given: Any, reason: str) -> InitErrorDetails:
    """A fault as pydantic has it; its type and context are what the explanations of faults look for."""
    kind = PydanticCustomError("value_error", "{error}", {"error": reason})
    return InitErrorDetails(type=kind, loc=place, input=given)


def _arms_of(text: str, layout: Layout) -> tuple[Contrast, ...]:
    named, plugins = parse_contrast(text), layout.plugins
    sides = (named.treatment, named.reference)
    are_arms = ["+" in side for side in sides]
    if any(are_arms) and not all(are_arms):
        raise ValueError("one side is an arm, the other a plug-in: write two arms or two plug-ins")
    if all(are_arms):
        _demand("arm", sides, [arm_name(method, name) for method, names in plugins.items() for name in names])
        return (_placed(named, layout),)
    _demand("plug-in", sides, list(dict.fromkeys(name for names in plugins.values() for name in names)))
    methods = [method for method, names in plugins.items() if set(sides) <= set(names)]
    if not methods:
        raise ValueError(f"no method has both {named.treatment} and {named.reference}: name two arms")
    placed = _placed(named, layout)
    return tuple(
        replace(placed, treatment=arm_name(method, sides[0]), reference=arm_name(method, sides[1]))
        for method in methods
    )


def _placed(named: Contrast, layout: Layout) -> Contrast:
    """A contrast with a budget on both sides if it has one on either: the largest where none is said.

    Raises:
        ValueError: A side is not trained at its budget, or both are the same.
    """
    placed = named
    if named.names_budgets:
        treatment = _budget(named.treatment, named.treatment_pairs, layout)
        reference = _budget(named.reference, named.reference_pairs, layout)
        placed = replace(named, treatment_pairs=treatment, reference_pairs=reference)
    if len(set(placed.sides)) == 1:
        raise ValueError(f"compares {placed.sides[0]} with itself")
    return placed


def _budget(side: str, pairs: int | None, layout: Layout) -> int:
    """The budget of a side, an arm or a plug-in; refused where it is not trained at it."""
    budgets = layout.budgets[side.rpartition("+")[2]]
    if pairs is None:
        return budgets[-1]
    if pairs not in budgets:
        known = list(map(str, budgets))
        raise ValueError(
            f"{at_budget(side, pairs)} is not trained; {nearest(str(pairs), known)}its budgets are "
            f"{', '.join(known)}"
        )
    return pairs


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
