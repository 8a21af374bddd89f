"""From lm-eval's records to scores: one metric, one value for each question, groups as they weigh tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from numbers import Real
from typing import Any, Final

from lorr_bench.errors import DataError, StageError
from lorr_bench.values import Stratum

OWN: Final = "lm-eval"
OVER_QUESTIONS: Final = "mean over questions"


@dataclass(frozen=True, slots=True)
class TaskScore:
    """One task of one model, or a group of tasks pooled.

    Attributes:
        task: Name of the task or group.
        members: The tasks that it stands for; a task stands for itself.
        version: Its version, from its metadata.
        metric: The metric.
        filter: The lm-eval filter that it was computed after; ``none`` if the task has none.
        value: The metric of the whole; between 0 and 1 for accuracies.
        aggregation: Where the value comes from: ``lm-eval``, or ``mean over questions`` for a group that
            lm-eval gives no number for.
        strata: One a member, in their order, with its share of the value; empty where every question counts
            alike.
        per_problem: One value a question, in the order of the members and of their documents.
        questions: Identifier and text of each question, in the same order; without few-shot examples.
        all_metrics: Every metric that lm-eval aggregated, by its key (``acc,none``).
    """

    task: str
    members: tuple[str, ...]
    version: str
    metric: str
    filter: str
    value: float
    aggregation: str
    strata: tuple[Stratum, ...]
    per_problem: tuple[float, ...]
    questions: tuple[tuple[str, str], ...]
    all_metrics: Mapping[str, float]

    @property
    def n(self) -> int:
        """How many questions were asked."""
        return len(self.per_problem)


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one task came to: by metric and filter (``acc,none``) one value a question; and the questions."""

    columns: Mapping[str, tuple[float, ...]]
    questions: Sequence[tuple[str, str]]


def check_metric(tasks: Mapping[str, Any], metric: str | None) -> None:
    """Refuse a metric that a task does not have, before anything is computed.

    Args:
        tasks: lm-eval's task objects by name.
        metric: A metric, or metric and filter with a comma between.

    Raises:
        DataError: A task does not have it.
    """
    for name, task in tasks.items():
        filters = [entry["name"] for entry in task.config.filter_list or [{"name": "none"}]]
        keys = [f"{known},{filter_name}" for known in task.aggregation() for filter_name in filters]
        if metric is not None and not any(_is_meant(key, metric) for key in keys):
            raise DataError(
                f"the task has no metric {metric!r}",
                where=f"lm-eval task {name}",
                fix=f"it has {'; '.join(keys)}",
            )


def score_name(
    tasks: Mapping[str, Any], found: Mapping[str, Any], *, group: Any, metric: str | None
) -> tuple[TaskScore, ...]:
    """The scores of an asked name: those of a group, or one for each task.

    A group whose tasks share the metric has one score. It is lm-eval's own where the group's
    ``aggregate_metric_list`` gives one, the first in the order of that list; else the mean over all its
    questions. Any other group has the scores of its parts, groups among them.

    Args:
        tasks: The task objects behind the name, in lm-eval's order.
        found: lm-eval's results with samples.
        group: That of the name; None for a task or tag.
        metric: A metric, or metric and filter (``exact_match,strict-match``); None takes the first that has
            a number for each question.

    Raises:
        StageError: A task has no such metric with a number for each question.
    """
    answers = {task: _answers(task, tasks[task], found["samples"][task]) for task in tasks}
    if group is None:
        return tuple(_score_of_task(task, answers, found, metric) for task in tasks)
    return tuple(_scores_of_group(group, answers, found, metric))


def _scores_of_group(
    group: Any, answers: Mapping[str, _Answers], found: Mapping[str, Any], metric: str | None
) -> Iterator[TaskScore]:
    leaves = Counter(task.task_name for task in group.get_all_tasks())
    own = {task: part for task, part in answers.items() if task in leaves}
    if keys := _shared_keys(own, metric):
        of_lm_eval = [key for key in _numbers(found["results"].get(group.name, {})) if key in keys]
        strata = _strata(group, own, leaves, of_lm_eval[0]) if of_lm_eval else ()
        yield _score(group.name, own, found, [*of_lm_eval, *keys][0], strata)
        return
    for part in group:
        if hasattr(part, "get_all_tasks"):
            yield from _scores_of_group(part, answers, found, metric)
        else:
            yield _score_of_task(part.task_name, answers, found, metric)


