r"""Grade answers that models gave elsewhere: ``python benchmarks/grading_published.py FILE...``.

Others publish what models answered, with a verdict or a letter of their own; nothing of that is shipped here.
Two forms are read:

- MMLU-Pro (``eval_results/model_outputs_*.zip`` of TIGER-AI-Lab/MMLU-Pro, unpacked): JSON rows with
  ``answer``, ``generated_text`` or ``model_outputs``, and ``pred``, the letter that its regular expressions
  found.
- JSON lines with ``gold_final``, ``raw_prediction`` or ``prediction``, and ``fallback_correct``, a verdict.

A line for each file: answers a second, how many each side marks right, and on how many both agree. ``--show``
prints so many of those on which they do not, drawn at random, for somebody to read.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lorr_bench.grade import grade_many

SHOWN_CHARS = 300


@dataclass(frozen=True, slots=True)
class Row:
    """An answer with the verdict of others.

    Attributes:
        gold: The gold answer.
        answer: All that the model wrote.
        theirs: The letter that others found, None where they found none; empty where they judge no letters.
        right: Whether others call it right.
    """

    gold: str
    answer: str
    theirs: str | None
    right: bool


def read_rows(file: Path) -> list[Row]:
    """The answers of a file of either form."""
    text = file.read_text("utf-8")
    rows = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    return [_choice(row) if "pred" in row else _value(row) for row in rows]


def _choice(row: dict[str, Any]) -> Row:
    answer = row.get("generated_text") or row.get("model_outputs") or ""
    return Row(row["answer"], answer, row["pred"], row["pred"] == row["answer"])


def _value(row: dict[str, Any]) -> Row:
    return Row(row["gold_final"], row.get("raw_prediction") or row["prediction"], "", row["fallback_correct"])


def differing(rows: Sequence[Row]) -> tuple[int, float, list[tuple[Row, str | None]]]:
    """How many are right, how long it took in seconds, and where others found another letter or verdict."""
    began = time.perf_counter()
    verdicts = grade_many([(row.gold, row.answer) for row in rows])
    seconds = time.perf_counter() - began
    differ = [
        (row, verdict.extracted)
        for row, verdict in zip(rows, verdicts, strict=True)
        if (verdict.correct != row.right if row.theirs == "" else verdict.extracted != row.theirs)
    ]
    return sum(verdict.correct for verdict in verdicts), seconds, differ


def main() -> None:
    """Print the table, and some of the answers on which graders differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--show", type=int, default=0, help="how many that differ are printed for each file")
    parser.add_argument("--seed", type=int, default=0, help="of their drawing")
    arguments = parser.parse_args()
    print("| file | answers | a second | right | right by others | the same |\n|---|---|---|---|---|---|")
    shown = []
    for file in arguments.files:
        rows = read_rows(file)
        right, seconds, differ = differing(rows)
        theirs = sum(row.right for row in rows)
        speed, same = f"{len(rows) / seconds:,.0f}", f"{len(rows) - len(differ):,}"
        print(f"| {file.stem} | {len(rows):,} | {speed} | {right:,} | {theirs:,} | {same} |", flush=True)
        shown += random.Random(arguments.seed).sample(differ, min(arguments.show, len(differ)))
    for row, found in shown:
        print(
            f"\ngold {row.gold}, others {row.theirs or row.right}, found {found}\n{row.answer[-SHOWN_CHARS:]}"
        )


if __name__ == "__main__":
    main()
