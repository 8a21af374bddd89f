"""General reasoning: lm-eval's tasks on the running engine, in lm-eval's own result format."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lorr_bench.errors import DataError, StageError
from lorr_bench.evaluate.harness import LoadedTasks, harness_model, load_tasks, run_harness

if TYPE_CHECKING:
    from vllm import LLM


@dataclass(frozen=True, slots=True)
class TaskScore:
    """One task of one model.

    Attributes:
        task: The task's name.
        version: The task's version, from its metadata.
        metric: The metric that is reported: the first in the task's list that has a number for each question.
        filter: The lm-eval filter that it was computed after; ``none`` if the task has none.
        value: The metric, as lm-eval aggregates it; between 0 and 1 for accuracies.
        per_problem: One value a question, in the order of the task's documents.
        all_metrics: Every aggregated metric, by lm-eval's key (``acc,none``).
    """

    task: str
    version: str
    metric: str
    filter: str
    value: float
    per_problem: tuple[float, ...]
    all_metrics: Mapping[str, float]

    @property
    def n(self) -> int:
        """How many questions were asked."""
        return len(self.per_problem)


@dataclass(frozen=True, slots=True)
class GeneralResult:
    """What lm-eval found.

    Attributes:
        scores: One for each task, in the order asked; groups stand for their tasks.
        members: The tasks behind each asked name.
        results: lm-eval's result dictionary, as it writes to ``results_*.json``.
        samples: By task, the rows that it writes to ``samples_<task>_*.jsonl``.
    """

    scores: tuple[TaskScore, ...]
    members: Mapping[str, tuple[str, ...]]
    results: Mapping[str, Any]
    samples: Mapping[str, Sequence[Mapping[str, Any]]]


# lm-eval changes its task objects while it evaluates, and names in its modules are exchanged meanwhile.
_ONE_AT_A_TIME: Final = threading.Lock()


def evaluate_general(
    llm: LLM,
    *,
    model_path: Path,
    tasks: Sequence[str],
    include_path: Path | None = None,
    num_fewshot: int | None = None,
    limit: int | None = None,
    seed: int = 0,
) -> GeneralResult:
    """Evaluate the model that an engine holds on lm-eval tasks.

    The engine's prefix cache is emptied first, and everything that lm-eval draws is drawn from ``seed``, so
    the numbers do not depend on what ran before. Only a task that samples (temperature above 0) draws from
    the engine's own random state. Task objects are kept: the second evaluation with the same arguments
    skips their loading.

    Args:
        llm: A running vLLM engine.
        model_path: Folder of the model, for its configuration and tokenizer.
        tasks: Names of lm-eval tasks, groups or tags, those of the embedded task included.
        include_path: Folder of further task files. As with lm-eval's own option, a task file may name Python
            functions beside it, so only use folders that you trust.
        num_fewshot: Examples in the prompt; None leaves each task its own number.
        limit: The first questions of each task only.
        seed: Draws few-shot examples and whatever else a task draws.

    Returns:
        Scores and lm-eval's own records, all JSON-able.

    Raises:
        DataError: No task is named, a task is unknown, is asked for twice or can't be loaded.
        StageError: A task has no metric with a number for each question.
    """
    if not tasks:
        raise DataError("no task is named", where="general benchmark", fix="name lm-eval tasks")
    with _ONE_AT_A_TIME:
        loaded = load_tasks(tuple(tasks), include_path and include_path.resolve(), num_fewshot)
        model = harness_model(llm, model_path)
        llm.reset_prefix_cache()
        found = run_harness(model, loaded, num_fewshot=num_fewshot, limit=limit, seed=seed)
    return _result(found, loaded, model_path)


def _result(found: dict[str, Any], loaded: LoadedTasks, model_path: Path) -> GeneralResult:
    scores = tuple(_score(name, task, found) for name, task in loaded.by_name.items())
    found = dict(found)
    samples = {name: [_written(row) for row in rows] for name, rows in found.pop("samples").items()}
    found["config"] = found["config"] | {"model": "vllm", "model_args": {"pretrained": str(model_path)}}
    found["task_hashes"] = {name: _samples_hash(rows) for name, rows in samples.items()}
    return GeneralResult(scores, loaded.members, _jsonable(found), _jsonable(samples))


def _score(name: str, task: Any, found: dict[str, Any]) -> TaskScore:
    rows = found["samples"][name]
    first_filter = rows[0]["filter"]
    rows = sorted((row for row in rows if row["filter"] == first_filter), key=lambda row: row["doc_id"])
    aggregated = {
        key: float(value)
        for key, value in found["results"][name].items()
        if "," in key and "_stderr," not in key and isinstance(value, int | float)
    }
    for metric in task.aggregation():
        values = [row.get(metric) for row in rows]
        key = f"{metric},{first_filter}"
        if key in aggregated and all(isinstance(value, bool | int | float) for value in values):
            return TaskScore(
                name,
                str(found["versions"].get(name)),
                metric,
                first_filter,
                aggregated[key],
                tuple(float(value) for value in values),
                aggregated,
            )
    raise StageError(
        "no metric of this task has a number for each question",
        where=f"lm-eval task {name}",
        fix="leave the task out: models can't be compared on it question by question",
    )


def _written(row: dict[str, Any]) -> dict[str, Any]:
    """A sample in the form of lm-eval's ``samples_*.jsonl``."""
    from lm_eval.utils import sanitize_list

    arguments = {
        f"gen_args_{i}": {f"arg_{j}": value for j, value in enumerate(argument)}
        for i, argument in enumerate(row["arguments"])
    }
    return row | {
        "arguments": arguments,
        "resps": sanitize_list(row["resps"]),
        "filtered_resps": sanitize_list(row["filtered_resps"]),
        "target": str(row["target"]),
    }


def _samples_hash(rows: Sequence[Mapping[str, Any]]) -> str:
    from lm_eval.utils import hash_string

    return str(
        hash_string("".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in rows))
    )


def _jsonable(value: Any) -> Any:
    from lm_eval.utils import handle_non_serializable

    return json.loads(json.dumps(value, default=handle_non_serializable))
