"""Pairs that are kept out of training, as a task of lm-eval: which response the model finds more likely."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from lorr_bench.data.tokens import pair_ids
from lorr_bench.values import Pair

TASK: Final = "held_out_pairs"
METRIC: Final = "acc_norm"
ROWS_FILE: Final = "pairs.jsonl"
TASK_FILE: Final = f"{TASK}.yaml"
FEWEST: Final = 10
"""Held-out pairs with which an accuracy is worth a stage."""
SHARE: Final = 10
"""One row of so many is held out."""
FEWEST_ROWS: Final = 20
MOST_ROWS: Final = 500

_TASK_TEXT: Final = """\
# How often the preferred response of a held-out pair is more likely than the other one: acc by the sums of
# log-probabilities, acc_norm for their length. By hand: lm_eval --include_path on this folder.
task: {task}
dataset_path: json
dataset_kwargs:
  data_files: {{test: {file}}}
test_split: test
output_type: multiple_choice
doc_to_text: prompt
doc_to_choice: choices
doc_to_target: gold
target_delimiter: ""
num_fewshot: 0
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
metadata:
  version: 1.0
"""


def rows_held_out(rows: int) -> int:
    """How many of the rows of a set are kept out of training: the last ones."""
    return max(FEWEST_ROWS, min(MOST_ROWS, rows // SHARE))


def held_out_pairs(
    trained: Iterable[Pair], rest: Sequence[Pair], tokenizer: Any, context: int
) -> tuple[Pair, ...]:
    """Those of the rest that tell of something new: one for each prompt that is not trained on.

    Args:
        trained: Pairs that are trained on.
        rest: Pairs that are not.
        tokenizer: Of the model.
        context: Tokens of the longest sequence of the engine, which scores one more.
    """
    known = {pair.prompt.strip() for pair in trained}
    new: dict[str, Pair] = {}
    for pair, *sequences in zip(rest, *pair_ids(rest, tokenizer), strict=True):
        if pair.prompt.strip() not in known and max(map(len, sequences)) < context:
            new.setdefault(pair.prompt.strip(), pair)
    return tuple(islice(new.values(), MOST_ROWS))


def task_files(pairs: Sequence[Pair], folder: Path) -> dict[str, str]:
    """The texts of the task's files, by name.

    The better response stands first and second in turn, so that a model to which both are alike scores half.

    Args:
        pairs: Held-out ones.
        folder: Where they will lie; lm-eval wants whole paths.
    """
    rows = (json.dumps(_document(pair, place % 2)) + "\n" for place, pair in enumerate(pairs))
    file = json.dumps(str(folder.absolute() / ROWS_FILE))
    return {ROWS_FILE: "".join(rows), TASK_FILE: _TASK_TEXT.format(task=TASK, file=file)}


def _document(pair: Pair, gold: int) -> dict[str, Any]:
    choices = [pair.rejected, pair.chosen] if gold else [pair.chosen, pair.rejected]
    return {"id": pair.id, "prompt": pair.prompt, "choices": choices, "gold": gold}
