"""What every family trains on: the ids of its own template, begun once, up to the token at which it stops.

Expected ids are those of ``tokenizer.apply_chat_template``; the others are taken from the trainers' own batches.
"""

import dataclasses

import pytest
from family_conversations import ANSWERS, QUESTIONS, numbers_of, prompt_of, response_of
from trainer_batches import sequences
from training_rows import training_rows

from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.ports.registry import adapter_names, load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.values import Pair

OFFLINE = [
    f"{backend}.{method}"
    for backend in ("trl", "native")
    for method in ("dpo", "simpo", "cpo", "orpo", "kto", "sft")
    if f"{backend}.{method}" in adapter_names()
]


@pytest.fixture(scope="module")
def pairs(family, tokenizer):
    """Three pairs without a known end; the last one's rejected response was never finished."""
    made = [
        Pair(
            f"p{place}",
            prompt_of(family, tokenizer, question),
            *(response_of(family, answer) for answer in answers),
            prompt_index=place,
        )
        for place, (question, answers) in enumerate(zip(QUESTIONS, ANSWERS, strict=True))
    ]
    return [*made[:-1], dataclasses.replace(made[-1], rejected_truncated=True)]


@pytest.fixture
def make_job(folder, tmp_path):
    def make_job(adapter, pairs):
        rows = training_rows(adapter.rows, pairs)
        settings = adapter.hyperparameters(max_length=400, per_device_train_batch_size=len(rows) + 1)
        start = StartModel(str(folder), None, "float32", trust_remote_code=False)
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

    return make_job


def expected(family, tokenizer, adapter):
    """Numbers of each sequence, and how many of them are scored."""
    found = []
    for place, (question, answers) in enumerate(zip(QUESTIONS, ANSWERS, strict=True)):
        for side, answer in enumerate(answers[: 1 if adapter.rows == "chosen" else 2]):
            ids, prompt = numbers_of(
                family, tokenizer, question, answer, truncated=(place, side) == (len(QUESTIONS) - 1, 1)
            )
            found.append((ids, len(ids) - prompt))
    return sorted(found)


@pytest.mark.parametrize("name", OFFLINE)
def test_training_reads_the_ids_of_the_template(name, family, tokenizer, pairs, make_job):
    adapter = load_adapter(name)
    assert sorted(sequences(adapter, make_job(adapter, pairs))) == expected(family, tokenizer, adapter)


@pytest.mark.parametrize("name", OFFLINE)
def test_a_prompt_that_begins_with_the_begin_token_gets_no_second(name, family, tokenizer, pairs, make_job):
    """As a prompt does that somebody wrote with the template into a file."""
    if not family.adds_bos:
        pytest.skip("the tokenizer of this family adds none")
    adapter = load_adapter(name)
    begun = [dataclasses.replace(pair, prompt=family.bos + pair.prompt) for pair in pairs]
    assert sorted(sequences(adapter, make_job(adapter, begun))) == expected(family, tokenizer, adapter)
