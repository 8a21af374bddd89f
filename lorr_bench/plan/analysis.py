"""What a suite will test, as far as it is known before anything runs."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydantic import BaseModel

from lorr_bench.errors import SuiteError
from lorr_bench.plan.arms import Arm
from lorr_bench.plan.json_values import canonical_digest
from lorr_bench.ports.settings import other_names
from lorr_bench.spec.analysis import contrasts_of, measure_of
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.models import Suite
from lorr_bench.values import Analysis, Contrast, Sweep, SweepLine

SWEEP: Final = "analysis.sweep"
"""Where a suite names the setting that it varies."""


def resolve(suite: Suite, arms: tuple[Arm, ...]) -> Analysis:
    """The contrasts of arms that a suite means, and its measure.

    Each arm against its method's baseline is among the secondary contrasts where it is no primary one.

    Args:
        suite: What was asked.
        arms: Its arms.

    Raises:
        ValueError: The suite names an arm, a plug-in or a measure that it does not have; a suite that was
            validated does not.
        SuiteError: It sweeps what it does not vary, or what is no number.
    """
    said, layout = suite.analysis, suite.layout
    benchmark, metric = measure_of(said.measure, suite.evaluation)
    baselines = tuple(Contrast(arm.name, arm.baseline) for arm in arms if arm.name != arm.baseline)
    primary = contrasts_of(said.primary, layout) if said.primary else baselines
    named = contrasts_of(said.secondary, layout)
    known = {contrast.arms for contrast in (*primary, *named) if not contrast.names_budgets}
    others = (contrast for contrast in baselines if contrast.arms not in known)
    budgets = _budgets(suite, arms, primary)
    return Analysis(
        benchmark,
        metric,
        primary,
        (*named, *others),
        budgets,
        declared=said.is_said,
        equivalence_margin=said.equivalence_margin,
        sweep=find_sweep(said.sweep, suite, arms) if said.sweep else None,
    )


def _budgets(suite: Suite, arms: tuple[Arm, ...], primary: tuple[Contrast, ...]) -> tuple[int, ...]:
    """The data budgets at which both arms of a primary contrast that names none are trained."""
    trained = {arm.name: set(arm.budgets) for arm in arms}
    everywhere = (contrast for contrast in primary if not contrast.names_budgets)
    shared = [trained[contrast.treatment] & trained[contrast.reference] for contrast in everywhere]
    return tuple(pairs for pairs in suite.budget.unique_pairs if any(pairs in both for both in shared))


@dataclass(frozen=True, slots=True)
class _Swept:
    """An arm of a sweep.

    Attributes:
        arm: Its name.
        part: The part of its name that says the setting: that of the method, or of the plug-in.
        value: What the setting is.
        rest: Digest of all else that makes the arm.
        of_method: Whether the setting is the method's.
    """

    arm: str
    part: str
    value: float
    rest: str
    of_method: bool


def find_sweep(setting: str, suite: Suite, arms: tuple[Arm, ...]) -> Sweep:
    """The lines of arms that differ in a setting and in nothing else.

    Args:
        setting: A hyper-parameter, or the path of an option of plug-ins.
        suite: The suite.
        arms: Its arms.

    Returns:
        The lines in the order of the suite, each with two values at least. Arms that lack the setting, or
        differ from all others in something else, are in none; what each is tuned to is no such difference.

    Raises:
        SuiteError: No arm has such a setting, it is no number or tuned, or there is no such line.
    """
    if any(setting in _tuned(suite, arm) for arm in arms):
        raise SuiteError(
            f"{setting} is what `tuning` chooses for each arm",
            where=SWEEP,
            fix="Name a setting that the suite says itself, or leave out `sweep`.",
        )
    swept = [one for arm in arms for one in _swept(setting, suite, arm)]
    if not swept:
        known = sorted({path for arm in arms for path in _numbers(_settings(suite, arm))})
        raise SuiteError(
            f"no method and no plug-in has a number called {setting}; {nearest(setting, known)}"
            f"numbers are {', '.join(known)}",
            where=SWEEP,
        )
    groups: dict[str, list[_Swept]] = {}
    for one in swept:
        groups.setdefault(one.rest, []).append(one)
    lines = [sorted(group, key=lambda one: one.value) for group in groups.values() if len(group) > 1]
    if not lines:
        raise SuiteError(
            f"no two arms differ in {setting} alone",
            where=SWEEP,
            fix="Give the suite methods or plug-ins that are equal but for it, or leave out `sweep`.",
        )
    for line in lines:
        _demand_different(setting, line)
    return Sweep(setting, tuple(_named(lines)))


def _swept(setting: str, suite: Suite, arm: Arm) -> Iterator[_Swept]:
    """The arm with its value of the setting; nothing where it lacks it."""
    settings = _settings(suite, arm)
    of_method = _value(settings["method"], setting) is not None
    owner = "method" if of_method else "plugin"
    value = _value(settings[owner], setting)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SuiteError(
            f"{setting} of {arm.name} is {value!r}, which is no number",
            where=SWEEP,
            fix="Name a setting whose values are numbers.",
        )
    for pairs, own in settings["at_budgets"].items():
        if of_method and _value(own, setting) != value:
            raise SuiteError(
                f"{arm.name} has another {setting} at {pairs:,} pairs, by `overrides`",
                where=SWEEP,
                fix="Leave it out of the overrides of single budgets.",
            )
    rest = {
        **{name: _without(part, setting) if name == owner else part for name, part in settings.items()},
        "at_budgets": {
            str(pairs): _without(own, setting) if of_method else own
            for pairs, own in settings["at_budgets"].items()
        },
        "other": arm.plugin if of_method else arm.method,
    }
    part = arm.method if of_method else arm.plugin
    yield _Swept(arm.name, part, float(value), canonical_digest(rest), of_method)


def _settings(suite: Suite, arm: Arm) -> dict[str, Any]:
    """All that makes an arm, as plain values, but what is tuned; at which budgets it is trained does not."""
    plain = partial(BaseModel.model_dump, mode="json", exclude=_tuned(suite, arm))
    return {
        "method": plain(arm.hyperparameters),
        "plugin": suite.plugins[arm.plugin].model_dump(mode="json", exclude={"unique_pairs"}),
        "at_budgets": {pairs: plain(settings) for pairs, settings in arm.at_budgets.items()},
        "adapter": arm.adapter_name,
        "iterative": arm.iterative.model_dump(mode="json") if arm.iterative else None,
    }


def _tuned(suite: Suite, arm: Arm) -> set[str]:
    """Names of the hyper-parameters that the suite tries values of, whichever of their names it uses."""
    tried = suite.tuning.grid_of(arm.method).keys() if suite.tuning else set()
    others = other_names(arm.adapter.hyperparameters)
    return {
        name for name in arm.adapter.hyperparameters.model_fields if {name, *others.get(name, ())} & tried
    }


def _value(settings: Mapping[str, Any], path: str) -> Any:
    """What a dotted path leads to; None where it leads nowhere, or to a part that is off."""
    found: Any = settings
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _without(settings: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The settings without what a dotted path leads to."""
    step, _, below = path.partition(".")
    kept = {name: value for name, value in settings.items() if name != step}
    return {**kept, step: _without(settings[step], below)} if below else kept


