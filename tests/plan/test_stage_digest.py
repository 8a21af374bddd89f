"""The digest is the identity of work."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.plan.stage import VERSIONS, Shared, Stage, canonical_digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_by_hand():
    expected = hashlib.sha256(b'{"a":[1,2.5],"b":"\\u00e9"}').hexdigest()
    assert canonical_digest({"b": "é", "a": [1, 2.5]}) == expected


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_the_order_of_keys_does_not_matter(value):
    assert canonical_digest(value) == canonical_digest(dict(reversed(value.items())))


def test_nan_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_digest({"a": float("nan")})


@given(st.dictionaries(st.text(), JSON, max_size=5), st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_stage_is_named_by_its_canonical_text(params, inputs):
    """Parameters that stages share are written out once, and name the same work."""
    work = {"kind": "train", "version": VERSIONS["train"], "params": params, "inputs": inputs}
    text = json.dumps(work, sort_keys=True, separators=(",", ":"))
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert Stage("train", "name", params, inputs).digest == expected
    assert Stage("train", "name", Shared(params), inputs).digest == expected


def test_label_and_setting_are_not_part_of_it():
    stage = Stage("train", "one name", {"a": 1}, {"role": "x"}, {"model_path": "/one"})
    assert Stage("train", "another", {"a": 1}, {"role": "x"}, {"model_path": "/two"}).digest == stage.digest


@pytest.mark.parametrize(
    "other",
    [
        Stage("reference", "name", {"a": 1}, {"role": "x"}),
        Stage("train", "name", {"a": 2}, {"role": "x"}),
        Stage("train", "name", {"a": 1}, {"role": "y"}),
        Stage("train", "name", {"a": 1}, {}),
        Stage("train", "name", {"a": 1}, {"another": "x"}),
    ],
    ids=["kind", "params", "inputs", "fewer inputs", "another role"],
)
def test_everything_else_is(other):
    assert other.digest != Stage("train", "name", {"a": 1}, {"role": "x"}).digest


def test_the_order_of_inputs_does_not_matter():
    one = Stage("train", "name", {}, {"pairs": "x", "model": "y"})
    assert Stage("train", "name", {}, {"model": "y", "pairs": "x"}).digest == one.digest


@given(JSON, st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_stage_survives_its_dictionary(value, inputs):
    stage = Stage("train", "a label", {"value": value}, inputs, {"path": "p"})
    assert Stage.from_dict(stage.to_dict()).digest == stage.digest
