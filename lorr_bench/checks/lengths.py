"""Whether prompts and answers fit the length of training and the engine's context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lorr_bench.data.tokens import prompt_ids
from lorr_bench.errors import DataError
from lorr_bench.forecast.pair_counts import arms_by_length, start_tokenizer
from lorr_bench.plan.plan import Plan
from lorr_bench.values import Prompt


def check_prompt_lengths(plan: Plan, prompts: Sequence[Prompt]) -> None:
    """Refuse prompts of which too few leave room for a response, at one of the lengths that arms train with.

    Counted are the prompts as they are written without the model's chat template, which only adds to them: a
    prompt gives one pair at most, so what is refused here could not have been trained.

    Args:
        plan: The plan. Where the start model's tokenizer is not on this machine, nothing is refused.
        prompts: Of its collection.

    Raises:
        DataError: Fewer prompts fit than the largest budget has pairs.
    """
    tokenizer = start_tokenizer(plan)
    if tokenizer is None:
        return
    budget = plan.suite.budget.unique_pairs[-1]
    tokens = [len(ids) for ids in prompt_ids([prompt.text for prompt in prompts], tokenizer)]
    for length, arms in arms_by_length(plan).items():
        fitting = sum(count < length for count in tokens)
        if fitting < budget:
            raise DataError(
                f"{fitting:,} of {len(tokens):,} prompts leave room for a response in max_length = "
                f"{length:,} tokens ({', '.join(arms)}): too few for {budget:,} pairs",
                where="data.collect",
                fix=f"Raise max_length in the methods' settings; the longest prompt has {max(tokens):,}.",
            )


def length_lines(plan: Plan) -> Iterator[str]:
    """Warnings of collected answers that can be longer than what is trained on, or than the engine's context.

    Args:
        plan: The plan.
    """
    collect, context = plan.suite.data.collect, plan.suite.engine.max_model_len
    if collect is None:
        return
    if context is not None and collect.max_tokens >= context:
        yield (
            f"Lengths: data.collect.max_tokens is {collect.max_tokens:,}, the engine's context for prompt "
            f"and answer {context:,}: no answer gets that long. Raise engine.max_model_len."
        )
    short: dict[int, list[str]] = {}
    for arm in plan.arms:
        length = arm.known_settings.max_length
        if length is not None and length <= collect.max_tokens and not arm.adapter.online:
            short.setdefault(length, []).append(arm.name)
    for length, names in short.items():
        yield (
            f"Lengths: answers have up to {collect.max_tokens:,} tokens (data.collect.max_tokens), prompt "
            f"and answer are cut at max_length = {length:,} in {', '.join(names)}. Raise max_length, or "
            "lower max_tokens."
        )
