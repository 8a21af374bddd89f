"""Arms: methods times plug-ins, with checked hyper-parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from lorr_bench.lorr.schedule import sft_weights
from lorr_bench.plan.kinds.prompts import Round
from lorr_bench.plan.kinds.train import AdaptiveParameters, ResetParameters
from lorr_bench.plan.refusals import check_combination
from lorr_bench.plan.sharding import Library, library_of, sharding_of
from lorr_bench.ports.registry import find_adapter, load_adapter
from lorr_bench.ports.trainer import KnownSettings, TrainerAdapter
from lorr_bench.spec.load import LoadedSuite, model_errors
from lorr_bench.spec.methods import IterativeSpec, LorrPlugin, PlainPlugin
from lorr_bench.spec.models import BUDGET_SIGN
from lorr_bench.values import arm_name


@dataclass(frozen=True)
class Arm:
    """One line of the comparison.

    Attributes:
        method: Its method's name in the suite.
        plugin: Its plug-in's name in the suite.
        baseline: Name of the arm it is compared with: the same method with the first of its plug-ins.
        adapter_name: Full name under which the adapter is registered.
        adapter: Trains it.
        hyperparameters: Checked by the adapter's own model, the arm's overrides applied.
        budgets: Data budgets that it is trained at, rising.
        at_budgets: Hyper-parameters at the budgets that have their own.
        sft_weights: λ of every replay; the length is L.
        reset: What is reset between replays; None where nothing is.
        rollout_ratio: ρ.
        iterative: How its rounds are laid out, or None for one round.
        adaptive: What a signal decides; None where nothing does.
    """

    method: str
    plugin: str
    baseline: str
    adapter_name: str
    adapter: TrainerAdapter
    hyperparameters: BaseModel
    budgets: tuple[int, ...]
    at_budgets: Mapping[int, BaseModel]
    sft_weights: tuple[float, ...]
    reset: ResetParameters | None
    rollout_ratio: float
    iterative: IterativeSpec | None
    adaptive: AdaptiveParameters | None = None

    @property
    def name(self) -> str:
        """``method+plugin``."""
        return arm_name(self.method, self.plugin)

    @property
    def known_settings(self) -> KnownSettings:
        """What the core reads of the hyper-parameters."""
        return self.adapter.known_settings(self.hyperparameters)

    @property
    def replays(self) -> int:
        """L."""
        return len(self.sft_weights)

    @property
    def held_out_pairs(self) -> int:
        """Pairs beyond the data budget that it measures a signal on."""
        return self.adaptive.held_out_pairs if self.adaptive is not None else 0

    @property
    def rounds(self) -> int:
        """T."""
        return self.iterative.rounds if self.iterative else 1

    def at(self, unique_pairs: int) -> Arm:
        """The arm with the hyper-parameters that it has at a data budget."""
        return replace(self, hyperparameters=self.at_budgets.get(unique_pairs, self.hyperparameters))

    def share(self, total: int, number: int) -> int:
        """How many of all pairs or prompts a round has; rounds that share them differ by one at most.

        Args:
            total: Pairs of the data budget, or prompts of the suite.
            number: Which round, counted from 1.
        """
        if self.iterative is None or self.iterative.prompts == "reuse":
            return total
        return Round(number, self.rounds).share(total)


def make_arms(loaded: LoadedSuite) -> tuple[Arm, ...]:
    """All arms of a suite, methods outside and plug-ins inside.

    Raises:
        SuiteError: A method without adapter, a hyper-parameter that the adapter refuses, or a method and a
            plug-in that can't be combined.
    """
    library = library_of(sharding_of(loaded.suite.training, loaded.folder))
    return tuple(arm for method in loaded.suite.methods for arm in _arms_of(loaded, method, library))


def _arms_of(loaded: LoadedSuite, method_name: str, library: Library) -> list[Arm]:
    suite, method = loaded.suite, loaded.suite.methods[method_name]
    adapter_name = find_adapter(method.adapter or method_name, method.backend)
    adapter = load_adapter(adapter_name)
    _checked(loaded, adapter, method.hyperparameters, ("methods", method_name))
    plugins = suite.plugins_of(method_name)
    arms = []
    for plugin_name in plugins:
        name, plugin = arm_name(method_name, plugin_name), suite.plugins[plugin_name]
        settings, at_budgets = _settings(loaded, adapter, name, method.hyperparameters)
        weights, reset = lorr_parts(plugin)
        arm = Arm(
            method=method_name,
            plugin=plugin_name,
            baseline=arm_name(method_name, plugins[0]),
            adapter_name=adapter_name,
            adapter=adapter,
            hyperparameters=settings,
            budgets=tuple(plugin.unique_pairs or suite.budget.unique_pairs),
            at_budgets=at_budgets,
            sft_weights=weights,
            reset=reset,
            rollout_ratio=plugin.rollout_ratio if isinstance(plugin, LorrPlugin) else 0.0,
            iterative=method.iterative,
            adaptive=_adaptive(plugin),
        )
        for unique_pairs in arm.budgets:
            check_combination(arm.at(unique_pairs), suite, library)
        arms.append(arm)
    return arms


def _settings(
    loaded: LoadedSuite, adapter: TrainerAdapter, name: str, shared: Mapping[str, Any]
) -> tuple[BaseModel, dict[int, BaseModel]]:
    """An arm's hyper-parameters, and those at data budgets that have their own."""
    overrides = loaded.suite.overrides
    own = {**shared, **overrides.get(name, {})}
    at_budgets = {}
    for pairs in loaded.suite.budget.unique_pairs:
        key = f"{name}{BUDGET_SIGN}{pairs}"
        if key in overrides:
            at_budgets[pairs] = _checked(loaded, adapter, {**own, **overrides[key]}, ("overrides", key))
    return _checked(loaded, adapter, own, ("overrides", name)), at_budgets


def _checked(
    loaded: LoadedSuite, adapter: TrainerAdapter, values: dict[str, Any], prefix: tuple[str, str]
) -> BaseModel:
    try:
        return adapter.hyperparameters.model_validate(values)
    except ValidationError as error:
        raise model_errors(error, loaded.lines, loaded.path, adapter.hyperparameters, prefix) from error


def lorr_parts(plugin: PlainPlugin | LorrPlugin) -> tuple[tuple[float, ...], ResetParameters | None]:
    """λ of every replay of a plug-in, and what it resets between them; None where nothing is."""
    if isinstance(plugin, PlainPlugin):
        return (0.0,), None
    weights: tuple[float, ...] = (0.0,) * plugin.replays
    if plugin.sft is not None:
        weights = plugin.sft.weights or sft_weights(plugin.replays, plugin.sft.schedule, plugin.sft.cap)
    reset = plugin.reset
    if reset is None or (reset.period == "replay" and plugin.replays == 1):
        return weights, None
    return weights, ResetParameters(
        pattern=reset.pattern,
        factor=reset.factor,
        clear_optimizer=reset.optimizer_state == "clear",
        period=reset.period,
        anchor=reset.anchor,
    )


def _adaptive(plugin: PlainPlugin | LorrPlugin) -> AdaptiveParameters | None:
    """What a signal decides in the arms of a plug-in; None where nothing does."""
    if isinstance(plugin, PlainPlugin) or plugin.adaptive is None:
        return None
    return AdaptiveParameters(**plugin.adaptive.model_dump())
