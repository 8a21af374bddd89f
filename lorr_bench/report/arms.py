"""Arms taken apart: method, plug-in, what each arm is compared with, and its trained models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lorr_bench.values import START, Point, Results


def method_of(arm: str) -> str:
    """The method of an arm: ``dpo+lorr`` → ``dpo``."""
    return arm.partition("+")[0]


def plugin_of(arm: str) -> str:
    """The plug-in of an arm: ``dpo+lorr`` → ``lorr``."""
    return arm.partition("+")[2]


def methods(results: Results) -> tuple[str, ...]:
    """The methods, in the order of the suite."""
    return tuple(dict.fromkeys(method_of(arm) for arm in results.arms))


def plugins(results: Results) -> tuple[str, ...]:
    """The plug-ins that any method has, in the order of the suite: those of baselines first."""
    ordered = sorted(results.arms, key=lambda arm: not is_baseline(results, arm))
    return tuple(dict.fromkeys(plugin_of(arm) for arm in ordered))


def is_baseline(results: Results, arm: str) -> bool:
    """Whether others are compared with this arm."""
    return results.baselines.get(arm) == arm


def compared_arms(results: Results) -> tuple[str, ...]:
    """The arms that are compared with another one, in the order of the suite."""
    return tuple(arm for arm in results.arms if not is_baseline(results, arm))


def baseline_name(results: Results) -> str:
    """What captions call the baseline: the arm, or with several methods ``its method's plain arm``."""
    names = sorted({results.baselines[arm] for arm in results.arms if arm in results.baselines})
    first_plugins = {plugin_of(name) for name in names}
    if len(names) == 1:
        return names[0]
    return f"its method's {first_plugins.pop()} arm" if len(first_plugins) == 1 else "its method's baseline"


def one_point_an_arm(points: Iterable[Point], arms: Sequence[str]) -> list[Point]:
    """Of each arm the point with the largest budget and the lowest seed, in the order of the suite."""
    place = {arm: number for number, arm in enumerate((START.arm, *arms))}
    chosen: dict[str, Point] = {}
    for point in sorted(points, key=lambda point: (-point.unique_pairs, point.seed)):
        chosen.setdefault(point.arm, point)
    return sorted(chosen.values(), key=lambda point: place.get(point.arm, len(place)))