def _strata(
    group: Any, answers: Mapping[str, _Answers], leaves: Mapping[str, int], key: str
) -> tuple[Stratum, ...]:
    """The tasks of a group with their shares, where these are not those of their questions.

    Args:
        group: Which.
        answers: Of its tasks.
        leaves: How often the group, with the groups in it, names each task: lm-eval counts each time.
        key: Metric and filter of a score that lm-eval gives the group.
    """
    by_size = _weighs_by_size(group, *key.split(",", 1))
    sizes = {task: len(part.questions) for task, part in answers.items()}
    counts = {task: leaves[task] * (sizes[task] if by_size else 1) for task in answers}
    if len({counts[task] / sizes[task] for task in answers}) == 1:
        return ()
    total = sum(counts.values())
    return tuple(Stratum(sizes[task], counts[task] / total) for task in answers)


def _weighs_by_size(group: Any, metric: str, filter_name: str) -> bool:
    """What the last entry of its list says that gives this score."""
    weighing: list[bool] = [
        entry.weight_by_size
        for entry in group.aggregate_metric_list or ()
        if entry.metric == metric and (entry.filter_list is None or filter_name in entry.filter_list)
    ]
    return weighing[-1]


def _score_of_task(
    name: str, answers: Mapping[str, _Answers], found: Mapping[str, Any], metric: str | None
) -> TaskScore:
    own = {name: answers[name]}
    keys = _shared_keys(own, metric)
    if not keys:
        raise StageError(
            f"{metric or 'no metric'} has {'no' if metric else 'a'} number for each question",
            where=f"lm-eval task {name}",
            fix="leave the task out: models can't be compared on it question by question",
        )
    return _score(name, own, found, keys[0], ())


def _score(
    name: str,
    answers: Mapping[str, _Answers],
    found: Mapping[str, Any],
    key: str,
    strata: tuple[Stratum, ...],
) -> TaskScore:
    values = tuple(chain.from_iterable(part.columns[key] for part in answers.values()))
    aggregated = _numbers(found["results"].get(name, {}))
    chosen, _, filter_name = key.partition(",")
    return TaskScore(
        task=name,
        members=tuple(answers),
        version=str(found["versions"].get(name)),
        metric=chosen,
        filter=filter_name,
        value=aggregated.get(key, sum(values) / len(values)),
        aggregation=OWN if key in aggregated else OVER_QUESTIONS,
        strata=strata,
        per_problem=values,
        questions=tuple(chain.from_iterable(part.questions for part in answers.values())),
        all_metrics=aggregated,
    )


def _is_meant(key: str, metric: str) -> bool:
    return metric in (key, key.partition(",")[0])


def _shared_keys(answers: Mapping[str, _Answers], metric: str | None) -> list[str]:
    """The keys that all tasks have and that may be meant, in the order of the first task."""
    tables = [part.columns for part in answers.values()]
    return [
        key
        for key in tables[0]
        if (metric is None or _is_meant(key, metric)) and all(key in table for table in tables)
    ]


def _answers(name: str, task: Any, rows: Sequence[Mapping[str, Any]]) -> _Answers:
    documents = {row["doc_id"]: row["doc"] for row in rows}
    questions = [(f"{name}/{index}", question_text(task, documents[index])) for index in sorted(documents)]
    return _Answers(_columns(task, rows), questions)


def _columns(task: Any, rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, ...]]:
    """Every metric that has a number for each question, after every filter."""
    by_filter: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["doc_id"]):
        by_filter.setdefault(row["filter"], []).append(row)
    found = {}
    for metric in task.aggregation():
        for filter_name in dict.fromkeys(row["filter"] for row in rows):
            values = [row.get(metric) for row in by_filter[filter_name]]
            numbers = tuple(float(value) for value in values if isinstance(value, Real))
            if len(numbers) == len(values):
                found[f"{metric},{filter_name}"] = numbers
    return found


def question_text(task: Any, document: Mapping[str, Any]) -> str:
    """The text that lm-eval's own search for contamination uses where it is a column, else the prompt's."""
    column = task.config.doc_to_decontamination_query
    text = document[column] if column in document else task.doc_to_text(document)
    return text if isinstance(text, str) else " ".join(task.doc_to_choice(document))


def _numbers(results: Mapping[str, Any]) -> dict[str, float]:
    """The aggregated metrics, without their standard errors."""
    return {
        key: float(value)
        for key, value in results.items()
        if "," in key and "_stderr," not in key and isinstance(value, Real)
    }
