"""TRL's trainers with LoRR, made by hand, end at the very weights of the suite's."""

import math
from functools import cache

import pytest
import torch
from datasets import Dataset
from lorr_bench_adapters.trl import LoRRCallback
from own_training import ARGUMENTS, NO_TERM, PARTS, make, weights_of
from transformers import (
    AutoModelForCausalLM,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from lorr_bench.data.tokens import tokenize_responses
from lorr_bench.errors import SuiteError
from lorr_bench.lorr.loop import Reset

pytestmark = pytest.mark.slow

HALVE = Reset(pattern=r"\.(o_proj|down_proj)\.", factor=0.5, clear_optimizer=True)
SETTINGS = {"per_device_train_batch_size": 5, "gradient_accumulation_steps": 2}


def assert_same(found, expected):
    """Equal to the bit; a tied weight is saved under one of its names."""
    assert expected.keys() <= found.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


@pytest.mark.parametrize("method", ["dpo", "kto", "cpo", "orpo", "sft"])
def test_five_trainers_end_at_the_weights_of_the_suite(make_trainer, tmp_path, method):
    """Two replays of 18 rows: updates of 5 + 5 and of 5 + 3, whose rows weigh the same."""
    suite = make_trainer(method, rows=18)
    weights = (0.1, 0.2) if suite.adapter.takes_sft_term else (0.0, 0.0)
    expected = suite(tmp_path / "suite", suite.loop(weights, HALVE), settings=SETTINGS).weights
    lorr = PARTS if suite.adapter.takes_sft_term else NO_TERM
    trainer = make(method, suite.start.path, suite.rows, tmp_path, lorr=lorr)
    trainer.train()
    assert_same(weights_of(trainer), expected)


LORA = {"r": 2, "lora_alpha": 8, "target_modules": ["q_proj", "o_proj", "down_proj"]}


@pytest.fixture
def dpo(make_trainer):
    return make_trainer("dpo")


def killed_at(step):
    """A callback that ends the process after a step, as far as a test can."""

    class Killer(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == step:
                raise KeyboardInterrupt

    return Killer()


@pytest.fixture(scope="module")
def straight(make_trainer, tmp_path_factory):
    """A run in one go, by the steps between its resets: its trainer and its checkpoints, one a step."""

    @cache
    def straight(period):
        folder = tmp_path_factory.mktemp("straight")
        suite = make_trainer("dpo")
        trainer = make(
            "dpo",
            suite.start.path,
            suite.rows,
            folder,
            lorr=resetting(period),
            save_strategy="steps",
            save_steps=1,
        )
        trainer.train()
        return trainer, folder

    return straight


def resetting(period):
    return PARTS.model_copy(update={"reset": PARTS.reset.model_copy(update={"period": period})})


def test_a_run_that_was_killed_goes_on_from_trls_own_checkpoint(straight, dpo, tmp_path):
    """Killed in the first step after a replay: the checkpoint is of before the reset, so that comes first."""
    saves = {"save_strategy": "steps", "save_steps": 1}
    killed = make("dpo", dpo.start.path, dpo.rows, tmp_path, callbacks=[killed_at(3)], **saves)
    with pytest.raises(KeyboardInterrupt):
        killed.train()
    assert get_last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-2")
    finished = make("dpo", dpo.start.path, dpo.rows, tmp_path, **saves)
    finished.train(resume_from_checkpoint=True)
    assert_same(weights_of(finished), weights_of(straight("replay")[0]))
    assert finished.lorr.resets_done == 1


@pytest.mark.parametrize("period", ["replay", 3], ids=["within a replay", "with a reset due"])
def test_a_run_goes_on_from_the_middle_of_a_replay(straight, dpo, tmp_path, period):
    trainer, checkpoints = straight(period)
    again = make("dpo", dpo.start.path, dpo.rows, tmp_path, lorr=resetting(period))
    again.train(resume_from_checkpoint=str(checkpoints / "checkpoint-3"))
    assert_same(weights_of(again), weights_of(trainer))
    assert again.lorr.resets_done == trainer.lorr.resets_done == 1


def test_a_reset_at_the_end_is_in_the_model_and_comes_again_behind_the_last_checkpoint(
    straight, dpo, tmp_path
):
    """Half of the weights that the last checkpoint has, and half of the start."""
    trainer, checkpoints = straight("end")
    start, kept = (
        AutoModelForCausalLM.from_pretrained(folder).state_dict()
        for folder in (dpo.start.path, checkpoints / "checkpoint-4")
    )
    for name, tensor in weights_of(trainer).items():
        is_reset = any(mark in name for mark in (".o_proj.", ".down_proj."))
        expected = 0.5 * kept[name] + 0.5 * start[name] if is_reset else kept[name]
        assert torch.equal(tensor, expected), name
    again = make("dpo", dpo.start.path, dpo.rows, tmp_path, lorr=resetting("end"))
    again.train(resume_from_checkpoint=str(checkpoints / "checkpoint-4"))
    assert_same(weights_of(again), weights_of(trainer))
    assert again.lorr.resets_done == trainer.lorr.resets_done == 1


def test_a_run_that_is_stopped_before_its_end_has_no_reset_at_the_end(dpo, tmp_path):
    class Stopper(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            control.should_training_stop = state.global_step == 3

    trainer = make("dpo", dpo.start.path, dpo.rows, tmp_path, lorr=resetting("end"), callbacks=[Stopper()])
    trainer.train()
    assert trainer.lorr.resets_done == 0


def test_a_checkpoint_of_other_start_weights_is_refused(straight, dpo, tmp_path):
    """Its model read as the start, the resets of the rest would go back to a trained model."""
    checkpoint = straight("replay")[1] / "checkpoint-2"
    again = make("dpo", checkpoint, dpo.rows, tmp_path)
    with pytest.raises(SuiteError, match="the run of the checkpoint had other start weights"):
        again.train(resume_from_checkpoint=str(checkpoint))


def test_lora_ends_at_the_weights_of_the_suite_and_goes_on_from_a_checkpoint(dpo, tmp_path):
    from peft import LoraConfig

    expected = dpo(
        tmp_path / "suite", dpo.loop((0.1, 0.2), HALVE), settings={**SETTINGS, "lora": LORA}
    ).weights

    def trainer(**changes):
        peft_config = LoraConfig(**LORA, lora_dropout=0.0, task_type="CAUSAL_LM")
        return make("dpo", dpo.start.path, dpo.rows, tmp_path / "own", peft_config=peft_config, **changes)

    straight = trainer(save_strategy="steps", save_steps=2)
    straight.train()
    finished = trainer()
    finished.train(resume_from_checkpoint=str(tmp_path / "own" / "checkpoint-2"))
    for each in (straight, finished):
        assert_same(each.model.merge_and_unload().state_dict(), expected)


def test_without_precomputed_reference_the_term_is_still_of_the_policy(dpo, tmp_path):
    """Below an adapter the reference is the same model; its log-probabilities are no longer the last ones."""
    from peft import LoraConfig

    def losses(**changes):
        peft_config = LoraConfig(**LORA, lora_dropout=0.0, task_type="CAUSAL_LM")
        trainer = make("dpo", dpo.start.path, dpo.rows, tmp_path, peft_config=peft_config, **changes)
        trainer.train()
        return [log["loss"] for log in trainer.state.log_history if "loss" in log]

    assert losses(precompute_ref_log_probs=False) == pytest.approx(losses(), rel=1e-4)


def test_a_callback_alone_orders_and_resets_as_the_suite_does(dpo, tmp_path):
    """Twelve rows in updates of four: no micro-batch is smaller than another."""
    even = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1}
    expected = dpo(tmp_path / "suite", dpo.loop((0.0, 0.0), HALVE), settings=even).weights
    trainer = make(
        "dpo", dpo.start.path, dpo.rows, tmp_path, wrapped=False, callbacks=[LoRRCallback(NO_TERM)], **even
    )
    trainer.train()
    assert_same(weights_of(trainer), expected)


def test_a_callback_serves_transformers_own_trainer(make_trainer, tokenizer, tmp_path):
    suite = make_trainer("sft")
    expected = suite(tmp_path / "suite", suite.loop((0.0, 0.0), HALVE), settings=SETTINGS).weights
    tokens = tokenize_responses(suite.rows, tokenizer, 96)
    rows = [
        {"input_ids": r.prompt + r.response, "labels": [-100] * len(r.prompt) + r.response} for r in tokens
    ]
    arguments = {name: value for name, value in ARGUMENTS.items() if name != "max_length"}
    trainer = Trainer(
        model=AutoModelForCausalLM.from_pretrained(suite.start.path),
        args=TrainingArguments(output_dir=str(tmp_path), **arguments),
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        train_dataset=Dataset.from_list(rows),
        callbacks=[LoRRCallback(NO_TERM)],
    )
    trainer.train()
    for name, tensor in expected.items():  # TRL's fused head rounds otherwise; a step moves weights by 1e-3
        torch.testing.assert_close(trainer.model.state_dict()[name], tensor, rtol=0, atol=1e-4)


def test_an_evaluation_is_the_trainers_own(dpo, tmp_path):
    """No SFT term, no weighing of rows; the loss is log 2 before training."""
    trainer = make("dpo", dpo.start.path, dpo.rows, tmp_path, eval_dataset=dpo.rows[:2])
    assert trainer.evaluate()["eval_loss"] == pytest.approx(math.log(2))
