"""The schema with the hyper-parameters of methods; that the rest fits the loader is in tests/spec."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lorr_bench.ports.suite_schema import SCHEMA_ID, full_schema, own_names, schema_text
from lorr_bench.spec.document import read_document
from lorr_bench.spec.schema import SCHEMA_PATH

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"


@cache
def schema() -> dict[str, Any]:
    return full_schema(own_names())


def accepts(methods: dict[str, Any]) -> bool:
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    values: Any = read_document(SMOKE.read_text("utf-8"), str).value
    return bool(validator(schema()).is_valid({**values, "methods": methods}))


@pytest.mark.slow
def test_the_shipped_copy_is_fresh() -> None:
    stale = "run: python -m lorr_bench.ports.suite_schema"
    assert SCHEMA_PATH.read_text(encoding="utf-8") == schema_text(schema()), stale


@pytest.mark.slow
def test_it_is_a_schema_with_a_name_that_needs_no_place() -> None:
    pytest.importorskip("jsonschema").Draft202012Validator.check_schema(schema())
    assert schema()["$id"] == SCHEMA_ID == "urn:lorr-bench:suite"


def test_a_hyper_parameter_has_type_default_and_description() -> None:
    reference = schema()["$defs"]["method.trl.simpo"]["properties"]["gamma_beta_ratio"]["$ref"]
    assert schema()["$defs"][reference.removeprefix("#/$defs/")] == {
        "type": "number",
        "minimum": 0,
        "default": 0.55,
        "title": "Gamma Beta Ratio",
        "description": "target margin over beta, as papers quote it. Published: 0.1 to 0.8",
    }


@pytest.mark.parametrize(
    "methods",
    [
        {"dpo": None},
        {"dpo": {"beta": 0.2, "batch_size": 4, "lora": {"r": 8}}},
        {"dpo": {"backend": "native", "padding_free": False}},
        {"mine": {"adapter": "dpo", "beta": 0.2}},
        {"mine": {"adapter": "native.dpo", "padding_free": False}},
        {"mine": {"adapter": "dpo", "backend": "native", "padding_free": False}},
        {"dpo": {"adapter": "simpo", "gamma_beta_ratio": 1}},
        {"dpo": {}, "mild": {"adapter": "dpo", "like": "dpo", "beta": 0.5, "plugins": ["plain"]}},
        {"of_another_package": {"whatever": 1}},
    ],
)
def test_what_the_adapter_takes_is_accepted(methods: dict[str, Any]) -> None:
    assert accepts(methods)


@pytest.mark.parametrize(
    "methods",
    [
        {"dpo": {"betta": 0.2}},
        {"dpo": {"beta": -1}},
        {"dpo": {"padding_free": False}},
        {"dpo": {"batch_size": 4, "per_device_train_batch_size": 4}},
        {"dpo": {"lora": {"rank": 8}}},
        {"dpo": {"adapter": "simpo", "label_smoothing": 0.1}},
        {"mine": {"adapter": "dpo", "padding_free": False}},
        {"mine": {"adapter": "trl.dpo", "padding_free": False}},
    ],
)
def test_what_the_adapter_refuses_is_refused(methods: dict[str, Any]) -> None:
    assert not accepts(methods)
