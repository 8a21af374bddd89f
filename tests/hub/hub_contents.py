"""What lies on the Hub of the tests: a tiny model with what others put beside one, and data made by code."""

from __future__ import annotations

import io
import itertools
import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from local_hub import Files, Hub

from lorr_bench.data.nano import problems
from lorr_bench.spec.benchmarks import BENCHMARKS

FIRST, SECOND = "1" * 40, "2" * 40
GSM8K_COMMIT = BENCHMARKS["gsm8k"]["revision"]
GSM8K_ROWS = 1319
BESIDE = {
    "README.md": b"# A model",
    ".gitattributes": b"*.bin filter=lfs",
    "pytorch_model.bin": b"pickled weights",
    "pytorch_model.bin.index.json": b"{}",
    "training_args.bin": b"pickled settings",
    "trainer_state.json": b"{}",
    "consolidated.safetensors": b"the maker's form",
    "original/consolidated.00.pth": b"the maker's form",
    "original/params.json": b"{}",
    "original/tokenizer.model": b"the maker's form",
    "onnx/model.onnx": b"for ONNX",
    "onnx/config.json": b"{}",
    "mlx/model.safetensors": b"for MLX",
    "tf_model.h5": b"for TensorFlow",
    "flax_model.msgpack": b"for Flax",
    "model.Q4_K_M.gguf": b"for llama.cpp",
    "figures/loss.png": b"a picture",
}
"""What lies beside the files of a model that are loaded."""


def pair_rows(seed: int, count: int) -> bytes:
    """Pairs of a right and a wrong answer, as JSON lines."""
    rng, rows = random.Random(seed), []
    for problem in problems.problems("train", seed):
        wrong = problems.misread_solution(problem, rng)
        if wrong != problem.solution():
            rows.append({"prompt": problem.text, "chosen": problem.solution(), "rejected": wrong})
        if len(rows) == count:
            return "".join(json.dumps(row) + "\n" for row in rows).encode()
    raise AssertionError("the generator is endless")


def gsm8k_rows(count: int) -> list[dict[str, str]]:
    """Rows in the shape of GSM8K: a question, and a worked solution that ends in ``#### `` and the answer."""
    found = itertools.islice(problems.problems("easy", 0), count)
    return [{"question": one.text, "answer": f"{one.solution()}\n#### {one.answer}"} for one in found]


def arc_rows(first: int) -> list[dict[str, Any]]:
    """Six rows in the shape of ARC."""
    choices = {"text": ["one", "two"], "label": ["A", "B"]}
    return [
        {"id": f"q{i}", "question": f"Is {i} odd?", "choices": choices, "answerKey": "AB"[i % 2]}
        for i in range(first, first + 6)
    ]


def parquet(rows: Iterable[Mapping[str, Any]]) -> bytes:
    import pyarrow
    from pyarrow import parquet as files

    written = io.BytesIO()
    files.write_table(pyarrow.Table.from_pylist(list(rows)), written)
    return written.getvalue()


def card_of(configurations: Mapping[str, Mapping[str, str]]) -> bytes:
    """A README whose head names the files of each split of each configuration."""
    configs = [
        {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in files.items()]}
        for name, files in configurations.items()
    ]
    return f"---\nconfigs: {json.dumps(configs)}\n---\n# Data\n".encode()


def data_set(configurations: Mapping[str, Mapping[str, bytes]], ending: str) -> Files:
    """A repository with one file for each split of each configuration."""
    paths = {
        name: {split: f"{name}/{split}.{ending}" for split in splits}
        for name, splits in configurations.items()
    }
    files = {
        paths[name][split]: content
        for name, splits in configurations.items()
        for split, content in splits.items()
    }
    return {"README.md": card_of(paths), **files}


def fill(hub: Hub, model: Path) -> None:
    """Put everything on a Hub.

    Args:
        hub: An empty one.
        model: Folder of a model, as ``save_pretrained`` writes it.
    """
    files = {file.name: file.read_bytes() for file in model.iterdir()}
    light = {name: content for name, content in files.items() if not name.endswith(".safetensors")}
    hub.add("models/tiny/model", FIRST, {**files, **BESIDE})
    hub.add("models/tiny/pickled", FIRST, {**light, "pytorch_model.bin": b"pickled weights"})
    hub.add("models/tiny/adapter", FIRST, {**files, "adapter_config.json": b"{}"})
    hub.add("models/tiny/gated", FIRST, files, gated=True)
    hub.add("datasets/tiny/gated", FIRST, {"train.jsonl": pair_rows(0, 4)}, gated=True)
    pairs = {"easy": {"train": pair_rows(0, 24)}, "hard": {"train": pair_rows(1, 24)}}
    hub.add("datasets/tiny/pairs", FIRST, data_set(pairs, "jsonl"))
    test = {"train": parquet(gsm8k_rows(5)), "test": parquet(gsm8k_rows(GSM8K_ROWS))}
    hub.add("datasets/openai/gsm8k", GSM8K_COMMIT, data_set({"main": test, "socratic": test}, "parquet"))
    splits = {split: parquet(arc_rows(6 * i)) for i, split in enumerate(("train", "validation", "test"))}
    hub.add(
        "datasets/allenai/ai2_arc", FIRST, data_set({"ARC-Easy": splits, "ARC-Challenge": splits}, "parquet")
    )
    hub.members = {"newcomer": frozenset(), "member": frozenset({"models/tiny/gated", "datasets/tiny/gated"})}


def move_branches(hub: Hub) -> None:
    """Let the main branches of model and pairs point at commits with other content."""
    for key in ("models/tiny/model", "datasets/tiny/pairs"):
        hub.add(key, SECOND, {**hub.repositories[key].commits[FIRST], "README.md": b"# Another"})
