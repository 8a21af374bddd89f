"""The searches of a suite: for each arm and data budget that is tuned, the settings to try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lorr_bench.errors import SuiteError
from lorr_bench.plan.arms import Arm, checked_settings
from lorr_bench.plan.charges import check_tries
from lorr_bench.plan.refusals import check_combination
from lorr_bench.plan.sharding import library_of, sharding_of
from lorr_bench.plan.tuning.grid import Grid, combinations, size_of
from lorr_bench.ports.settings import other_names
from lorr_bench.spec.analysis import AnalysisSpec
from lorr_bench.spec.diagnosis import nearest
from lorr_bench.spec.load import LoadedSuite
from lorr_bench.spec.models import Suite
from lorr_bench.spec.tuning.section import TuningSpec
from lorr_bench.values import BUDGET_SIGN, arm_name

MAX_TRIES: Final = 1000
"""Of an arm at a data budget: a grid of many hyper-parameters grows beyond what anybody means."""


@dataclass(frozen=True)
class Search:
    """What is tried for an arm at a data budget.

    Attributes:
        arm: The arm, as the suite has it without its tuning.
        unique_pairs: The data budget.
        used_at: The data budgets at which the arm takes the best settings.
        grid: Values of each hyper-parameter that is tried.
        tries: Settings, in the order of the grid.
    """

    arm: Arm
    unique_pairs: int
    used_at: tuple[int, ...]
    grid: Grid
    tries: tuple[Mapping[str, Any], ...]

    def name(self, place: int) -> str:
        """The arm with the settings of a try, as stages, logs and trackers name it: ``dpo-3+lorr``."""
        return arm_name(self._method(place), self.arm.plugin)

    def _method(self, place: int) -> str:
        return f"{self.arm.method}-{place + 1}"

    def arms(self, loaded: LoadedSuite) -> list[Arm]:
        """The arm with the settings of each try, trained at the data budget alone.

        Args:
            loaded: The suite.

        Raises:
            SuiteError: The method's adapter refuses a setting.
        """
        suite, arm = loaded.suite, self.arm
        overrides = suite.overrides
        before = {**suite.methods[arm.method].hyperparameters, **overrides.get(arm.name, {})}
        after = overrides.get(f"{arm.name}{BUDGET_SIGN}{self.unique_pairs}", {})
        section = grid_section(suite, arm.method)
        found = []
        for place, settings in enumerate(self.tries):
            checked = checked_settings(loaded, arm.adapter, {**before, **settings, **after}, section)
            made = replace(
                arm,
                method=self._method(place),
                baseline=self.name(place),
                hyperparameters=checked,
                budgets=(self.unique_pairs,),
                at_budgets={},
            )
            found.append(made)
        return found


def searches_of(loaded: LoadedSuite, spec: TuningSpec, arms: Sequence[Arm]) -> tuple[Search, ...]:
    """Every search of a suite; arms that have none of what is tried, or have all of it fixed, have none.

    Args:
        loaded: The suite.
        spec: What it says of its tuning.
        arms: Its arms.

    Raises:
        SuiteError: A hyper-parameter that no method has, or a grid of too many combinations.
    """
    _check_names(loaded, spec, arms)
    found = []
    for arm in arms:
        used_at: dict[int, list[int]] = {}
        for pairs in arm.budgets:
            tuned = spec.tuned_at(pairs, loaded.suite.budget.unique_pairs)
            used_at.setdefault(tuned, []).append(pairs)
        for pairs, used in used_at.items():
            if grid := _grid(loaded.suite, spec, arm, pairs):
                _check_size(loaded, spec, arm, grid)
                tries = tuple(combinations(grid, spec.tries))
                found.append(Search(arm, pairs, tuple(used), grid, tries))
    return tuple(found)


def tried_arms(loaded: LoadedSuite, searches: Sequence[Search]) -> tuple[Arm, ...]:
    """An arm for each try that is run: those of searches that have several.

    Args:
        loaded: The suite.
        searches: Its searches.

    Raises:
        SuiteError: An adapter refuses a setting, or a combination of method and plug-in can't be.
        BudgetError: The tries of an arm differ in what is held equal, or exceed a limit.
    """
    library = library_of(sharding_of(loaded.suite.training, loaded.folder))
    at: dict[str, list[Arm]] = {}
    for search in searches:
        arms = search.arms(loaded)
        check_tries(loaded.suite, search.arm, arms, search.unique_pairs)
        for arm in arms:
            check_combination(arm, loaded.suite, library)
            if len(arms) > 1:
                at.setdefault(arm.name, []).append(arm)
    return tuple(map(_at_all_budgets, at.values()))


def _at_all_budgets(tries: Sequence[Arm]) -> Arm:
    """Tries of the same number at several data budgets, as one arm."""
    at_budgets = {arm.budgets[0]: arm.hyperparameters for arm in tries}
    return replace(tries[0], budgets=tuple(sorted(at_budgets)), at_budgets=at_budgets)


def suite_of_tries(suite: Suite, spec: TuningSpec) -> Suite:
    """The suite that the tries are run in: the same data, model and engine, other seeds and benchmark.

    Args:
        suite: What was asked.
        spec: What it says of its tuning.
    """
    evaluation = {"math": (spec.benchmark,), "general": (), "contamination": None}
    return suite.model_copy(
        update={
            "seeds": spec.seeds,
            "evaluation": suite.evaluation.model_copy(update=evaluation),
            "analysis": AnalysisSpec(),
            "tuning": None,
            "published": None,
        }
    )


def grid_section(suite: Suite, method: str) -> tuple[str, ...]:
    """Where a suite says the grid of a method."""
    own = suite.tuning is not None and method in suite.tuning.methods
    return ("tuning", "methods", method) if own else ("tuning", "grid")


def _grid(suite: Suite, spec: TuningSpec, arm: Arm, pairs: int) -> Grid:
    """What is tried: hyper-parameters that the method has and that no override fixes."""
    fixed = {
        name for key in (arm.name, f"{arm.name}{BUDGET_SIGN}{pairs}") for name in suite.overrides.get(key, {})
    }
    known = _settings(arm)
    return {name: values for name, values in spec.grid_of(arm.method).items() if name in known - fixed}


def _settings(arm: Arm) -> set[str]:
    """Names of the method's hyper-parameters."""
    model = arm.adapter.hyperparameters
    return {*model.model_fields, *(other for names in other_names(model).values() for other in names)}


