"""Whether answers that should be drawn independently share their noise.

A random model whose logits are nearly the same, so that noise alone decides, answers prompts of the same
length with three seeds and eight answers each. Two answers that are the same to the last token come from
one stream.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Final

from engines import ours, settings, talkative_model
from script import Options, WrongError, run

from lorr_bench.generate.engine import Engine, Sampling

SEEDS: Final = (0, 1, 2)
ANSWERS: Final = 8
TOKENS: Final = 48
ENOUGH_TOKENS: Final = 16
"""Shorter answers may be the same by chance: one token in 128 ends an answer."""
NAMES: Final = ("Mia", "Ana", "Zoe", "Ida", "Tom", "Ben", "Sam", "Leo")

Origin = tuple[int, str, int]
"""Seed, prompt and number of an answer."""


def measure(options: Options) -> str:
    """Count the streams, and ask again in another order and alone."""
    asked = [f"{name} has 1 2 3." for name in NAMES[: 4 if options.toy else 8]]
    with tempfile.TemporaryDirectory() as folder:
        model = talkative_model("toy", Path(folder), logits=0.001)
        with ours(model, settings()) as engine:
            found, faults = _measure(engine, asked, options)
    if faults:
        raise WrongError("; ".join([*faults, found]))
    return found


def _measure(engine: Engine, asked: Sequence[str], options: Options) -> tuple[str, list[str]]:
    answers = {
        (seed, prompt, number): text
        for seed in SEEDS
        for prompt, row in zip(asked, _draw(engine, asked, seed), strict=True)
        for number, text in enumerate(row)
    }
    found, faults = _streams(answers)
    if options.device != "cuda":
        return f"{found}; asked in another order only on a GPU: on a CPU the process has one seed", faults
    again, more = _again(engine, asked, answers)
    return f"{found}{again}", faults + more


def _draw(engine: Engine, asked: Sequence[str], seed: int) -> list[list[str | None]]:
    """The answers, None for one that is too short to tell."""
    sampling = Sampling(n=ANSWERS, temperature=2.0, top_p=1.0, max_tokens=TOKENS, seed=seed)
    rows = engine.generate(asked, sampling)
    return [[one.text if one.tokens >= ENOUGH_TOKENS else None for one in row] for row in rows]


def _streams(answers: dict[Origin, str | None]) -> tuple[str, list[str]]:
    """What was found, and what is wrong with it."""
    same: defaultdict[str, list[Origin]] = defaultdict(list)
    for origin, text in answers.items():
        if text is not None:
            same[text].append(origin)
    pairs = [pair for origins in same.values() for pair in combinations(origins, 2)]
    between = {
        "seeds": sum(one[0] != two[0] for one, two in pairs),
        "prompts": sum(one[1] != two[1] for one, two in pairs),
        "answers of a prompt and seed": sum(one[:2] == two[:2] for one, two in pairs),
    }
    told = sum(text is not None for text in answers.values())
    faults = [
        f"{number} pairs of answers share a stream between {what}"
        for what, number in between.items()
        if number
    ]
    return f"{len(same)} streams for {told} answers", faults


def _again(engine: Engine, asked: Sequence[str], answers: dict[Origin, str | None]) -> tuple[str, list[str]]:
    """The same prompts backwards, and one alone: each answer has to be the same again."""
    backwards = list(reversed(asked))
    orders = {"backwards": backwards, "alone": [asked[-1]]}
    faults = []
    for name, order in orders.items():
        rows = _draw(engine, order, SEEDS[0])
        other = sum(
            text != answers[SEEDS[0], prompt, number]
            for prompt, row in zip(order, rows, strict=True)
            for number, text in enumerate(row)
        )
        if other:
            faults.append(f"asked {name}, {other} of {len(order) * ANSWERS} answers are others")
    return "; asked backwards and alone", faults


if __name__ == "__main__":
    run(measure, __doc__)
