"""DPO with all parts of LoRR in a trainer of one's own, by one rank of ``test_training_ranks``."""

import json
from pathlib import Path

import torch
from datasets import Dataset
from lorr_bench_adapters.trl import LoRRConfig, with_lorr
from safetensors.torch import save_file
from torch import distributed
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer
from trl_work import MAX_LENGTH

LORR = LoRRConfig(
    replays=2, sft={"weights": (0.1, 0.2)}, reset={"tensors": r"o_proj|down_proj|model\.norm", "factor": 0.5}
)


def train(order, progress):
    """Two replays; says how far the weights of the ranks lie apart."""
    pairs = json.loads(Path(order["pairs"]).read_text())
    columns = [{name: pair[name] for name in ("prompt", "chosen", "rejected")} for pair in pairs]
    trainer = with_lorr(DPOTrainer)(
        lorr=LORR,
        model=AutoModelForCausalLM.from_pretrained(order["model"]),
        processing_class=AutoTokenizer.from_pretrained(order["model"]),
        train_dataset=Dataset.from_list(columns),
        args=DPOConfig(
            output_dir=order["output"],
            num_train_epochs=2,
            learning_rate=1e-3,
            per_device_train_batch_size=order["batch"],
            max_grad_norm=0.1,
            max_length=MAX_LENGTH,
            seed=3,
            bf16=False,
            gradient_checkpointing=False,
            use_cpu=True,
            dataloader_pin_memory=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
    )
    trainer.train()
    weights = {name: tensor.detach().contiguous() for name, tensor in trainer.model.named_parameters()}
    if trainer.is_world_process_zero():
        folder = Path(order["output"], "model")
        folder.mkdir(exist_ok=True)
        save_file(weights, folder / "model.safetensors")
    return {"apart": apart(torch.cat([tensor.flatten() for tensor in weights.values()]))}


def apart(weights):
    """The largest difference between the ranks' weights."""
    highest, lowest = weights.clone(), weights.clone()
    distributed.all_reduce(highest, distributed.ReduceOp.MAX)
    distributed.all_reduce(lowest, distributed.ReduceOp.MIN)
    return float((highest - lowest).max())
