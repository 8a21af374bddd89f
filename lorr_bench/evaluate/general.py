"""General reasoning: lm-eval's tasks on the running engine, in lm-eval's own result format."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lorr_bench.errors import DataError, MissingPackageError
from lorr_bench.evaluate.harness import (
    BARE,
    DataSource,
    LoadedTasks,
    PromptForm,
    harness_model,
    load_tasks,
    run_harness,
)
from lorr_bench.evaluate.scores import TaskScore, check_metric, score_name
from lorr_bench.spec.presets import packages_needed

if TYPE_CHECKING:
    from vllm import LLM


@dataclass(frozen=True, slots=True)
class GeneralResult:
    """What lm-eval found.

    Attributes:
        scores: In the order asked: one for a task, one for a group whose tasks share the metric, and those
            of the parts of any other group or tag.
        members: The tasks behind each asked name.
        cut_prompts: Different prompts that did not fit the context and lost their beginning, as lm-eval does.
        results: lm-eval's result dictionary, as it writes to ``results_*.json``.
        samples: By task, the rows that it writes to ``samples_<task>_*.jsonl``.
    """

    scores: tuple[TaskScore, ...]
    members: Mapping[str, tuple[str, ...]]
    cut_prompts: int
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
    metric: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    trust_task_files: bool = False,
    source: DataSource | None = None,
    form: PromptForm = BARE,
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
        include_path: Folder of further task files.
        num_fewshot: Examples in the prompt; None leaves each task its own number.
        metric: The metric to report of each task, such as ``acc_norm``, or metric and filter, such as
            ``exact_match,strict-match``; None takes the first that has a number for each question.
        limit: The first questions of each task only.
        seed: Draws few-shot examples and whatever else a task draws.
        trust_task_files: Whether the task files of ``include_path`` may run code, as those of lm-eval's own
            option may. Else they are data: their templates run in a sandbox.
        source: Where the tasks' data come from; None for wherever lm-eval finds them.
        form: How questions are put.

    Returns:
        Scores and lm-eval's own records, all JSON-able.

    Raises:
        MissingPackageError: A task needs a package that is not installed.
        DataError: No task is named, a task is unknown, is asked for twice, can't be loaded or does not have
            the metric; a task file holds code and is not trusted.
        StageError: A task has no such metric with a number for each question, or asks for longer answers
            than the model's context holds.
    """
    if not tasks:
        raise DataError("no task is named", where="general benchmark", fix="name lm-eval tasks")
    if needed := packages_needed(tasks):
        raise MissingPackageError(
            f"{', '.join(tasks)} needs {', '.join(needed)}",
            where="lm-eval tasks",
            fix=f"Install it: pip install {' '.join(map(shlex.quote, needed))}",
        )
    with _ONE_AT_A_TIME:
        trusted = include_path is None or trust_task_files
        loaded = load_tasks(
            tuple(tasks),
            include_path and include_path.resolve(),
            num_fewshot,
            trusted=trusted,
            source=source,
        )
        check_metric(loaded.by_name, metric)
        model = harness_model(llm, model_path)
        llm.reset_prefix_cache()
        found = run_harness(model, loaded, num_fewshot=num_fewshot, limit=limit, seed=seed, form=form)
    return _result(found, loaded, model_path, metric, len(model.cut_prompts))


def _result(
    found: dict[str, Any], loaded: LoadedTasks, model_path: Path, metric: str | None, cut_prompts: int
) -> GeneralResult:
    scores = [
        score_name(
            {member: loaded.by_name[member] for member in members},
            found,
            group=loaded.groups.get(name),
            metric=metric,
        )
        for name, members in loaded.members.items()
    ]
    found = dict(found)
    samples = {name: [_written(row) for row in rows] for name, rows in found.pop("samples").items()}
    found["config"] = found["config"] | {"model": "vllm", "model_args": {"pretrained": str(model_path)}}
    found["task_hashes"] = {name: _samples_hash(rows) for name, rows in samples.items()}
    return GeneralResult(
        scores=tuple(chain.from_iterable(scores)),
        members=loaded.members,
        cut_prompts=cut_prompts,
        results=_jsonable(found),
        samples=_jsonable(samples),
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
