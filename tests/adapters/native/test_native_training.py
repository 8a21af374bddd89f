"""Whole runs of the native backend: against TRL, against themselves, and what they refuse.

That a killed run ends as if it had not been, and the like, tests/contract holds of every adapter.
"""

import json

import pyarrow.parquet as pq
import pytest
import torch
from lorr_bench_adapters.native.labels import mismatches
from lorr_bench_adapters.native.methods import (
    CPO,
    DPO,
    KTO,
    ORPO,
    SFT,
    CDPOSettings,
    KTOSettings,
    RobustDPOSettings,
    SimPO,
    SimPOSettings,
)
from lorr_bench_adapters.native.training import reference
from lorr_bench_adapters.native.training.policy import Policy
from lorr_bench_adapters.settings import LoraSettings
from pydantic import ValidationError
from safetensors.torch import load_file
from training_rows import labelled

from lorr_bench.errors import DataError, MissingPackageError
from lorr_bench.lorr.loop import ReplayLoop, Reset
from lorr_bench.ports.trainer import StartModel, TrainJob
from lorr_bench.values import Demonstration

pytestmark = pytest.mark.slow

SETTINGS = {"learning_rate": 1e-3, "per_device_train_batch_size": 8, "max_length": 96}


@pytest.fixture
def start(small_model):
    return StartModel(str(small_model), None, "float32", trust_remote_code=False)


@pytest.fixture
def train(start, nano_pairs, tmp_path):
    """Trains a method on 40 pairs; returns outcome and weights."""

    def run(method, *, rows=nano_pairs, name="out", weights=(0.0,), reset=None, progress=None, **settings):
        hyperparameters = method.hyperparameters.model_validate({**SETTINGS, **settings})
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        reference = folder / "reference.parquet"
        method.reference(start, rows, hyperparameters, reference)
        job = TrainJob(
            model=start,
            reference=reference if method.needs_reference else None,
            rows=rows,
            output=folder / "model",
            checkpoints=folder / "checkpoints",
            save_steps=0,
            stop_after=len(weights),
            seed=3,
            loop=ReplayLoop(rows=len(rows), seed=3, sft_weights=weights, reset=reset),
            hyperparameters=hyperparameters,
            progress=progress or (lambda *_: None),
        )
        return method.train(job), load_file(folder / "model" / "model.safetensors")

    return run


