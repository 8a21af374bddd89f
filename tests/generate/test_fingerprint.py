"""What a fingerprint is made of, and how far is too far. Real engines are held to it in tests/witness."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.errors import ModelError
from lorr_bench.generate.fingerprint import (
    TEXTS,
    TOLERANCE,
    Fingerprint,
    fixed_sequences,
    swap_tolerance,
    take_fingerprint,
)
from lorr_bench.ports.trainer import StartModel
from lorr_bench.spec.sources import ModelSpec

MADE = Fingerprint("float32", ((1, 2), (3,)), ((1, 2, 3), (4, 5)), ((-1.0, -2.0), (-3.0,)))


def start(path):
    return StartModel(str(path), None, "float32", trust_remote_code=False)


@pytest.mark.slow
def test_log_probabilities_by_cross_entropy(small_model):
    import torch
    from transformers import AutoModelForCausalLM

    found = take_fingerprint(start(small_model))
    model = AutoModelForCausalLM.from_pretrained(small_model, dtype=torch.float64)
    for tokens, log_probs in zip(found.sequences, found.log_probs, strict=True):
        ids = torch.tensor([tokens])
        # transformers' own loss: the mean over all tokens but the first
        loss = model(input_ids=ids, labels=ids).loss.item()
        assert -sum(log_probs) / len(log_probs) == pytest.approx(loss, abs=1e-5)


def test_texts_are_read_without_special_tokens(small_model):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(small_model / "tokenizer.json"))
    by_library = tuple(tuple(tokenizer.encode(text, add_special_tokens=False).ids) for text in TEXTS)
    assert take_fingerprint(start(small_model)).texts == by_library


def test_drawn_sequences_reach_all_over_the_vocabulary():
    sequences = fixed_sequences([], 1000, None)
    drawn = [token for tokens in sequences for token in tokens]
    assert len(drawn) == 6 * 24
    assert min(drawn) < 50
    assert 950 < max(drawn) < 1000
    assert sequences == fixed_sequences([], 1000, None)


def test_each_sequence_begins_as_the_model_knows_it_and_none_is_long():
    sequences = fixed_sequences([[7, 8], [9] * 40, []], 50, begin=1)
    assert sequences[0] == (1, 7, 8)
    assert all(tokens[0] == 1 and 2 <= len(tokens) <= 24 for tokens in sequences)
    assert len(sequences) == 2 + 6  # of an empty text there is nothing to score


def test_the_distance_is_the_mean_over_all_tokens_that_were_scored():
    assert MADE.distance([[-1.5, -2.0], [-4.0]]) == pytest.approx((0.5 + 0.0 + 1.0) / 3)
    assert MADE.distance([[-1.5], [-4.0]]) == pytest.approx((0.5 + 1.0) / 2)
    assert math.isnan(MADE.distance([[math.nan, -2.0], [-3.0]]))


def test_swapped_weights_are_never_allowed_more_than_the_dtype():
    assert swap_tolerance(MADE, None) == TOLERANCE["float32"]
    assert swap_tolerance(MADE, 1.0) == TOLERANCE["float32"]
    assert swap_tolerance(MADE, 1e-5) == pytest.approx(4e-5 + 1e-4)


@pytest.mark.slow
def test_rounded_in_place_a_model_says_what_it_says_loaded_in_bfloat16(small_model, monkeypatch):
    import torch

    on_cpu = take_fingerprint(start(small_model))
    assert on_cpu.rounded is None
    with monkeypatch.context() as patched:  # as on a GPU, as far as there is none
        patched.setattr(torch.cuda, "is_available", lambda: True)
        patched.setattr(torch.nn.Module, "to", lambda module, _: module)
        found = take_fingerprint(start(small_model))
    loaded = take_fingerprint(StartModel(str(small_model), None, "bfloat16", trust_remote_code=False))
    assert found.rounded == loaded.log_probs
    assert found.log_probs == on_cpu.log_probs != found.rounded


def test_an_engine_in_bfloat16_is_held_to_the_rounded_weights():
    row = ((-1.25, -2.25), (-3.25,))
    both = dataclasses.replace(MADE, rounded=row)
    held = both.within("bfloat16")
    assert (held.dtype, held.log_probs, held.sequences) == ("bfloat16", row, MADE.sequences)
    assert both.within("float32") == both


@pytest.mark.parametrize(
    ("model", "engine", "tolerance"),
    [
        ("float32", "float32", "float32"),
        ("float32", "bfloat16", "bfloat16"),
        ("bfloat16", "float32", "bfloat16"),
        ("float16", "bfloat16", "bfloat16"),
        ("float32", "float16", "float16"),
    ],
)
def test_without_a_row_of_its_own_the_coarser_dtype_says_how_far(model, engine, tolerance):
    made = dataclasses.replace(MADE, dtype=model)
    held = made.within(engine)
    assert (held.tolerance, held.log_probs) == (TOLERANCE[tolerance], made.log_probs)


def test_a_fingerprint_is_read_as_it_was_written():
    for made in (MADE, dataclasses.replace(MADE, rounded=MADE.log_probs)):
        assert Fingerprint.from_text(made.to_text()) == made
    assert "rounded" not in MADE.to_text()  # the files of a CPU stay as they were


def test_every_dtype_of_a_suite_has_a_tolerance():
    dtypes = ModelSpec.model_json_schema()["properties"]["dtype"]["enum"]
    assert set(TOLERANCE) == set(dtypes)


@pytest.mark.slow
@given(st.lists(st.lists(st.floats(-50, 0), min_size=1), min_size=1))
def test_what_is_written_is_read(log_probs):
    rows = tuple(map(tuple, log_probs))
    made = Fingerprint("bfloat16", ((1,),), tuple((0, *range(len(row))) for row in rows), rows)
    assert Fingerprint.from_text(made.to_text()) == made


def test_a_folder_without_weights_is_an_error(small_model, tmp_path):
    (tmp_path / "config.json").write_bytes((small_model / "config.json").read_bytes())
    (tmp_path / "tokenizer.json").write_bytes((small_model / "tokenizer.json").read_bytes())
    with pytest.raises(ModelError, match="transformers can't load the model") as caught:
        take_fingerprint(start(tmp_path))
    assert caught.value.where == str(tmp_path)
