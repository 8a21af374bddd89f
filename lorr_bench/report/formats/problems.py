"""Problems with the answers of several models, as the page embeds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from lorr_bench.outside import visible_text
from lorr_bench.report.formats.embed import script_json
from lorr_bench.report.formatting import plural
from lorr_bench.report.study import Study
from lorr_bench.values import START, Point, Results, SampleAnswer

MAX_MODELS = 64
"""Models whose answers are shown."""
MAX_BYTES = 5_000_000
"""Bytes of all embedded problems."""
MAX_TEXT = 6_000
"""Characters of a prompt or an answer; of a longer one the middle is left out."""
TAIL = 2_000
"""Characters that are kept of its end, where the final answer stands."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem with the answers of several models, each named by its label."""

    benchmark: str
    id: str
    prompt: str
    gold: str
    answers: tuple[tuple[str, SampleAnswer], ...]


@dataclass(frozen=True, slots=True)
class EmbeddedProblems:
    """The data behind the drill-down.

    Attributes:
        json: Safe inside a script element: ``models`` (their labels), ``pair`` (numbers of the two that are
            shown first), ``problems`` (benchmark, id, prompt, right answer, answers; each answer: number of
            its model, whether it is right, reason, extracted answer or null, tokens, whether it was cut off,
            text).
        models: How many models answered.
        problems: How many problems there are.
        sample: Whose answers they are, and how the problems were chosen, in sentences.
        left_out: What was left out, in sentences; empty where nothing was.
    """

    json: str
    models: int
    problems: int
    sample: str
    left_out: str


def embedded_problems(study: Study, max_bytes: int = MAX_BYTES) -> EmbeddedProblems:
    """As many problems as fit, the benchmarks taking turns.

    Args:
        study: What the problems are from.
        max_bytes: Of all of them together.

    Returns:
        The data, and what was left out of it.
    """
    results = study.results
    problems = _sampled(study)
    labels = list(dict.fromkeys(label for problem in problems for label, _ in problem.answers))
    numbers = {label: number for number, label in enumerate(labels)}
    kept: dict[int, str] = {}
    for place in _turns(problems):
        packed = script_json(_packed(problems[place], numbers))
        max_bytes -= len(packed) + 1
        if max_bytes < 0:
            break
        kept[place] = packed
    head = script_json(
        {"models": [visible_text(label) for label in labels], "pair": _pair(results, problems)}
    )
    body = ",".join(kept[place] for place in sorted(kept))
    left_out = _left_out(results, len(labels), len(problems), len(kept))
    json = f'{head[:-1]},"problems":[{body}]}}'
    return EmbeddedProblems(json, len(labels), len(kept), _sample(study), left_out)


def without_middle(text: str) -> str:
    """The text, or its beginning and end with the number of characters left out between them."""
    missing = len(text) - MAX_TEXT
    if missing <= 0:
        return text
    head, tail = text[: MAX_TEXT - TAIL], text[-TAIL:]
    return f"{head}\n[… {missing:,} characters left out …]\n{tail}"


def _sampled(study: Study) -> tuple[Problem, ...]:
    """The problems of the sample, each with one answer a model: each arm's largest budget, every seed.

    Of very many models the first of the suite are taken.
    """
    answered = dict.fromkeys(answer.point for answer in study.results.answers)
    points = study.points_at_largest(answered)[:MAX_MODELS]
    labels = {point: str(point) for point in points}
    problems: dict[tuple[str, str], dict[Point, SampleAnswer]] = defaultdict(dict)
    for answer in study.results.answers:
        if answer.point in labels:
            problems[answer.benchmark, answer.problem_id].setdefault(answer.point, answer)
    return tuple(_problem(answers, labels) for answers in problems.values())


def _problem(answers: Mapping[Point, SampleAnswer], labels: Mapping[Point, str]) -> Problem:
    """One problem from the answers to it, in the order of the labels."""
    one = next(iter(answers.values()))
    labelled = tuple((label, answers[point]) for point, label in labels.items() if point in answers)
    return Problem(one.benchmark, one.problem_id, one.prompt, one.gold, labelled)


def _turns(problems: Sequence[Problem]) -> list[int]:
    """Numbers of the problems: the first of each benchmark, the second of each, and so on."""
    places: dict[str, list[int]] = defaultdict(list)
    for number, problem in enumerate(problems):
        places[problem.benchmark].append(number)
    rounds = chain.from_iterable(zip_longest(*places.values()))
    return [number for number in rounds if number is not None]


def _packed(problem: Problem, numbers: dict[str, int]) -> list[object]:
    answers = [[numbers[label], *_answer(answer)] for label, answer in problem.answers]
    texts = [problem.benchmark, problem.id, without_middle(problem.prompt), problem.gold]
    return [*map(visible_text, texts), answers]


def _answer(answer: SampleAnswer) -> list[object]:
    extracted = None if answer.extracted is None else visible_text(without_middle(answer.extracted))
    text = visible_text(without_middle(answer.text))
    return [int(answer.correct), answer.reason, extracted, answer.tokens, int(answer.truncated), text]


def _pair(results: Results, problems: Sequence[Problem]) -> list[int]:
    """The first compared arm beside its baseline, or the first model beside the last."""
    models = dict.fromkeys(answer.point for problem in problems for _, answer in problem.answers)
    arms = [point.arm for point in models]
    for arm, baseline in results.baselines.items():
        if arm != baseline and arm in arms and baseline in arms:
            return [arms.index(baseline), arms.index(arm)]
    return [0, max(0, len(arms) - 1)]


def _sample(study: Study) -> str:
    """Of very many arms the store keeps the answers of one seed."""
    shown, known = (
        {found.point.seed for found in rows if found.point != START}
        for rows in (study.results.answers, study.results.scores)
    )
    told = f"Of each arm the largest budget, {'every' if shown >= known else 'the first'} seed."
    if study.compared_arms:
        told += (
            " Sampled by how the verdicts of the first compared arm and its baseline fall, so the shares "
            "here are not the scores."
        )
    return told


def _left_out(results: Results, models: int, problems: int, kept: int) -> str:
    others = len({answer.point for answer in results.answers}) - models
    told = []
    if others > 0:
        told.append(f"The answers of {plural(f'{others:,}', 'more model')} had no room here.")
    if problems > kept:
        told.append(f"{problems - kept:,} of {plural(f'{problems:,}', 'problem')} had no room here.")
    return " ".join(told)
