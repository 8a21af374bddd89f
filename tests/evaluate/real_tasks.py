"""lm-eval tasks on real questions that lie in local files: nothing is downloaded.

``write_tasks`` needs the project's benchmark files (``../shared/data/general``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parents[3] / "shared" / "data" / "general"

Row = Mapping[str, Any]
CHOICE = {
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_choice": "choices",
    "doc_to_target": "answer",
}
LETTERED = {
    **CHOICE,
    "doc_to_text": "{{question}}\n{% for choice in choices %}{{'ABCDEFGHIJ'[loop.index0]}}. {{choice}}\n"
    "{% endfor %}Answer:",
    "doc_to_choice": "{{'ABCDEFGHIJ'[:choices|length]|list}}",
}
FREE = {
    "test_split": "test",
    "output_type": "generate_until",
    "doc_to_text": "Q: {{problem}}\nA:",
    "doc_to_target": "answer",
    "generation_kwargs": {"until": ["\n"], "do_sample": False, "max_gen_toks": 32},
}


def write_tasks(folder: Path, data: Path = DATA) -> tuple[str, ...]:
    """Write task files and what they read.

    Args:
        folder: An empty folder, for ``include_path``.
        data: The project's benchmark files.

    Returns:
        Names to evaluate: ``real_arc_challenge``, ``real_truthfulqa_mc1``, ``real_strategyqa`` (with few-shot
        examples), ``real_csqa2`` and ``real_qasc`` are tasks; ``real_mmlu_pro``, ``real_mmlu_stem`` and
        ``real_bbh`` (free answers) are groups.
    """
    for name, file in [
        ("arc_challenge", "arc_challenge_test"),
        ("truthfulqa_mc1", "truthfulqa_mc1"),
        ("csqa2", "csqa2_dev"),
        ("qasc", "qasc_dev"),
    ]:
        _write_task(folder, name, CHOICE, ("acc", "acc_norm"), {"test": _rows(data, file)})
    split = {"train": _rows(data, "strategyqa_train"), "test": _rows(data, "strategyqa_dev")}
    few = {**CHOICE, "fewshot_split": "train", "num_fewshot": 3}
    _write_task(folder, "strategyqa", few, ("acc",), split)
    _write_group(folder, "mmlu_pro", (LETTERED, "acc"), _rows(data, "mmlu_pro_sample"), "subject")
    _write_group(folder, "mmlu_stem", (LETTERED, "acc"), _rows(data, "mmlu_stem_test"), "subject")
    _write_group(folder, "bbh", (FREE, "exact_match"), _rows(data, "bbh"), "task")
    single = ("arc_challenge", "truthfulqa_mc1", "strategyqa", "csqa2", "qasc")
    return tuple(f"real_{name}" for name in (*single, "mmlu_pro", "mmlu_stem", "bbh"))


def _write_group(folder: Path, name: str, form: tuple[Row, str], rows: Sequence[Row], column: str) -> None:
    """A task for each value of a column, and their group."""
    asked, metric = form
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(f"{name}_{row[column].replace(' ', '_')}", []).append(row)
    for part, members in parts.items():
        _write_task(folder, part, asked, (metric,), {"test": members})
    group = {
        "group": f"real_{name}",
        "task": [f"real_{part}" for part in parts],
        "aggregate_metric_list": [{"metric": metric, "weight_by_size": True}],
        "metadata": {"version": 1.0},
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(group), "utf-8")


def _write_task(
    folder: Path, name: str, form: Row, metrics: Iterable[str], splits: Mapping[str, Sequence[Row]]
) -> None:
    files = {split: str(folder / f"{name}_{split}.jsonl") for split in splits}
    for split, rows in splits.items():
        Path(files[split]).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    task = {
        "task": f"real_{name}",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": files, "cache_dir": str(folder / "cache")},
        "metric_list": [{"metric": m, "aggregation": "mean", "higher_is_better": True} for m in metrics],
        "metadata": {"version": 1.0},
        **form,
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(task), "utf-8")


def _rows(data: Path, name: str) -> list[Row]:
    """Rows with the columns that a task reads; rows of one file may differ in the others."""
    used = ("id", "question", "problem", "choices", "answer", "subject", "task")
    with (data / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [{key: row[key] for key in used if key in row} for row in map(json.loads, lines)]
