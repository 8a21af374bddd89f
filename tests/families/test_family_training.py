"""What every family trains on: the ids of its own template, begun once, up to the token at which it stops.

Expected ids are those of ``tokenizer.apply_chat_template``; the others are taken from the trainers' own batches.
"""

import dataclasses
import json

import pytest
from family_conversations import ANSWERS, QUESTIONS, TODAY, numbers_of, prompt_of, response_of
from trainer_batches import sequences
from training_rows import training_rows

from lorr_bench.data.chat_writer import ChatWriter
from lorr_bench.data.pairs import load_pair_file
from lorr_bench.data.tokens import load_tokenizer, tokenize_pairs
from lorr_bench.lorr.loop import ReplayLoop
from lorr_bench.ports.registry import adapter_names, load_adapter
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.spec.sources import PairFileSpec
from lorr_bench.tokens.chat import Chat
from lorr_bench.tokens.special import begin_text, end_token
from lorr_bench.values import Pair, Prompt

pytestmark = pytest.mark.slow  # hundreds of batches, each of them quick

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


def job_of(folder, rows, settings, reference, output):
    return TrainJob(
        model=StartModel(str(folder), None, "float32", trust_remote_code=False),
        reference=reference,
        rows=rows,
        output=output / "output",
        checkpoints=output / "checkpoints",
        save_steps=0,
        stop_after=1,
        seed=0,
        loop=ReplayLoop(rows=len(rows), seed=0, sft_weights=(0.0,), reset=None),
        hyperparameters=settings,
        progress=lambda *_: None,
    )


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
        return job_of(folder, rows, settings, reference, tmp_path)

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


@pytest.mark.parametrize("name", ["native.dpo", "trl.dpo"])
def test_the_end_at_which_the_model_stopped_is_trained(name, family, tokenizer, pairs, make_job):
    """Whatever the template writes: here the model ended its answers with another stop of the family."""
    stop = family.stops[0]
    number = tokenizer.convert_tokens_to_ids(stop)
    ended = [dataclasses.replace(pair, chosen_end=stop, rejected_end=stop) for pair in pairs]
    adapter = load_adapter(name)
    found = {ids[-1] for ids, _ in sequences(adapter, make_job(adapter, ended[:2]))}
    assert found == {number}


@pytest.mark.parametrize("name", ["trl.grpo", "trl.rloo"])
@pytest.mark.filterwarnings("ignore")  # TRL's own, of models that it does not know by name
def test_online_methods_read_and_end_as_the_template_does(name, family, folder, tokenizer, tmp_path):
    """The model is made to write the family's end at once, and must stop there."""
    import torch

    adapter = load_adapter(name)
    begun = family.bos if family.adds_bos else ""
    prompts = [prompt_of(family, tokenizer, question) for question in QUESTIONS[:2]]
    rows = [Prompt("a", prompts[0], "15"), Prompt("b", begun + prompts[1], "3")]
    settings = adapter.hyperparameters(
        num_generations=2, per_device_train_batch_size=4, max_completion_length=6, max_length=400
    )
    job = job_of(folder, rows, settings, None, tmp_path)
    trainer = adapter.trainer(job)
    end = tokenizer.convert_tokens_to_ids(family.end)

    def only_the_end(_module, _inputs, outputs):
        if getattr(outputs, "logits", None) is not None:  # RLOO's fused pass computes none
            outputs.logits = torch.full_like(outputs.logits, -1e4)
            outputs.logits[..., end] = 0.0

    trainer.model.register_forward_hook(only_the_end)
    [batch] = [trainer._prepare_inputs(batch) for batch in trainer.get_train_dataloader()]
    lines = zip(batch["prompt_ids"], batch["prompt_mask"].bool(), strict=True)
    found = {tuple(ids[present].tolist()) for ids, present in lines}
    expected = [numbers_of(family, tokenizer, q, "5") for q in QUESTIONS[:2]]
    assert found == {ids[:prompt] for ids, prompt in expected}
    answers = zip(batch["completion_ids"], batch["completion_mask"].bool(), strict=True)
    assert {tuple(ids[present].tolist()) for ids, present in answers} == {(end,)}


def test_what_is_saved_stops_at_the_end_that_was_trained(family, folder, tokenizer, tmp_path):
    """Also where nobody but transformers reads the folder."""
    from lorr_bench_adapters.loading import load_model, save_model
    from transformers import GenerationConfig

    start = StartModel(str(folder), None, "float32", trust_remote_code=False)
    save_model(load_model(start), load_tokenizer(start), start, tmp_path)
    saved = GenerationConfig.from_pretrained(tmp_path).eos_token_id
    named = set(saved if isinstance(saved, list) else [saved])
    expected = {*family.stops, family.eos, family.end}
    assert named == set(tokenizer.convert_tokens_to_ids(list(expected)))


def test_llamafactory_is_given_the_text_of_the_template(family, tokenizer, pairs, tmp_path):
    """Its template ``empty`` adds nothing, so that begin and end must stand in the rows."""
    from lorr_bench_adapters.external.llamafactory import write_rows
    from lorr_bench_adapters.external.methods import LlamaFactoryDPO
    from lorr_bench_adapters.external.replay_run import ReplayRun

    begun = [dataclasses.replace(pair, prompt=begin_text(tokenizer) + pair.prompt) for pair in pairs]
    for rows in (pairs, begun):
        run = ReplayRun(
            start=tmp_path,
            model=tmp_path,
            adapter=None,
            rows=rows,
            sft_weight=0.0,
            seed=0,
            settings=LlamaFactoryDPO.hyperparameters(),
            trust_remote_code=False,
            begin=begin_text(tokenizer),
            end=end_token(tokenizer),
            folder=tmp_path,
        )
        write_rows(run)
        written = json.loads((tmp_path / "pairs.json").read_text("utf-8"))
        found = [
            tuple(tokenizer(row["prompt"] + row[side], add_special_tokens=False)["input_ids"])
            for row in written
            for side in ("chosen", "rejected")
        ]
        assert sorted(found) == [ids for ids, _ in expected(family, tokenizer, load_adapter("native.dpo"))]


def test_a_ready_made_conversation_reads_the_ids_of_the_template(family, tokenizer, tmp_path):
    """Rows of turns, as preference sets of the Hub have them."""
    if family.template is None:
        pytest.skip("the family has no template")
    rows = [
        {
            "prompt": [{"role": "user", "content": question}],
            **{
                side: [{"role": "assistant", "content": answer}]
                for side, answer in zip(("chosen", "rejected"), answers, strict=True)
            },
        }
        for question, answers in zip(QUESTIONS, ANSWERS, strict=True)
    ]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    chat = Chat(TODAY, arguments=family.template_arguments)
    file = load_pair_file(PairFileSpec(source="set.jsonl"), tmp_path, lambda: ChatWriter(tokenizer, chat))
    found = [
        (tuple(pair.prompt + response), len(response))
        for pair in tokenize_pairs(file.pairs, tokenizer, 400)
        for response in (pair.chosen, pair.rejected)
    ]
    wanted = [
        numbers_of(family, tokenizer, question, answer)
        for question, answers in zip(QUESTIONS, ANSWERS, strict=True)
        for answer in answers
    ]
    assert found == [(ids, len(ids) - prompt) for ids, prompt in wanted]
