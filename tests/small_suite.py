"""A small suite, to plan with some of its values changed: fixtures of the tests of plan and forecast."""

import copy

import pytest
import yaml

SUITE = {
    "name": "sample",
    "description": "a sample",
    "model": {"path": "nano"},
    "seeds": [0, 1],
    "data": {
        "collect": {
            "source": "nano/train",
            "num_prompts": 50,
            "num_samples": 4,
            "max_tokens": 32,
        }
    },
    "budget": {"unique_pairs": [8, 16]},
    "methods": {"dpo": {"learning_rate": 1e-4, "per_device_train_batch_size": 4}},
    "plugins": {"plain": {}, "lorr": {}, "no_reset": {"type": "lorr", "reset": "off"}},
    "evaluation": {
        "math": [
            {
                "name": "easy",
                "source": "nano/easy",
                "limit": 10,
                "max_tokens": 32,
                "repeats": 2,
                "cluster_column": "family",
            }
        ],
        "general": [{"name": "general", "tasks": ["nano_compare"], "limit": 5}],
    },
}


@pytest.fixture
def values():
    """A small suite as plain values, to change at will."""
    return copy.deepcopy(SUITE)


@pytest.fixture
def load(tmp_path):
    """Write values as a suite file and load it."""
    from lorr_bench.spec.load import load_suite

    def write_and_load(values, overrides=()):
        path = tmp_path / "suite.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False), "utf-8")
        return load_suite(path, overrides)

    return write_and_load


@pytest.fixture
def plan_of(load, values):
    """Plan the small suite with some of its values replaced."""
    from lorr_bench.plan.plan import make_plan

    return lambda **changes: make_plan(load({**values, **changes}))
