"""General reasoning in the words of the nano task: comparison, true or false, ordering.

The questions serve twice: the ``train`` half teaches the start model, the ``test`` half becomes lm-eval
tasks. The halves share no question, because the hash of the text names the half.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from lorr_bench.data.nano.problems import LARGEST

Half = Literal["train", "test"]


@dataclass(frozen=True)
class Question:
    """A question, the choices where there are any, and the right answer (with its leading space)."""

    text: str
    answer: str
    choices: tuple[str, ...] = ()


def compare(rng: random.Random) -> Question:
    """Which of two numbers is more, or less."""
    left, right = rng.sample(range(LARGEST + 1), 2)
    word = rng.choice(("more", "less"))
    answer = max(left, right) if word == "more" else min(left, right)
    return Question(f"Which is {word}, {left} or {right}?", f" {answer}", (f" {left}", f" {right}"))


def true_false(rng: random.Random) -> Question:
    """Whether one number is more, or less, than another."""
    left, right = rng.sample(range(LARGEST + 1), 2)
    word = rng.choice(("more", "less"))
    truth = (left > right) == (word == "more")
    return Question(
        f"{left} is {word} than {right}. Is it true or false?",
        " true" if truth else " false",
        (" true", " false"),
    )


def order(rng: random.Random) -> Question:
    """Four digits from small to large; the answer is written, not chosen."""
    digits = rng.sample(range(10), 4)
    listed = ", ".join(map(str, digits))
    return Question(f"Order {listed} from small to large.", " " + ", ".join(map(str, sorted(digits))) + ".")


FAMILIES: Final[dict[str, Callable[[random.Random], Question]]] = {
    "nano_compare": compare,
    "nano_true_false": true_false,
    "nano_order": order,
}


def questions(family: str, half: Half, seed: int) -> Iterator[Question]:
    """Endless questions of a family; the same seed gives the same questions. Test questions are distinct."""
    rng = random.Random(f"{family}/{half}/{seed}")  # noqa: S311 - reproducible data, nothing secret
    seen: set[str] = set()
    while True:
        question = FAMILIES[family](rng)
        in_test = hashlib.sha256(question.text.encode()).digest()[0] < 64
        if in_test != (half == "test") or question.text in seen:
            continue
        if in_test:
            seen.add(question.text)
        yield question
