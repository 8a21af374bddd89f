"""Registered math benchmarks, prompts and protocols: plain data that a suite can name.

A suite says ``math: [gsm8k, aime24]`` and gets what stands here; whatever it says itself counts before that.
With a local file (``{name: gsm8k, source: gsm8k.jsonl}``) the columns are the project's own, ``problem`` and
``answer``, and what belongs to the Hub data set is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

INSTRUCTION: Final = "Please reason step by step, and put your final answer within \\boxed{}."

PROMPTS: Final[dict[str, dict[str, Any]]] = {
    # The start model's own words: nothing around the problem but the instruction.
    "plain": {
        "template": "{problem}\n" + INSTRUCTION + "\n",
        "chat_template": False,
        "stop": ("\n\nQuestion:", "\n\nProblem:"),  # a base model goes on to a problem of its own
    },
    # The chain-of-thought prompt of Qwen2.5-Math's evaluation (there: qwen25-math-cot).
    "qwen-math-cot": {
        "template": "<|im_start|>system\n" + INSTRUCTION + "<|im_end|>\n"
        "<|im_start|>user\n{problem}<|im_end|>\n<|im_start|>assistant\n",
        "chat_template": False,
        "stop": ("</s>", "<|im_end|>", "<|endoftext|>"),
    },
    # A user turn in the model's own chat template.
    "chat": {"template": "{problem}\n" + INSTRUCTION, "chat_template": True, "stop": ()},
}
"""Named prompts: what stands around a problem, and what ends an answer."""

BENCHMARKS: Final[dict[str, dict[str, Any]]] = {
    "gsm8k": {
        "source": "openai/gsm8k",
        "revision": "740312add88f781978c0658806c59bc2815b9866",
        "subset": "main",
        "split": "test",
        "problem_column": "question",
        "answer_pattern": "#### (.*)",
        "sizes": (1319,),
    },
    "math500": {
        "source": "HuggingFaceH4/MATH-500",
        "revision": "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
        "split": "test",
        "sizes": (500,),
    },
    "minerva_math": {
        "source": "math-ai/minervamath",
        "revision": "ee46ddc498933b1977577953250ca5c66be64f96",
        "split": "test",
        "problem_column": "question",
        "sizes": (272,),
    },
    "olympiadbench": {  # English competition problems without pictures and with a final answer
        "source": "Hothan/OlympiadBench",
        "revision": "91184b52131e7fc9455fef848035173aea8cc01a",
        "subset": "OE_TO_maths_en_COMP",
        "split": "train",
        "problem_column": "question",
        "answer_column": "final_answer",
        "sizes": (674, 675),  # on the Hub, and in the copy of Qwen2.5-Math
    },
    "aime24": {
        "source": "HuggingFaceH4/aime_2024",
        "revision": "2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
        "split": "train",
        "sizes": (30,),
    },
    "aime25": {
        "source": "math-ai/aime25",
        "revision": "563bb8404243c5f09de6ec262f2db674fe5bce9b",
        "split": "test",
        "sizes": (30,),
    },
    "amc23": {  # "AMC" in some papers means 83 problems; these are the 40 of AMC 12 in 2023
        "source": "math-ai/amc23",
        "revision": "80815d37005feb82cd7f8fbc6901d5d3eff43057",
        "split": "test",
        "problem_column": "question",
        "sizes": (40,),
    },
}
"""Math benchmarks by name."""

DEFAULT_PROMPT: Final = "plain"
HUB_FIELDS: Final = (
    "source",
    "revision",
    "subset",
    "split",
    "problem_column",
    "answer_column",
    "answer_pattern",
)
PROMPT_FIELDS: Final = ("template", "chat_template", "stop")


@dataclass(frozen=True)
class Protocol:
    """How answers to math benchmarks are drawn, where a suite says nothing else.

    Attributes:
        meaning: What it is for, one sentence.
        fields: Values for every benchmark.
        of: Further values by benchmark.
    """

    meaning: str
    fields: Mapping[str, Any]
    of: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


_TEN: Final = {"repeats": 10}
PROTOCOLS: Final[dict[str, Protocol]] = {
    "fast": Protocol("one greedy answer of at most 1,024 tokens", {"greedy": True, "max_tokens": 1024}),
    "qwen-greedy": Protocol(
        "one greedy answer, Qwen2.5-Math's prompt, 2,048 tokens: for parity with papers",
        {"greedy": True, "max_tokens": 2048, "prompt": "qwen-math-cot"},
    ),
    "sober": Protocol(
        "sampled answers, 10 repeats for AIME and AMC and 3 elsewhere, as in arXiv 2504.07086",
        {
            "greedy": False,
            "repeats": 3,
            "temperature": 0.8,
            "top_p": 0.9,
            "max_tokens": 32768,
            "prompt": "chat",
        },
        {"aime24": _TEN, "aime25": _TEN, "amc23": _TEN},
    ),
}
"""Evaluation protocols by name."""


def registered_name(item: Mapping[str, Any]) -> str:
    """The name under which a benchmark of a suite may be registered; nothing where that is no text."""
    name = item.get("like") or item.get("name")
    return name if isinstance(name, str) else ""


def filled(item: dict[str, Any]) -> dict[str, Any]:
    """A benchmark of a suite with what is registered under its name, and with its prompt written out.

    Args:
        item: What the suite says, or the protocol for it.
    """
    registered = BENCHMARKS.get(registered_name(item))
    if registered is not None:
        kept = registered if item.get("source") is None else _without_hub(registered)
        prompt = {} if any(name in item for name in PROMPT_FIELDS[:2]) else {"prompt": DEFAULT_PROMPT}
        item = {**kept, **prompt, **item}
    return {**PROMPTS.get(str(item.get("prompt")), {}), **item}


def _without_hub(registered: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in registered.items() if name not in HUB_FIELDS}
