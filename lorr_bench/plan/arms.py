"""Arms: methods times plug-ins, with checked hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from lorr_bench.lorr.schedule import sft_weights
from lorr_bench.ports.registry import load_adapter
from lorr_bench.ports.trainer import TrainerAdapter
from lorr_bench.spec.load import LoadedSuite, model_errors
from lorr_bench.spec.models import LorrPlugin, PlainPlugin


@dataclass(frozen=True)
class Arm:
    """One line of the comparison.

    Attributes:
        name: ``method+plugin``.
        adapter_name: Under which the adapter is registered.
        adapter: Trains it.
        hyperparameters: Checked by the adapter's own model, the arm's overrides applied.
        sft_weights: λ of every replay; the length is L.
        reset: Pattern, factor and clear_optimizer of the reset, or None.
    """

    name: str
    adapter_name: str
    adapter: TrainerAdapter
    hyperparameters: BaseModel
    sft_weights: tuple[float, ...]
    reset: dict[str, Any] | None

    @property
    def replays(self) -> int:
        """L."""
        return len(self.sft_weights)


def make_arms(loaded: LoadedSuite) -> tuple[Arm, ...]:
    """All arms of a suite, methods outside and plug-ins inside.

    Raises:
        SuiteError: A method without adapter, or a hyper-parameter that the adapter refuses.
    """
    suite = loaded.suite
    arms = []
    for method_name, method in suite.methods.items():
        adapter_name = method.adapter or method_name
        adapter = load_adapter(adapter_name)
        for plugin_name, plugin in suite.plugins.items():
            name = f"{method_name}+{plugin_name}"
            own = suite.overrides.get(name, {})
            _checked(loaded, adapter, method.hyperparameters, ("methods", method_name))
            merged = _checked(loaded, adapter, {**method.hyperparameters, **own}, ("overrides", name))
            weights, reset = _parts(plugin)
            arms.append(Arm(name, adapter_name, adapter, merged, weights, reset))
    return tuple(arms)


def _checked(
    loaded: LoadedSuite, adapter: TrainerAdapter, values: dict[str, Any], prefix: tuple[str, str]
) -> BaseModel:
    try:
        return adapter.hyperparameters.model_validate(values)
    except ValidationError as error:
        raise model_errors(error, loaded.lines, loaded.path, adapter.hyperparameters, prefix) from error


def _parts(plugin: PlainPlugin | LorrPlugin) -> tuple[tuple[float, ...], dict[str, Any] | None]:
    if isinstance(plugin, PlainPlugin):
        return (0.0,), None
    weights: tuple[float, ...] = (0.0,) * plugin.replays
    if plugin.sft is not None:
        weights = plugin.sft.weights or sft_weights(plugin.replays, plugin.sft.schedule, plugin.sft.cap)
    reset = plugin.reset
    if reset is None or plugin.replays == 1:
        return weights, None
    return weights, {
        "pattern": reset.pattern,
        "factor": reset.factor,
        "clear_optimizer": reset.optimizer_state == "clear",
    }