def _numbers(settings: Mapping[str, Any]) -> Iterator[str]:
    """The paths of the numbers that a sweep can name."""
    for owner in ("method", "plugin"):
        yield from _numeric_paths(settings[owner])


def _numeric_paths(settings: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _numeric_paths(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}"


def _demand_different(setting: str, line: Sequence[_Swept]) -> None:
    """Refuse two arms that are the same in all, which no axis can tell apart."""
    for one, other in itertools.pairwise(line):
        if one.value == other.value:
            raise SuiteError(
                f"{one.arm} and {other.arm} are the same arm twice, {setting} {one.value:g} in both",
                where=SWEEP,
                fix="Take one of them out.",
            )


def _named(lines: Sequence[Sequence[_Swept]]) -> Iterator[SweepLine]:
    """The lines with names that tell them apart."""
    names = [_pattern(line) for line in lines]
    counts = Counter(names)
    for name, line in zip(names, lines, strict=True):
        unique = name if counts[name] == 1 else f"{line[0].arm} to {line[-1].arm}"
        yield SweepLine(unique, tuple(one.arm for one in line), tuple(one.value for one in line))


def _pattern(line: Sequence[_Swept]) -> str:
    """``dpo+replays_*_reset``: what the names share, with a star for what is swept."""
    parts = [one.part for one in line]
    begin = _beginning(parts)
    rests = [part[len(begin) :] for part in parts]
    end = _beginning([rest[::-1] for rest in rests])[::-1]
    # Cut at separators, so that a digit that all values begin or end with does not stand in the name.
    cut = re.sub(r"(?<=[_-])[^_-]+$", "", begin) if re.search(r"[_-]", begin) else begin.rstrip("0123456789")
    kept = begin if all(rest[:1] in {"", "_", "-"} for rest in rests) else cut
    tail = re.search(r"[_-].*$", end)
    star = f"{kept}*{tail.group() if tail else ''}"
    method, _, plugin = line[0].arm.partition("+")
    return f"{star}+{plugin}" if line[0].of_method else f"{method}+{star}"


def _beginning(texts: Sequence[str]) -> str:
    """What all begin with."""
    same = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False))
    return "".join(letters[0] for letters in same)
