"""What plug-ins and methods are made of, as the resolved suite says it.

A control is told by what it lacks, and a primed method by its priming.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from lorr_bench.report.formatting import listed

NAMES: Final = {
    "replays": "the replays",
    "reset": "the reset",
    "sft": "the SFT term",
    "rollout_ratio": "the fresh rollouts",
    "label_noise": "the label noise",
    "adaptive": "the signal that decides",
}
"""Parts of LoRR, and the noise that it is held against, by the names of their settings."""
OFF: Final = (None, 0, 1, False)
"""A setting with one of these values does nothing: a single replay is plain training."""

Settings = Mapping[str, Any]


def plugin_settings(suite_text: str) -> dict[str, dict[str, Any]]:
    """The settings of each plug-in that make LoRR's parts.

    Args:
        suite_text: The resolved suite as YAML.

    Returns:
        By plug-in, its settings of ``NAMES``, None where it has none; empty where no plug-in is described.
    """
    described = _described(suite_text, "plugins")
    return {name: {part: found.get(part) for part in NAMES} for name, found in described.items()}


def primed_line(suite_text: str) -> str:
    """Which methods are primed, a sentence for the ledger; empty where none is.

    Args:
        suite_text: The resolved suite as YAML.
    """
    primed = [name for name, method in _described(suite_text, "methods").items() if method.get("priming")]
    return f"What {listed(primed)} used has the priming in it." if primed else ""


def _described(suite_text: str, section: str) -> dict[str, dict[str, Any]]:
    """What the suite says of each plug-in or method; empty where it describes none."""
    # The loader in C reads a suite of thousands of methods ten times faster; both are safe.
    try:
        loader = (yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)(suite_text)
    except UnicodeEncodeError:  # half a character; no suite that was read has one
        return {}
    try:
        suite = loader.get_single_data()
    except yaml.YAMLError:
        return {}
    finally:
        loader.dispose()
    found = suite.get(section) if isinstance(suite, dict) else None
    entries = found.items() if isinstance(found, dict) else ()
    return {str(name): entry for name, entry in entries if isinstance(entry, dict)}


def taken_out(whole: Settings, control: Settings) -> str:
    """What a control lacks of a plug-in: ``the reset``, ``the replays and the SFT term``.

    Empty where the two are the same, or differ in how a part is set.
    """
    pairs = {part: (_setting(whole[part]), _setting(control[part])) for part in NAMES}
    differing = {part: control for part, (whole, control) in pairs.items() if whole != control}
    if not differing or any(value is not None for value in differing.values()):
        return ""
    return listed([NAMES[part] for part in differing])


def _setting(value: Any) -> Any:
    """None for a part that is off."""
    return value if isinstance(value, dict) or value not in OFF else None
