"""Score answers with a reward model: a sequence-classification model with one output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from lorr_bench.errors import ModelError
from lorr_bench.plan.identity.hub_model import model_folder
from lorr_bench.ports.trainer import Progress
from lorr_bench.spec.sources import RewardModelSpec

if TYPE_CHECKING:
    import torch

IGNORED_MISSING: Final = ("position_ids",)  # a buffer that old checkpoints hold and new ones do not


def score_many(
    prompts: Sequence[str],
    completions: Sequence[Sequence[str]],
    spec: RewardModelSpec,
    progress: Progress | None = None,
) -> list[list[float | None]]:
    """Score every answer; the model is loaded for the call and freed after it.

    With a chat template in its tokenizer, the model reads a user turn and an assistant turn; without one,
    prompt and answer as one text that ends with the end-of-sequence token, if there is one. It runs on a GPU
    where there is one, longest answers first, so that a batch has little padding; one by one where neither
    the model nor its tokenizer has a padding token, by which the model would find the end of each answer.

    Args:
        prompts: What was asked, without any chat template.
        completions: The answers to each prompt.
        spec: The model, and how to run it.
        progress: Told how many answers are scored.

    Returns:
        Scores in the shape of ``completions``, higher is better; None for an answer that is longer than
        ``spec.max_length`` together with its prompt: cut, it would get the score of another answer.

    Raises:
        ModelError: The model can't be had or loaded, has no trained scoring head or more than one output;
            or a score is not a finite number.
    """
    import torch

    model, tokenizer = _load(spec)
    texts = [(prompt, answer) for prompt, row in zip(prompts, completions, strict=True) for answer in row]
    ids = [conversation_ids(tokenizer, *text, spec.template_date) for text in texts]
    scores = iter(_scores(model, ids, spec, progress))
    del model
    torch.cuda.empty_cache()  # the trainer needs the memory; does nothing without a GPU
    return [[next(scores) for _ in row] for row in completions]


def _scores(
    model: Any, ids: Sequence[Sequence[int]], spec: RewardModelSpec, progress: Progress | None
) -> list[float | None]:
    fitting = [place for place in range(len(ids)) if len(ids[place]) <= spec.max_length]
    fitting.sort(key=lambda place: -len(ids[place]))
    scores: list[float | None] = [None] * len(ids)
    size = 1 if model.config.get_text_config().pad_token_id is None else spec.batch_size
    for start in range(0, len(fitting), size):
        batch = fitting[start : start + size]
        values = _forward(model, [ids[place] for place in batch])
        for place, value in zip(batch, values, strict=True):
            scores[place] = _finite(value, spec)
        if progress is not None:
            progress(start + len(batch), len(fitting))
    return scores


def _load(spec: RewardModelSpec) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = model_folder(spec.path, spec.revision, "data.collect.reward_model.path")
    trusted = spec.trust_remote_code
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trusted)
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            folder,
            dtype=getattr(torch, spec.dtype),
            output_loading_info=True,
            use_safetensors=True,
            trust_remote_code=trusted,
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the reward model can't be loaded: {error}",
            where=spec.path,
            fix="Give a sequence-classification model with its tokenizer, as safetensors; for a Hub id check "
            "revision, network and access.",
        ) from error
    _check_head(model, loading["missing_keys"], spec)
    _set_padding(model, tokenizer)
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer


def _check_head(model: Any, missing_keys: Sequence[str], spec: RewardModelSpec) -> None:
    """Refuse a model that would answer with a random head, or with several numbers."""
    missing = sorted(key for key in missing_keys if not key.endswith(IGNORED_MISSING))
    if missing:
        raise ModelError(
            f"the model has no trained weights for {', '.join(missing[:3])}",
            where=spec.path,
            fix="A language model is no reward model: give one that was trained to score.",
        )
    if model.config.num_labels != 1:
        raise ModelError(
            f"the model gives {model.config.num_labels} numbers for an answer, not one score",
            where=spec.path,
            fix="Give a reward model with one output (num_labels = 1).",
        )


def _set_padding(model: Any, tokenizer: Any) -> None:
    """Agree on one padding token, where there is any: the model finds the end of an answer by it."""
    config = model.config.get_text_config()
    if config.pad_token_id is None:
        config.pad_token_id = tokenizer.pad_token_id


def conversation_ids(tokenizer: Any, prompt: str, answer: str, today: date) -> list[int]:
    """Token numbers of a prompt with its answer, as a reward model reads them.

    Args:
        tokenizer: Of the reward model.
        prompt: What was asked, without any chat template.
        answer: To it.
        today: What a chat template is told.
    """
    if tokenizer.chat_template:
        turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
        ids = tokenizer.apply_chat_template(
            turns, tokenize=True, return_dict=True, strftime_now=today.strftime
        )["input_ids"]
    else:
        ids = tokenizer(prompt + answer + (tokenizer.eos_token or ""))["input_ids"]
    return list(ids)


def _forward(model: Any, batch: Sequence[Sequence[int]]) -> list[float]:
    import torch

    with torch.inference_mode():
        logits = model(**_padded(batch, model.config.get_text_config().pad_token_id, model.device)).logits
    values: list[float] = logits[:, 0].float().tolist()
    return values


def _padded(
    batch: Sequence[Sequence[int]], pad_token_id: int | None, device: torch.device
) -> dict[str, torch.Tensor]:
    import torch

    width = max(len(ids) for ids in batch)
    pad = 0 if pad_token_id is None else pad_token_id  # never written where batches hold one answer
    rows = [[*ids, *[pad] * (width - len(ids))] for ids in batch]
    mask = [[1] * len(ids) + [0] * (width - len(ids)) for ids in batch]
    return {
        "input_ids": torch.tensor(rows, device=device),
        "attention_mask": torch.tensor(mask, device=device),
    }


def _finite(value: float, spec: RewardModelSpec) -> float:
    if not math.isfinite(value):
        raise ModelError(
            f"the reward model gave the score {value}",
            where=spec.path,
            fix="Set reward_model.dtype to float32 or bfloat16: float16 overflows in many models.",
        )
    return value
