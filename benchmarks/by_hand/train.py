"""What people write to train one arm with TRL: ``python train.py METHOD PAIRS OUTPUT MODEL``.

Without lorr-bench. The rows are trained on in the order of the file, once; a file that has them three times,
each time in another order, is three epochs.
"""

import argparse
from typing import Any

import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

METHODS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "dpo": (DPOTrainer, DPOConfig, {"beta": 0.5}),
    "simpo": (CPOTrainer, CPOConfig, {"loss_type": "simpo", "beta": 2, "simpo_gamma": 1, "cpo_alpha": 0.0}),
    "orpo": (ORPOTrainer, ORPOConfig, {"beta": 0.1}),
}

parser = argparse.ArgumentParser(description=__doc__)
for name in ("method", "pairs", "output", "model"):
    parser.add_argument(name)
asked = parser.parse_args()
trainer_class, config_class, loss = METHODS[asked.method]
trainer = trainer_class(
    model=AutoModelForCausalLM.from_pretrained(asked.model, dtype=torch.float32),
    args=config_class(
        output_dir=asked.output,
        num_train_epochs=1,
        learning_rate=1e-4,
        per_device_train_batch_size=32,
        lr_scheduler_type="linear",
        max_length=128,
        train_sampling_strategy="sequential",
        bf16=False,
        gradient_checkpointing=False,
        use_cpu=True,
        dataloader_pin_memory=False,
        save_strategy="no",
        report_to="none",
        **loss,
    ),
    train_dataset=load_dataset("json", data_files=asked.pairs, split="train"),
    processing_class=AutoTokenizer.from_pretrained(asked.model),
)
trainer.train()
trainer.save_model(asked.output)
