"""Arms: methods times plug-ins, with checked hyper-parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
from lorr_bench.values import BUDGET_SIGN, arm_name


@dataclass(frozen=True)
class Priming:
    """A training on the first pairs, before that of an arm.

    Attributes:
        unique_pairs: How many pairs.
        replays: Passes over them.
        hyperparameters: Checked by the adapter's own model.
    """

    unique_pairs: int
    replays: int
    hyperparameters: BaseModel


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
        label_noise: Share of its training pairs that are the wrong way round.
        priming: What it is trained on before its first round; None where it begins at the start model.
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
    label_noise: float = 0.0
    priming: Priming | None = None
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

    @property
    def primer(self) -> Arm:
        """The priming as an arm: its passes alone, with neither reset nor SFT term."""
        assert self.priming is not None
        return replace(
            self,
            hyperparameters=self.priming.hyperparameters,
            sft_weights=(0.0,) * self.priming.replays,
            reset=None,
            rollout_ratio=0.0,
            priming=None,
        )

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


def training_lines(arms: Iterable[Arm]) -> Iterator[str]:
    """What is unlike the training that a method's name says: primings and wrong labels, sentences."""
    arms = tuple(arms)
    primings = {arm.method: arm.priming for arm in arms if arm.priming is not None}
    for method, priming in primings.items():
        yield (
            f"Priming: each arm of {method} begins after {priming.replays} replays of the first "
            f"{priming.unique_pairs:,} pairs, which it is charged."
        )
    noisy = [f"{arm.name} {arm.label_noise:g}" for arm in arms if arm.label_noise]
    if noisy:
        yield f"Label noise, share of training pairs whose responses are swapped: {', '.join(noisy)}."


def _arms_of(loaded: LoadedSuite, method_name: str, library: Library) -> list[Arm]:
    suite, method = loaded.suite, loaded.suite.methods[method_name]
    adapter_name = find_adapter(method.adapter or method_name, method.backend)
    adapter = load_adapter(adapter_name)
    checked_settings(loaded, adapter, method.hyperparameters, ("methods", method_name))
    priming = _priming(loaded, adapter, method_name)
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
            label_noise=plugin.label_noise,
            priming=priming,
            adaptive=_adaptive(plugin),
        )
        for unique_pairs in arm.budgets:
            check_combination(arm.at(unique_pairs), suite, library)
        arms.append(arm)
    return arms


def _priming(loaded: LoadedSuite, adapter: TrainerAdapter, method_name: str) -> Priming | None:
    """The priming of a method: one for all its arms, whatever `overrides` says of them."""
    method = loaded.suite.methods[method_name]
    if method.priming is None:
        return None
    settings = {**method.hyperparameters, **method.priming.settings}
    place = ("methods", method_name, "priming", "settings")
    return Priming(
        method.priming.unique_pairs,
        method.priming.replays,
        checked_settings(loaded, adapter, settings, place),
    )


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
            at_budgets[pairs] = checked_settings(
                loaded, adapter, {**own, **overrides[key]}, ("overrides", key)
            )
    return checked_settings(loaded, adapter, own, ("overrides", name)), at_budgets


def checked_settings(
    loaded: LoadedSuite, adapter: TrainerAdapter, values: dict[str, Any], prefix: tuple[str, ...]
) -> BaseModel:
    """Hyper-parameters as the adapter's model has them.

    Args:
        loaded: The suite.
        adapter: Whose hyper-parameters they are.
        values: What the suite says.
        prefix: Where it says it.

    Raises:
        SuiteError: The adapter refuses one.
    """
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
