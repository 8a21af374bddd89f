"""The digest is the identity of work."""

import dataclasses
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_samples import PARAMETERS, sample

from lorr_bench.plan.json_values import canonical_digest
from lorr_bench.plan.kinds.registry import stage_from_dict

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_by_hand():
    expected = hashlib.sha256(b'{"a":[1,2.5],"b":"\\u00e9"}').hexdigest()
    assert canonical_digest({"b": "é", "a": [1, 2.5]}) == expected


@pytest.mark.slow
@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_the_order_of_keys_does_not_matter(value):
    assert canonical_digest(value) == canonical_digest(dict(reversed(value.items())))


def test_nan_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_digest({"a": float("nan")})


@pytest.mark.slow
@given(st.dictionaries(st.text(), JSON, max_size=5), st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_stage_is_named_by_its_canonical_text(hyperparameters, inputs):
    stage = sample("train", hyperparameters=hyperparameters, inputs=inputs)
    params = {**PARAMETERS["train"], "hyperparameters": hyperparameters}
    work = {"kind": "train", "version": 4, "params": params, "inputs": inputs}
    text = json.dumps(work, sort_keys=True, separators=(",", ":"))
    assert stage.digest == hashlib.sha256(text.encode()).hexdigest()


def test_label_and_setting_are_not_part_of_it():
    stage = sample("train", "one name", inputs={"pairs": "x"}, setting={"model_path": "/one"})
    other = sample("train", "another", inputs={"pairs": "x"}, setting={"model_path": "/two"})
    assert other.digest == stage.digest


@pytest.mark.parametrize(
    "other",
    [
        sample("reference", inputs={"pairs": "x"}),
        sample("train", seed=2, inputs={"pairs": "x"}),
        sample("train", inputs={"pairs": "y"}),
        sample("train"),
        sample("train", inputs={"model": "x"}),
    ],
    ids=["kind", "params", "inputs", "fewer inputs", "another role"],
)
def test_everything_else_is(other):
    assert other.digest != sample("train", inputs={"pairs": "x"}).digest


def test_the_order_of_inputs_does_not_matter():
    one = sample("train", inputs={"pairs": "x", "model": "y"})
    assert sample("train", inputs={"model": "y", "pairs": "x"}).digest == one.digest


def test_an_input_can_count_as_another():
    """A reference for more pairs than the training reads counts as one for just these."""
    stage = sample("train", inputs={"pairs": "x", "reference": "large"})
    counted = dataclasses.replace(stage, counted_as={"reference": "small"})
    assert counted.digest == sample("train", inputs={"pairs": "x", "reference": "small"}).digest


@pytest.mark.slow
@given(st.dictionaries(st.text(), JSON, max_size=3), st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_stage_survives_its_dictionary(hyperparameters, inputs):
    stage = sample("train", hyperparameters=hyperparameters, inputs=inputs)
    assert stage_from_dict(json.loads(json.dumps(stage.to_dict()))) == stage
