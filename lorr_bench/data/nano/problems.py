"""Word problems whose verbs a small model can misread.

A problem is a start amount and one to four steps; each step is a verb and a number. Every verb has one
reading (add or take away). The start model saw each verb read wrongly with a rate of its own, so it can
reach most right answers but prefers many wrong ones: preferences have something to teach, and rare verbs are
taught only by enough data.

Splits share no problem, whatever the seeds: a problem belongs to the split that the hash of its text names.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Operation = Literal["+", "-"]
Split = Literal["pretrain", "train", "validation", "easy", "hard"]

ADD: Final = (
    "finds", "buys", "gets", "earns", "wins", "collects", "gathers", "picks", "receives", "borrows", "bakes",
    "catches", "adds", "saves", "makes", "draws", "digs", "stores", "grows", "brings", "builds", "claims",
    "prints", "knits",
)  # fmt: skip
TAKE: Final = (
    "loses", "sells", "gives", "spends", "drops", "eats", "breaks", "lends", "wastes", "donates", "throws",
    "burns", "trades", "pays", "spills", "sends", "leaves", "removes", "hides", "buries", "melts", "ships",
    "tears", "cuts",
)  # fmt: skip
NAMES: Final = ("Mia", "Ana", "Zoe", "Ida", "Tom", "Ben", "Sam", "Leo")
PRONOUN: Final = {name: "She" if name in NAMES[:4] else "He" for name in NAMES}
THINGS: Final = ("shells", "coins", "cards", "books", "pens", "cups", "stamps", "beads")

LARGEST: Final = 99
START: Final = (30, 60)  # so that three steps of either reading stay between 0 and 99
SLIP_RATE: Final = 0.03
FREQUENCY_EXPONENT: Final = 1.0
READ_RIGHT: Final = (0.3, 0.85)  # the range of the verbs' rates of being read right in pretraining
STEPS: Final[dict[Split, tuple[int, int]]] = {
    "pretrain": (1, 3),
    "train": (1, 3),
    "validation": (1, 3),
    "easy": (1, 3),
    "hard": (4, 4),
}
# Shares of the hash space, in percent. Hard problems are longer, so they never meet the others.
BUCKETS: Final[dict[Split, range]] = {
    "pretrain": range(0, 50),
    "train": range(50, 80),
    "validation": range(80, 90),
    "easy": range(90, 100),
    "hard": range(0, 100),
}


@dataclass(frozen=True)
class Verb:
    """A verb, what it means, how often it is read right in pretraining, and how common it is."""

    word: str
    meaning: Operation
    read_right: float
    weight: float

    @property
    def misreading(self) -> Operation:
        """The other operation."""
        return "-" if self.meaning == "+" else "+"


def _verbs() -> tuple[Verb, ...]:
    meanings: list[tuple[str, Operation]] = [
        *((word, "+") for word in ADD),
        *((word, "-") for word in TAKE),
    ]
    rng = random.Random("verbs")  # noqa: S311 - a fixed shuffle, nothing secret
    rng.shuffle(meanings)
    verbs = []
    for rank, ((word, meaning), rate) in enumerate(zip(meanings, _rates(rng), strict=True), start=1):
        verbs.append(Verb(word, meaning, rate, rank**-FREQUENCY_EXPONENT))
    return tuple(verbs)


def _rates(rng: random.Random) -> list[float]:
    """Rates of being read right: evenly spaced, and by turns from the upper and the lower half.

    So common verbs are misread as often as rare ones: a few pairs teach the first, many the second.
    """
    low, high = READ_RIGHT
    count = len(ADD) + len(TAKE)
    spaced = [low + (high - low) * i / (count - 1) for i in range(count)]
    lower, upper = spaced[: count // 2], spaced[count // 2 :]
    rng.shuffle(lower)
    rng.shuffle(upper)
    return [rate for pair in zip(upper, lower, strict=True) for rate in pair]


VERBS: Final = _verbs()
_WEIGHTS: Final = [verb.weight for verb in VERBS]


@dataclass(frozen=True)
class Problem:
    """A word problem with its right answer and the worked solution."""

    text: str
    start: int
    steps: tuple[tuple[Verb, int], ...]

    @property
    def answer(self) -> int:
        """The amount after the last step, every verb read right."""
        return self.amounts([verb.meaning for verb, _ in self.steps])[-1]

    def amounts(self, readings: list[Operation]) -> list[int]:
        """The amounts after each step when the verbs are read as ``readings`` (one a step)."""
        amounts = []
        amount = self.start
        for (_, number), reading in zip(self.steps, readings, strict=True):
            amount = apply(reading, amount, number)
            amounts.append(amount)
        return amounts

    def solution(self, readings: list[Operation] | None = None) -> str:
        """The worked answer, starting with a space as it follows the question."""
        readings = readings or [verb.meaning for verb, _ in self.steps]
        return write_solution(self, readings, self.amounts(readings))

    @property
    def split_bucket(self) -> int:
        """Which hundredth of the hash space the text falls in: 0 to 99."""
        return int.from_bytes(hashlib.sha256(self.text.encode()).digest()[:8], "big") % 100


def apply(operation: Operation, left: int, right: int) -> int:
    """``left`` ``operation`` ``right``."""
    return left + right if operation == "+" else left - right


def write_solution(problem: Problem, readings: list[Operation], amounts: list[int]) -> str:
    """One sentence a step, then the boxed amount.

    A sentence says how the verb is read before it calculates, so that a small model can change the reading of
    one verb without unlearning arithmetic.
    """
    lines = []
    before = problem.start
    for (verb, number), reading, after in zip(problem.steps, readings, amounts, strict=True):
        lines.append(f" {verb.word} {reading}: {before} {reading} {number} = {after}.")
        before = after
    return "".join(lines) + f" \\boxed{{{before}}}"


def draw(rng: random.Random, steps: int) -> Problem:
    """One problem with ``steps`` steps whose amounts all lie between 0 and 99."""
    while True:
        name, thing = rng.choice(NAMES), rng.choice(THINGS)
        start = rng.randint(*START)
        chosen = rng.choices(VERBS, weights=_WEIGHTS, k=steps)
        numbered = tuple((verb, rng.randint(2, 9)) for verb in chosen)
        sentences = [f"{name} has {start} {thing}."]
        sentences += [f"{PRONOUN[name]} {verb.word} {number}." for verb, number in numbered]
        text = " ".join([*sentences, f"How many {thing} does {name} have?"])
        problem = Problem(text, start, numbered)
        amounts = problem.amounts([verb.meaning for verb, _ in numbered])
        if all(0 <= amount <= LARGEST for amount in amounts):
            return problem


def problems(split: Split, seed: int) -> Iterator[Problem]:
    """Endless distinct problems of a split; the same seed gives the same problems in the same order."""
    rng = random.Random(f"{split}/{seed}")  # noqa: S311 - reproducible data, nothing secret
    low, high = STEPS[split]
    seen: set[str] = set()
    while True:
        problem = draw(rng, rng.randint(low, high))
        if problem.split_bucket in BUCKETS[split] and problem.text not in seen:
            seen.add(problem.text)
            yield problem


def misread_solution(problem: Problem, rng: random.Random) -> str:
    """A solution as the start model's teacher writes it: verbs misread at their own rates, a few slips.

    A reading that leaves 0 to 99 is drawn again; after 20 draws the right reading stands.
    """
    for _ in range(20):
        readings = [v.meaning if rng.random() < v.read_right else v.misreading for v, _ in problem.steps]
        amounts = _with_slips(problem, readings, rng)
        if all(0 <= amount <= LARGEST for amount in amounts):
            return write_solution(problem, readings, amounts)
    return problem.solution()


def _with_slips(problem: Problem, readings: list[Operation], rng: random.Random) -> list[int]:
    amounts = []
    amount = problem.start
    for (_, number), reading in zip(problem.steps, readings, strict=True):
        slip = rng.choice((-2, -1, 1, 2)) if rng.random() < SLIP_RATE else 0
        amount = apply(reading, amount, number) + slip
        amounts.append(amount)
    return amounts
