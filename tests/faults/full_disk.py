"""Fills a tiny disk through every library that writes weights or rows; tells what the store made of it."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import torch
from safetensors.torch import save_file
from stage_samples import sample

from lorr_bench.store.store import Store

NUMBERS = 100_000  # float64: 800 kB


def with_safetensors(folder):
    save_file({"weights": torch.zeros(NUMBERS, dtype=torch.float64)}, folder / "model.safetensors")


def with_parquet(folder):
    table = pyarrow.table({"logps": np.random.default_rng(0).random(NUMBERS)})
    pyarrow.parquet.write_table(table, folder / "reference.parquet")


def with_python(folder):
    (folder / "answers.jsonl").write_text("a" * 8 * NUMBERS, "utf-8")


def with_torch(folder):
    torch.save(torch.zeros(NUMBERS, dtype=torch.float64), folder / "training_args.bin")


def main():
    store = Store(Path(sys.argv[1]) / "store")
    told = {}
    for write in (with_safetensors, with_parquet, with_python, with_torch):
        try:
            with store.writing(sample("train", "train")) as draft:
                write(draft.folder)
        except Exception as error:  # noqa: BLE001 - what it is, is the question
            told[write.__name__] = type(error).__name__
    left = len(list((store.root / "drafts").iterdir()))
    sys.stdout.write(json.dumps({"told": told, "left": left}))


if __name__ == "__main__":
    main()
