"""With all three parts of LoRR off, every method of TRL ends where TRL alone ends, to the bit."""

import pytest
import torch

from lorr_bench.grade import grade_many
from lorr_bench.lorr.loop import ReplayLoop

pytestmark = pytest.mark.slow

SHARED = {"learning_rate": 1e-3, "per_device_train_batch_size": 4}
REFERENCE = {"precompute_ref_batch_size": 1}  # no batch can change the bits of a reference
ONLINE = {"num_generations": 2, "max_completion_length": 48}


class ApartOrder(ReplayLoop):
    """The order in which TRL mismatches responses: in batches of four, chosen ones first."""

    def order(self, replay):
        return [0, 2, 1, 3, 4, 6, 5, 7, 8, 9]


# What a suite says to our adapter, and what TRL is told by hand.
CASES = {
    "dpo": ({"beta": 0.3}, {"loss_type": "sigmoid", "beta": 0.3}),
    "robust_dpo": (
        {"beta": 0.3, "label_smoothing": 0.2},
        {"loss_type": "robust", "beta": 0.3, "label_smoothing": 0.2},
    ),
    "ipo": ({"beta": 0.3}, {"loss_type": "ipo", "beta": 0.3}),
    "slic": ({"beta": 0.3}, {"loss_type": "hinge", "beta": 0.3}),
    "apo_zero": ({"beta": 0.3}, {"loss_type": "apo_zero", "beta": 0.3}),
    "kto": (
        {"beta": 0.3, "undesirable_weight": 1.5},
        {"loss_type": "kto", "beta": 0.3, "undesirable_weight": 1.5},
    ),
    "cpo": ({"beta": 0.3, "cpo_alpha": 0.5}, {"loss_type": "sigmoid", "beta": 0.3, "cpo_alpha": 0.5}),
    "simpo": (
        {"beta": 2.0, "gamma_beta_ratio": 0.4},
        {"loss_type": "simpo", "beta": 2.0, "simpo_gamma": 0.8, "cpo_alpha": 0.0},
    ),
    "orpo": ({"orpo_lambda": 0.3}, {"beta": 0.3}),
    "sft": ({}, {"completion_only_loss": True}),
    "rejection_sampling": ({}, {"completion_only_loss": True}),
    "grpo": (ONLINE, ONLINE | {"loss_type": "grpo"}),
    "rloo": (ONLINE | {"beta": 0.2}, ONLINE | {"beta": 0.2}),
}


def by_hand(method):
    """TRL's trainer and configuration, and how its rows are read in order."""
    import trl
    from trl.experimental import cpo, orpo

    in_order = {"train_sampling_strategy": "sequential"}
    if method in ("cpo", "simpo"):
        return cpo.CPOTrainer, cpo.CPOConfig, in_order
    if method == "orpo":
        return orpo.ORPOTrainer, orpo.ORPOConfig, in_order
    if method in ("grpo", "rloo"):
        name = method.upper()
        return getattr(trl, f"{name}Trainer"), getattr(trl, f"{name}Config"), {"shuffle_dataset": False}
    if method in ("sft", "rejection_sampling"):
        return trl.SFTTrainer, trl.SFTConfig, in_order
    reference = {"precompute_ref_log_probs": True, **REFERENCE}
    if method == "kto":
        return trl.KTOTrainer, trl.KTOConfig, reference  # it reads rows in order by itself
    return trl.DPOTrainer, trl.DPOConfig, reference | in_order


def texts(row):
    """A row in the columns of TRL's documentation."""
    names = ("prompt", "chosen", "rejected", "completion", "label")
    found = {name: getattr(row, name) for name in names if hasattr(row, name)}
    if hasattr(row, "response"):
        return {**found, "completion": row.response}
    return found or {"prompt": row.text, "answer": row.answer}


def is_right(completions, answer, **_):
    return [float(verdict.correct) for verdict in grade_many(list(zip(answer, completions, strict=True)))]


def train_by_hand(method, settings, model, rows, folder):
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    trainer, config, more = by_hand(method)
    length = {} if method in ("grpo", "rloo") else {"max_length": 96}
    arguments = config(
        output_dir=str(folder),
        num_train_epochs=1,
        seed=3,
        lr_scheduler_type="linear",
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **SHARED,
        **length,
        **more,
        **settings,
    )
    made = trainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        args=arguments,
        train_dataset=Dataset.from_list([texts(row) for row in rows]),
        processing_class=AutoTokenizer.from_pretrained(model),
        **({"reward_funcs": is_right} if method in ("grpo", "rloo") else {}),
    )
    made.train()
    return made.model.state_dict()


@pytest.fixture(autouse=True)
def silence(monkeypatch):
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")


@pytest.mark.parametrize("method", CASES)
def test_a_plain_arm_is_trl_by_hand_to_the_bit(method, make_trainer, tmp_path):
    ours, theirs = CASES[method]
    trainer = make_trainer(method, rows=10)  # the last batch is a smaller one
    loop = trainer.loop(kind=ApartOrder if method == "kto" else ReplayLoop)
    reference = REFERENCE if trainer.adapter.needs_reference else {}
    trained = trainer(tmp_path / "ours", loop, settings={**SHARED, **reference, **ours})
    rows = [trainer.rows[row] for row in loop.order(1)]
    expected = train_by_hand(method, theirs, trainer.start.path, rows, tmp_path / "hand")
    assert [name for name, tensor in trained.weights.items() if not torch.equal(tensor, expected[name])] == []
    from safetensors.torch import load_file

    start = load_file(f"{trainer.start.path}/model.safetensors")
    assert any(not torch.equal(tensor, start[name]) for name, tensor in trained.weights.items())


@pytest.mark.parametrize("name", ["trl.kto", "trl.grpo", "trl.rloo", "trl.dpo"])
def test_the_common_short_name_of_the_batch_size_is_known(name):
    from lorr_bench.ports.registry import load_adapter

    settings = load_adapter(name).hyperparameters.model_validate({"batch_size": 16})
    assert settings.per_device_train_batch_size == 16
