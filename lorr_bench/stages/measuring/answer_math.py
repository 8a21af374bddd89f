"""Answer a math benchmark: greedy, and sampled as often as the protocol says. Nothing is graded here."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lorr_bench.data.prompts import load_problems, write_prompt
from lorr_bench.generate.engine import Engine, Sampling
from lorr_bench.plan.json_values import canonical_digest
from lorr_bench.plan.kinds.answer_math import AnswerMath, AnswerMathParameters
from lorr_bench.ports.trainer import Progress
from lorr_bench.stages.asking import ask, tell_unasked
from lorr_bench.stages.task import Task
from lorr_bench.store.generations import ANSWERS_FILE, GENERATION_FILE, GREEDY, PROBLEMS_FILE, SAMPLED
from lorr_bench.store.record import Outcome
from lorr_bench.values import Completion, Prompt


def answer_math(task: Task[AnswerMath]) -> Outcome:
    """Every answer with a key of what it depends on: weights, prompt, template, sampling, repeat, engine.

    Raises:
        DataError: The problems can't be read, or are not as many as the benchmark has.
        StageError: The engine does not hold the model.
    """
    engine = task.engine()
    problems, prompts = questions(task, engine)
    generation = _generation(task)
    rows: list[dict[str, Any]] = []
    ways = samplings(task.stage.parameters)
    total = len(prompts) * sum(sampling.n for _, sampling in ways)
    for name, sampling in ways:
        with task.clock.part("generate"):
            completions = ask(task, engine, prompts, sampling, _after(rows, total, task.progress))
        rows += _rows(prompts, completions, name, sampling.n, generation)
    tell_unasked(task, engine, prompts, completions)  # the same for every way of drawing
    task.write_lines(PROBLEMS_FILE, _problem_rows(problems, prompts))
    task.write_lines(ANSWERS_FILE, rows)
    (task.output / GENERATION_FILE).write_text(json.dumps(generation, indent=1), "utf-8")
    given = [row for row in rows if row["text"] is not None]
    return Outcome(
        metrics={
            "problems": len(problems),
            "answers": len(given),
            "missing": len(rows) - len(given),
            "tokens": sum(row["tokens"] for row in given),
        },
        parts=task.clock.parts,
    )


def samplings(asked: AnswerMathParameters) -> list[tuple[str, Sampling]]:
    """The ways in which a stage draws answers, by name."""
    greedy = Sampling(
        n=1,
        temperature=0.0,
        top_p=1.0,
        max_tokens=asked.max_tokens,
        seed=asked.seed,
        stop=asked.stop,
        purpose=AnswerMath.kind,
    )
    drawn = replace(greedy, n=asked.repeats, temperature=asked.temperature, top_p=asked.top_p)
    return [(GREEDY, greedy)] * asked.greedy + [(SAMPLED, drawn)] * (asked.repeats > 0)


def questions(task: Task[AnswerMath], engine: Engine) -> tuple[list[Prompt], list[Prompt]]:
    """The problems, and the same as the model is asked them.

    Raises:
        DataError: They can't be read, or are not as many as the benchmark has.
    """
    asked, setting = task.stage.parameters, task.stage.setting
    spec, chat = asked.prompts.spec(setting.source), asked.chat
    problems = load_problems(spec, folder=Path(), count=asked.limit, seed=0, sizes=setting.sizes)
    render = (lambda text: engine.chat(text, chat.told)) if chat is not None else None
    return problems, [write_prompt(problem, spec, render) for problem in problems]


def _after(rows: Sequence[Mapping[str, Any]], of_all: int, progress: Progress) -> Progress:
    """Progress of one sampling as that of all, of which some answers are there."""
    before, tokens_before = len(rows), sum(row["tokens"] for row in rows)

    def tell(done: int, total: int, tokens: int = 0) -> None:
        del total  # of this sampling alone
        progress(before + done, of_all, tokens_before + tokens)

    return tell


def _generation(task: Task[AnswerMath]) -> dict[str, Any]:
    """What all answers of the stage depend on, each part with its hash."""
    asked = task.stage.parameters
    described = {name: _described(sampling) for name, sampling in samplings(asked)}
    return {
        "weights": _weights(task),
        "engine": asked.generator.engine,
        "template": _sha256(f"{asked.prompts.template}\0{asked.prompts.chat_template}"),
        "samplings": {
            name: {**values, "sha256": canonical_digest(values)} for name, values in described.items()
        },
    }


def _described(sampling: Sampling) -> dict[str, Any]:
    """All but the purpose, which is the same in every stage of the kind."""
    values = {**asdict(sampling), "stop": list(sampling.stop)}
    return {name: value for name, value in values.items() if name != "purpose"}


def _weights(task: Task[AnswerMath]) -> str:
    """Identity of the weights: sha256 over those of their files; of the start model its own identity."""
    if "model" not in task.inputs:
        return task.stage.parameters.weights.model
    files = task.record_of("model").files
    return canonical_digest({name: files[name] for name in files if name.endswith(".safetensors")})


def _rows(
    prompts: Sequence[Prompt],
    completions: Sequence[Sequence[Completion]],
    name: str,
    repeats: int,
    generation: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    shared = {part: generation[part] for part in ("weights", "engine", "template")}
    shared["sampling"] = generation["samplings"][name]["sha256"]
    draws = _draws(prompts)
    for repeat in range(repeats):
        for prompt, row, draw in zip(prompts, completions, draws, strict=True):
            key = {**shared, "prompt": _sha256(prompt.text), "draw": draw, "repeat": repeat}
            answer = row[repeat] if row else None
            yield {
                "id": prompt.id,
                "sampling": name,
                "repeat": repeat,
                "text": answer.text if answer else None,
                "tokens": answer.tokens if answer else 0,
                "truncated": answer.truncated if answer else False,
                "end": answer.end if answer else "",
                "key": canonical_digest(key),
            }


def _draws(prompts: Sequence[Prompt]) -> list[int]:
    """How many prompts before each have the same text: their answers are draws of their own."""
    seen: defaultdict[str, int] = defaultdict(int)
    draws = []
    for prompt in prompts:
        draws.append(seen[prompt.text])
        seen[prompt.text] += 1
    return draws


def _problem_rows(problems: Sequence[Prompt], prompts: Sequence[Prompt]) -> Iterator[dict[str, Any]]:
    for problem, prompt in zip(problems, prompts, strict=True):
        yield {
            "id": problem.id,
            "problem": problem.text,
            "prompt": prompt.text,
            "prompt_sha256": _sha256(prompt.text),
            "gold": problem.answer,
        }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