def _check_names(loaded: LoadedSuite, spec: TuningSpec, arms: Sequence[Arm]) -> None:
    of_methods = {arm.method: _settings(arm) for arm in arms}
    everywhere = set().union(*of_methods.values())
    _check_section(loaded, ("tuning", "grid"), spec.grid, everywhere, "no method of the suite has")
    for method, grid in spec.methods.items():
        known = of_methods[method]
        _check_section(loaded, ("tuning", "methods", method), grid, known, f"{method} does not have")


def _check_section(
    loaded: LoadedSuite, section: tuple[str, ...], grid: Grid, known: set[str], who: str
) -> None:
    for name in grid:
        if name not in known:
            fix = f"{nearest(name, sorted(known))}`lorr-bench list method NAME` shows those of a method"
            what = f"`{'.'.join((*section, name))}` is a hyper-parameter that {who}"
            raise SuiteError(what, where=loaded.place((*section, name)), fix=fix)


def _check_size(loaded: LoadedSuite, spec: TuningSpec, arm: Arm, grid: Grid) -> None:
    count = min(size_of(grid), spec.tries or MAX_TRIES + 1)
    if count > MAX_TRIES:
        what = f"{arm.name} has {size_of(grid):,} combinations to try, of at most {MAX_TRIES:,}"
        place = loaded.place(grid_section(loaded.suite, arm.method))
        raise SuiteError(
            what, where=place, fix="Say `tuning.tries`: so many are drawn, or list fewer values."
        )
