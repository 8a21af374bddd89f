"""The token numbers that really reach each trainer, held against transformers' tokenizer by hand.

Every response is tokenized behind its prompt, has an end token if it is finished, and is cut at the length; what is
cut is not ended. The reference is the library's own call on the whole text, sliced.
"""

import dataclasses

import pytest
from trainer_batches import sequences
from training_rows import training_rows

from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.ports.registry import adapter_names, load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob

pytestmark = pytest.mark.slow

LENGTH = 50
OFFLINE = [
    name
    for name in adapter_names()
    if load_adapter(name).in_process and not load_adapter(name).online and name.split(".")[0] != "plugin"
]
SIDES = ("chosen", "rejected")


@pytest.fixture(scope="module")
def pairs(nano_pairs, tokenizer):
    """Eight pairs whose prompts leave room and whose responses differ within it; every other chosen one was never
    finished when it was sampled."""
    kept = []
    for pair in nano_pairs:
        sequences = [tokenizer(f"{pair.prompt}{getattr(pair, side)}")["input_ids"][:LENGTH] for side in SIDES]
        if len(tokenizer(pair.prompt)["input_ids"]) < LENGTH and sequences[0] != sequences[1]:
            kept.append(pair)
    kept.sort(key=lambda pair: len(tokenizer(pair.prompt + pair.chosen)["input_ids"]))
    shortest_and_longest = [*kept[:4], *kept[-4:]]
    return [
        dataclasses.replace(pair, chosen_truncated=place % 2 == 0)
        for place, pair in enumerate(shortest_and_longest)
    ]


@pytest.fixture(scope="module")
def expected(pairs, tokenizer):
    """By side: the sequence of each pair, and how many of its last tokens belong to the response."""

    def of(pair, side):
        prompt = tokenizer(pair.prompt)["input_ids"]
        response = tokenizer(getattr(pair, side))["input_ids"]
        end = [] if getattr(pair, f"{side}_truncated") else [tokenizer.eos_token_id]
        ids = tuple([*prompt, *response, *end][:LENGTH])
        return ids, len(ids) - len(prompt)

    return {side: [of(pair, side) for pair in pairs] for side in SIDES}


@pytest.fixture
def job(small_model, pairs, tmp_path):
    def make(adapter):
        rows = training_rows(adapter.rows, pairs)
        settings = adapter.hyperparameters(max_length=LENGTH, per_device_train_batch_size=len(rows))
        start = StartModel(str(small_model), None, "float32", trust_remote_code=False)
        reference = None
        if adapter.needs_reference:
            reference = tmp_path / "reference.parquet"
            adapter.reference(start, rows, settings, reference)
        return TrainJob(
            model=start,
            reference=reference,
            rows=rows,
            output=tmp_path / "output",
            checkpoints=tmp_path / "checkpoints",
            save_steps=0,
            stop_after=1,
            seed=0,
            loop=ReplayLoop(rows=len(rows), seed=0, sft_weights=(0.0,), reset=None),
            hyperparameters=settings,
            progress=lambda *_: None,
        )

    return make


def test_the_fixture_has_cut_and_whole_responses_on_both_sides(pairs, expected, tokenizer):
    assert len(pairs) == 8
    end = tokenizer.eos_token_id
    for side in SIDES:
        whole = [ids[-1] == end for ids, _ in expected[side]]
        assert any(whole)
        assert not all(whole)


@pytest.mark.parametrize("name", OFFLINE)
def test_rows_are_what_the_tokenizer_says(name, job, expected):
    adapter = load_adapter(name)
    found = sequences(adapter, job(adapter))
    sides = SIDES if adapter.rows in ("pairs", "labels") else ("chosen",)
    assert sorted(found) == sorted(row for side in sides for row in expected[side])


@pytest.mark.parametrize("name", ["trl.kto", "native.kto"])
def test_mismatched_responses_are_not_ended_where_they_are_cut(name, job, expected):
    """Each is the response of another row, as far as it fits behind the prompt."""
    import pyarrow.parquet as pq

    adapter = load_adapter(name)
    table = pq.read_table(job(adapter).reference)
    responses = {ids[len(ids) - scored :] for side in SIDES for ids, scored in expected[side]}
    for prompt, stranger in zip(
        table["prompt_ids"].to_pylist(), table["KL_completion_ids"].to_pylist(), strict=True
    ):
        room = LENGTH - len(prompt)
        assert any(response[:room] == tuple(stranger)[:room] for response in responses)


def test_a_token_that_the_tokenizer_does_not_put_before_a_text_is_not_put_there(
    job, expected, small_model, tmp_path
):
    """TRL's own CPO and ORPO would begin with it, and so cut a token more than the other methods."""
    from transformers import AutoTokenizer

    marked = AutoTokenizer.from_pretrained(small_model)
    marked.bos_token = marked.pad_token
    for name in ("trl.cpo", "trl.orpo"):
        adapter = load_adapter(name)
        made = job(adapter)
        marked.save_pretrained(tmp_path / name)
        for file in small_model.iterdir():
            if not (tmp_path / name / file.name).exists():
                (tmp_path / name / file.name).symlink_to(file)
        start = dataclasses.replace(made.model, path=str(tmp_path / name))
        found = sequences(adapter, dataclasses.replace(made, model=start))
        assert sorted(found) == sorted(row for side in SIDES for row in expected[side])
