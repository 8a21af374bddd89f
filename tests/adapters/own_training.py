"""What somebody trains without a suite, in TRL's own words: rows of text, a trainer with LoRR, its weights."""

import os
from pathlib import Path

from datasets import Dataset
from lorr_bench_adapters.trl import LoRRConfig, with_lorr
from transformers import AutoModelForCausalLM, AutoTokenizer

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

SEED = 3
ARGUMENTS = {
    "num_train_epochs": 2,
    "learning_rate": 1e-3,
    "per_device_train_batch_size": 5,
    "gradient_accumulation_steps": 2,
    "seed": SEED,
    "bf16": False,
    "gradient_checkpointing": False,
    "max_length": 96,
    "use_cpu": True,
    "dataloader_pin_memory": False,
    "logging_strategy": "steps",
    "logging_steps": 1,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
}
PARTS = LoRRConfig(replays=2, sft={"weights": (0.1, 0.2)}, reset={"factor": 0.5, "tensors": "downstream"})
NO_TERM = PARTS.model_copy(update={"sft": None})


def trainer_of(method):
    """TRL's trainer and its configuration, and arguments that make them what the suite's method is."""
    import trl
    from trl.experimental.cpo import CPOConfig, CPOTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    reference = {"precompute_ref_log_probs": True, "precompute_ref_batch_size": 32}
    return {
        "dpo": (trl.DPOTrainer, trl.DPOConfig, reference),
        "kto": (trl.KTOTrainer, trl.KTOConfig, reference),
        "cpo": (CPOTrainer, CPOConfig, {"remove_unused_columns": False}),
        "orpo": (ORPOTrainer, ORPOConfig, {"remove_unused_columns": False}),
        "sft": (trl.SFTTrainer, trl.SFTConfig, {}),
    }[method]


def rows_of(method, rows):
    """The suite's rows in TRL's own columns, as texts."""
    if method == "kto":
        return [{"prompt": r.prompt, "completion": r.completion, "label": r.label} for r in rows]
    if method == "sft":
        return [{"prompt": r.prompt, "completion": r.response} for r in rows]
    return [{"prompt": r.prompt, "chosen": r.chosen, "rejected": r.rejected} for r in rows]


def make(method, model, rows, folder, *, lorr=None, wrapped=True, **changes):
    """A trainer with LoRR; with ``wrapped=False`` TRL's own class, for a callback."""
    trainer, config, extra = trainer_of(method)
    others = {
        name: changes.pop(name) for name in ("callbacks", "peft_config", "optimizers") if name in changes
    }
    if "eval_dataset" in changes:
        others["eval_dataset"] = Dataset.from_list(rows_of(method, changes.pop("eval_dataset")))
    config_arguments = {**ARGUMENTS, **extra, **changes}
    return (with_lorr(trainer) if wrapped else trainer)(
        **({"lorr": lorr or PARTS} if wrapped else {}),
        model=AutoModelForCausalLM.from_pretrained(model),
        args=config(output_dir=str(Path(folder)), **config_arguments),
        train_dataset=Dataset.from_list(rows_of(method, rows)),
        processing_class=AutoTokenizer.from_pretrained(model),
        **others,
    )


def weights_of(trainer):
    return {name: tensor.detach().clone() for name, tensor in trainer.model.state_dict().items()}