def trl_losses(trainer_class, config_class, small_model, rows, folder, **settings):
    """The loss of every step that TRL's own trainer logs on these rows, in this order, and its weights."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    trainer = trainer_class(
        model=AutoModelForCausalLM.from_pretrained(small_model, dtype=torch.float32),
        args=config_class(
            output_dir=str(folder),
            num_train_epochs=1,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            dataloader_pin_memory=False,
            train_sampling_strategy="sequential",
            **SETTINGS,
            **settings,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(small_model),
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return losses, {name: tensor.detach() for name, tensor in trainer.model.state_dict().items()}


@pytest.fixture
def native_losses(train, monkeypatch):
    """The loss of every step of a native run, and its weights."""

    def run(method, **settings):
        from lorr_bench_adapters.native.training.means import RunningMeans

        losses, add = [], RunningMeans.add

        def keep(self, values):
            if "loss" in values:
                losses.append(values["loss"].item())
            add(self, values)

        monkeypatch.setattr(RunningMeans, "add", keep)
        _, weights = train(method, **settings)
        return losses, weights

    return run


def in_order(rows):
    """The rows as the loop of these tests gives them in its first replay."""
    return [rows[row] for row in ReplayLoop(rows=len(rows), seed=3, sft_weights=(0.0,), reset=None).order(1)]


def as_texts(pairs):
    return [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in pairs]


@pytest.fixture(autouse=True)
def silenced(monkeypatch):
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")


OPTIMIZATION = {"lr_scheduler_type": "cosine", "weight_decay": 0.1, "adam_beta2": 0.95, "max_grad_norm": 0.5}


def test_dpo_follows_the_losses_and_ends_at_the_weights_of_trl(
    native_losses, small_model, nano_pairs, tmp_path
):
    from trl import DPOConfig, DPOTrainer

    rows = as_texts(in_order(nano_pairs))
    theirs, their_weights = trl_losses(
        DPOTrainer,
        DPOConfig,
        small_model,
        rows,
        tmp_path,
        precompute_ref_log_probs=True,
        beta=0.3,
        warmup_steps=0.3,
        **OPTIMIZATION,
    )
    ours, weights = native_losses(DPO(), beta=0.3, warmup_ratio=0.3, **OPTIMIZATION)
    assert len(ours) == 5
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert max(theirs) - min(theirs) > 0.01  # far more than the tolerance
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, their_weights[name], rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("name", ["cpo", "simpo", "orpo"])
def test_methods_without_reference_follow_the_losses_of_trl(
    native_losses, small_model, nano_pairs, tmp_path, name
):
    from trl.experimental.cpo import CPOConfig, CPOTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    trainer, config, method, theirs, ours = {
        "cpo": (
            CPOTrainer,
            CPOConfig,
            CPO(),
            {"beta": 0.2, "cpo_alpha": 0.5},
            {"beta": 0.2, "cpo_alpha": 0.5},
        ),
        "simpo": (
            CPOTrainer,
            CPOConfig,
            SimPO(),
            {"loss_type": "simpo", "beta": 2.0, "simpo_gamma": 1.0, "cpo_alpha": 0.0},
            {"beta": 2.0, "gamma_beta_ratio": 0.5},
        ),
        "orpo": (ORPOTrainer, ORPOConfig, ORPO(), {"beta": 0.2}, {"beta": 0.2}),
    }[name]
    rows = as_texts(in_order(nano_pairs))
    expected, _ = trl_losses(
        trainer, config, small_model, rows, tmp_path, remove_unused_columns=False, **theirs
    )
    found, _ = native_losses(method, **ours)
    assert found == pytest.approx(expected, rel=1e-4)


def test_sft_follows_the_losses_of_trl_with_accumulation(train, small_model, nano_pairs, tmp_path):
    from trl import SFTConfig, SFTTrainer

    rows = [Demonstration(pair.prompt, pair.chosen) for pair in nano_pairs]
    texts = [{"prompt": row.prompt, "completion": row.response} for row in in_order(rows)]
    _, theirs = trl_losses(
        SFTTrainer,
        SFTConfig,
        small_model,
        texts,
        tmp_path,
        completion_only_loss=True,
        gradient_accumulation_steps=2,
    )
    _, ours = train(SFT(), rows=rows, gradient_accumulation_steps=2)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-3, atol=2e-5)


def test_reference_log_probabilities_are_the_models_own(start, small_model, nano_pairs, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    DPO().reference(start, nano_pairs, DPO.hyperparameters.model_validate(SETTINGS), tmp_path / "reference")
    table = pq.read_table(tmp_path / "reference").to_pylist()
    model = AutoModelForCausalLM.from_pretrained(small_model, dtype=torch.float64)
    tokenizer = AutoTokenizer.from_pretrained(small_model)
    for row, pair in zip(table[:3], nano_pairs, strict=False):
        prompt = tokenizer(pair.prompt)["input_ids"]
        for side, response in (("chosen", pair.chosen), ("rejected", pair.rejected)):
            answer = tokenizer(response)["input_ids"] + [tokenizer.eos_token_id]
            assert [row["prompt_ids"], row[f"{side}_ids"]] == [prompt, answer]
            with torch.no_grad():
                log_probs = model(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
            places = range(len(prompt) - 1, len(prompt) + len(answer) - 1)
            by_hand = sum(log_probs[at, token].item() for at, token in zip(places, answer, strict=True))
            assert row[f"ref_{side}_logps"] == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("bf16", [False, True])
def test_a_reference_in_parts_is_that_of_whole_batches(start, nano_pairs, monkeypatch, tmp_path, bf16):
    """Of 200 tokens a pass holds one or two pairs; in bfloat16 no copy of a weight is kept."""
    settings = DPO.hyperparameters.model_validate({**SETTINGS, "bf16": bf16})
    DPO().reference(start, nano_pairs, settings, tmp_path / "whole")
    monkeypatch.setattr(reference, "REFERENCE_TOKENS", 200)
    passes = []
    layout = Policy.layout

    def noted(self, rows, device):
        assert not any(weight.requires_grad for weight in self.model.parameters())
        passes.append(len(rows))
        return layout(self, rows, device)

    monkeypatch.setattr(Policy, "layout", noted)
    DPO().reference(start, nano_pairs, settings, tmp_path / "parts")
    assert set(passes) <= {1, 2}
    whole, parts = (pq.read_table(tmp_path / name) for name in ("whole", "parts"))
    for column in ("ref_chosen_logps", "ref_rejected_logps"):
        tolerance = 1e-2 if bf16 else 1e-5
        assert parts[column].to_pylist() == pytest.approx(whole[column].to_pylist(), rel=tolerance)


def test_a_cut_response_is_scored_as_far_as_it_goes(start, nano_pairs, tmp_path):
    longest = max(len(pair.prompt) for pair in nano_pairs)
    settings = DPO.hyperparameters.model_validate({**SETTINGS, "max_length": 40})
    assert longest > 40  # characters; in tokens the prompts are shorter
    short = [pair for pair in nano_pairs if len(pair.prompt.split()) < 25][:8]
    DPO().reference(start, short, settings, tmp_path / "reference")
    for row in pq.read_table(tmp_path / "reference").to_pylist():
        assert len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"])) <= 40


def test_accumulated_micro_batches_equal_the_larger_batch(train):
    _, whole = train(DPO(), name="whole", per_device_train_batch_size=8)
    outcome, accumulated = train(
        DPO(), name="parts", per_device_train_batch_size=4, gradient_accumulation_steps=2
    )
    assert outcome.optimizer_steps == 5
    for name, tensor in whole.items():
        torch.testing.assert_close(accumulated[name], tensor, rtol=1e-3, atol=2e-5)


def test_padding_changes_nothing_but_rounding(train):
    _, packed = train(DPO(), name="packed")
    _, padded = train(DPO(), name="padded", padding_free=False)
    for name, tensor in packed.items():
        torch.testing.assert_close(padded[name], tensor, rtol=1e-3, atol=2e-5)


def test_gradient_checkpointing_changes_nothing(train):
    _, plain = train(DPO(), name="plain")
    _, checkpointed = train(DPO(), name="checkpointed", gradient_checkpointing=True)
    assert all(torch.equal(plain[name], checkpointed[name]) for name in plain)


def test_lora_trains_with_gradient_checkpointing(train):
    lora = LoraSettings(r=2, target_modules=("q_proj",))
    _, plain = train(DPO(), name="plain", lora=lora)
    _, checkpointed = train(DPO(), name="checkpointed", lora=lora, gradient_checkpointing=True)
    assert all(torch.equal(plain[name], checkpointed[name]) for name in plain)


def test_kto_trains_with_gradient_checkpointing(train, nano_pairs):
    _, plain = train(KTO(), name="plain", rows=labelled(nano_pairs))
    _, checkpointed = train(KTO(), name="checked", rows=labelled(nano_pairs), gradient_checkpointing=True)
    assert all(torch.equal(plain[name], checkpointed[name]) for name in plain)


def test_batches_of_like_length_are_another_order(train):
    plain, first = train(DPO(), name="plain")
    grouped, second = train(DPO(), name="grouped", length_grouped=True)
    assert plain.train_tokens == grouped.train_tokens
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_mixed_precision_trains_float32_weights(train):
    outcome, weights = train(DPO(), bf16=True)
    assert outcome.replays[0]["loss"] == pytest.approx(0.69, abs=0.02)
    assert all(tensor.dtype == torch.float32 for tensor in weights.values())


def test_a_run_after_one_of_other_precision_has_its_own(train):
    _, first = train(DPO(), name="first")
    train(DPO(), name="other", bf16=True)
    _, again = train(DPO(), name="again")
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_lora_is_trained_alone_reset_and_merged(train, small_model):
    reset = Reset(pattern=r"\.(o_proj|down_proj)\.", factor=0.5, clear_optimizer=True)
    lora = LoraSettings(r=2, lora_alpha=4, target_modules=("q_proj", "o_proj"))
    outcome, weights = train(DPO(), lora=lora, weights=(0.0, 0.1), reset=reset)
    before = load_file(small_model / "model.safetensors")
    assert outcome.parameters == 2 * 2 * 2 * (64 + 64)  # layers, projections, rank × (in + out)
    assert sorted(weights) == sorted(before)
    moved = {name.split(".")[-2] for name in weights if not torch.equal(weights[name], before[name])}
    assert moved == {"q_proj", "o_proj"}


def test_the_loss_is_the_preference_loss_and_lambda_times_the_sft_term(train):
    """Before any step policy and reference agree: log 2, and the negative log-likelihood of the start model."""
    outcome, _ = train(DPO(), weights=(0.25,), per_device_train_batch_size=40)
    logs = outcome.replays[0]
    assert logs["loss"] == pytest.approx(0.693147 + 0.25 * logs["sft_loss"], rel=1e-5)
    assert logs["rewards/margins"] == pytest.approx(0, abs=1e-5)


def test_tokens_of_both_sequences_are_counted(train, start, nano_pairs, small_model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(small_model)
    lengths = sum(
        len(tokenizer(pair.prompt + text)["input_ids"]) + 1
        for pair in nano_pairs
        for text in (pair.chosen, pair.rejected)
    )
    outcome, _ = train(DPO(), weights=(0.0, 0.0))
    assert outcome.train_tokens == 2 * lengths


def test_the_saved_configuration_is_that_of_the_start_model(train, small_model, tmp_path):
    train(DPO())
    before = json.loads((small_model / "config.json").read_text("utf-8"))
    assert json.loads((tmp_path / "out" / "model" / "config.json").read_text("utf-8")) == before


def test_progress_is_told_every_step(train):
    told = []
    train(DPO(), weights=(0.0, 0.0), progress=lambda step, total, _: told.append((step, total)))
    assert told == [(step, 10) for step in range(1, 11)]


# ---- KTO ---------------------------------------------------------------------------------------------------------


def test_kto_mismatches_responses_of_neighbouring_prompts():
    assert mismatches(["a", "a", "b", "b", "c", "d", "d"]) == [2, 3, 0, 1, 2, 4, 4]


def test_kto_mismatches_of_the_first_rows_do_not_depend_on_later_ones():
    prompts = [f"{number // 2}" for number in range(20)]
    assert mismatches(prompts)[:6] == mismatches(prompts[:6])


def test_kto_needs_two_prompts():
    with pytest.raises(DataError, match="two prompts at least"):
        mismatches(["a", "a"])


def test_kto_scores_mismatched_responses_under_their_new_prompt(start, small_model, nano_pairs, tmp_path):
    from transformers import AutoModelForCausalLM

    rows = labelled(nano_pairs[:4])
    KTO().reference(start, rows, KTOSettings.model_validate(SETTINGS), tmp_path / "reference")
    table = pq.read_table(tmp_path / "reference").to_pylist()
    assert [row["label"] for row in table] == [True, False] * 4
    assert table[2]["KL_completion_ids"] == table[0]["completion_ids"]
    model = AutoModelForCausalLM.from_pretrained(small_model)
    prompt, stranger = table[2]["prompt_ids"], table[2]["KL_completion_ids"]
    with torch.no_grad():
        log_probs = model(torch.tensor([prompt + stranger])).logits[0].log_softmax(-1)
    by_hand = sum(log_probs[len(prompt) - 1 + at, token].item() for at, token in enumerate(stranger))
    assert table[2]["ref_KL_logps"] == pytest.approx(by_hand, rel=1e-5)


def test_kto_starts_at_a_half_without_divergence(train, nano_pairs):
    outcome, _ = train(KTO(), rows=labelled(nano_pairs[:20]), per_device_train_batch_size=40)
    assert outcome.replays[0]["loss"] == pytest.approx(0.5, abs=1e-5)
    assert outcome.replays[0]["kl"] == pytest.approx(0, abs=1e-5)


def test_kto_trains_batches_without_a_wanted_response(train, nano_pairs):
    rows = [row for row in labelled(nano_pairs) if not row.label][:8]
    outcome, _ = train(KTO(), rows=rows, weights=(0.5,))
    assert "sft_loss" not in outcome.replays[0]


# ---- what is refused ---------------------------------------------------------------------------------------------


def test_a_reference_of_fewer_rows_is_an_error(start, nano_pairs, tmp_path):
    settings = DPO.hyperparameters.model_validate(SETTINGS)
    DPO().reference(start, nano_pairs[:4], settings, tmp_path / "reference.parquet")
    job = TrainJob(
        model=start,
        reference=tmp_path / "reference.parquet",
        rows=nano_pairs[:5],
        output=tmp_path / "out",
        checkpoints=tmp_path / "checkpoints",
        save_steps=0,
        stop_after=1,
        seed=0,
        loop=ReplayLoop(rows=5, seed=0, sft_weights=(0.0,), reset=None),
        hyperparameters=settings,
        progress=lambda *_: None,
    )
    with pytest.raises(DataError, match="holds 4 rows, 5 are to be trained on"):
        DPO().train(job)


def test_fused_kernels_that_are_not_installed_are_named(train, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install liger-kernel"):
        train(SimPO(), use_liger_kernel=True)


@pytest.mark.parametrize("settings", [CDPOSettings, RobustDPOSettings])
@pytest.mark.parametrize("share", [-0.1, 0.5])
def test_label_smoothing_is_a_share_below_a_half(settings, share):
    with pytest.raises(ValidationError, match="label_smoothing"):
        settings(label_smoothing=share)


def test_impossible_settings_are_refused():
    with pytest.raises(ValidationError, match="gamma_beta_ratio"):
        SimPOSettings(gamma_beta_ratio=-0.1)
    with pytest.raises(ValidationError, match="per_device_train_batch_size"):
        KTOSettings(per_device_train_batch_size=1)


def test_methods_on_pairs_share_their_reference_and_kto_has_its_own():
    from lorr_bench_adapters.native.methods import CDPO, IPO, APOZero, RobustDPO, SLiC

    def settings_of(method, **values):
        return method.reference_settings(method.hyperparameters.model_validate(values))

    methods = [DPO(), CDPO(), RobustDPO(), IPO(), SLiC(), APOZero()]
    assert all(settings_of(m, beta=0.7, learning_rate=1e-4) == settings_of(DPO()) for m in methods)
    assert settings_of(KTO()) != settings_of(DPO())
    assert settings_of(DPO(), bf16=True) != settings_of(DPO())
