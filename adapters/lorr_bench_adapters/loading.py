"""Load a start model, and save what became of it, with errors that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lorr_bench.errors import MissingPackageError, ModelError
from lorr_bench.ports.causal_lm import load_causal_lm
from lorr_bench.ports.trainer import StartModel
from lorr_bench.tokens.special import stop_token_ids
from lorr_bench_adapters.saving import drop_ignored_settings, has_adapter
from lorr_bench_adapters.settings import LoraSettings

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


def load_model(start: StartModel, *, load_in_4bit: bool = False) -> PreTrainedModel:
    """The start model with weights of its own, such that it can be saved.

    Raises:
        ModelError: It can't be loaded.
        MissingPackageError: 4-bit weights are asked for and bitsandbytes is not installed.
    """
    quantization = {"quantization_config": _four_bits(start)} if load_in_4bit else {}
    try:
        model = load_causal_lm(start, **quantization)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the model does not load: {error}",
            where=start.path,
            fix="Give a folder with config.json and *.safetensors, or a Hub id with its revision.",
        ) from error
    drop_ignored_settings(model)
    return model


def load_trainable(start: StartModel, lora: LoraSettings | None, seed: int) -> PreTrainedModel | PeftModel:
    """The start model, with a fresh LoRA adapter on it where one is asked for.

    Args:
        start: What to load.
        lora: The adapter, or None to train all weights.
        seed: Draws the adapter's first matrix.

    Raises:
        ModelError: The model can't be loaded, or has no such layers.
        MissingPackageError: 4-bit weights are asked for and bitsandbytes is not installed.
    """
    if lora is None:
        return load_model(start)
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    model = load_model(start, load_in_4bit=lora.load_in_4bit)
    if lora.load_in_4bit:
        # Checkpointing is switched on by the trainer, where the suite asks for it.
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.lora_alpha,
        lora_dropout=lora.lora_dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(seed)  # peft draws the first matrix from torch's global generator
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise ModelError(
            f"LoRA does not fit the model: {error}",
            where="lora.target_modules",
            fix="Name layers of this model, for example [q_proj, o_proj, down_proj], or `all-linear`.",
        ) from error


def load_reference(start: StartModel, lora: LoraSettings | None) -> PreTrainedModel | PeftModel:
    """The model whose log-probabilities are the reference: in 4 bits where training is.

    Trainers refuse 4-bit weights alone, so these come with an adapter, which does nothing before training.
    Weights ask for no gradient: of those that do, autocast would keep a copy in bfloat16.

    Raises:
        ModelError: The model can't be loaded.
        MissingPackageError: 4-bit weights are asked for and bitsandbytes is not installed.
    """
    if lora is not None and lora.load_in_4bit:
        return load_trainable(start, lora, seed=0)
    return load_model(start).requires_grad_(False)


def count_parameters(model: Any) -> tuple[int, int]:
    """Trained and frozen parameters; of packed 4-bit weights the unpacked number."""
    trained = model.num_parameters(only_trainable=True)
    return trained, model.num_parameters() - trained


def save_model(model: Any, tokenizer: Any, start: StartModel, output: Path) -> None:
    """Write model and tokenizer in Hugging Face form; a LoRA adapter is merged into the weights.

    A 4-bit base is loaded again in its own precision before, so that the merge loses nothing.

    Raises:
        ModelError: The start model can't be loaded again.
    """
    if has_adapter(model):
        model = _merged(model, start)
    stop_at_ends(model, tokenizer)
    model.save_pretrained(str(output))
    tokenizer.save_pretrained(str(output))


def stop_at_ends(model: Any, tokenizer: Any) -> None:
    """Let a model's own generation stop at every token that its training may have ended an answer with.

    A base model's settings name the end of documents alone, also where it comes with a chat template.

    Args:
        model: Of transformers, with or without a LoRA adapter.
        tokenizer: Its tokenizer.
    """
    config = model.generation_config
    named = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    known = [end for end in named if end is not None]
    if missing := [end for end in stop_token_ids(tokenizer) if end not in known]:
        config.eos_token_id = [*known, *missing]


def _merged(model: PeftModel, start: StartModel) -> PreTrainedModel:
    from peft import get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    # transformers gives the attribute to quantized models alone.
    if getattr(model.get_base_model(), "is_quantized", False):
        whole = get_peft_model(load_model(start), model.peft_config["default"])
        set_peft_model_state_dict(whole, get_peft_model_state_dict(model))
        model = whole
    return model.merge_and_unload()


def _four_bits(start: StartModel) -> Any:
    import importlib.util

    import torch
    from transformers import BitsAndBytesConfig

    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingPackageError(
            "4-bit weights need bitsandbytes",
            where="lora.load_in_4bit",
            fix="pip install 'lorr-bench[qlora]', or set load_in_4bit: false.",
        )
    # Type and double quantization are those of QLoRA, arXiv 2305.14314, section 3.
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, start.dtype),
    )
