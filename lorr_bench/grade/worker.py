"""The process in which Math-Verify runs: JSON lines in, JSON lines out.

It ends when its input does or when its parent is gone. A time limit is kept by the kernel: SIGPROF ends the
process even in the middle of a long multiplication, and the parent sees which answer it was. The limit is in
processor seconds, so that verdicts do not depend on what else the machine is doing.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from lorr_bench.grade.compare.comparison import same
from lorr_bench.grade.compare.forms import read_form, read_gold
from lorr_bench.grade.policy import Policy
from lorr_bench.grade.quantities.numerals import (
    Number,
    read_number,
    same_measure,
    same_number,
    split_percent,
    split_unit,
)

SHOWN_CHARS = 200
PARENT_CHECK_SECONDS = 1.0
VALUE_DIGITS = 30
POINT_NOISE = Fraction(1, 10**9)
# Memory is looked up after an answer that took as long, and after every so many.
LONG_SECONDS = 0.05
LOOK_EVERY = 50
_DEGREES = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s?\^\s?\{?\s?\\circ(?:\s?\})?")
_RADIANS = r"{(\1 \\cdot \\frac{\\pi}{180})}"
# What SymPy raises where an expression has no value that it can find.
_SYMPY_ERRORS = (ArithmeticError, AttributeError, NotImplementedError, RecursionError, TypeError, ValueError)


@lru_cache(maxsize=1)
def _config() -> list[Any]:
    """How a part of an answer is parsed, whose unit we have read."""
    import math_verify
    from latex2sympy2_extended import NormalizationConfig  # type: ignore[import-untyped]

    normal = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True)
    return [math_verify.LatexExtractionConfig(boxed_match_priority=0, normalization_config=normal)]


def parse(text: str) -> list[Any]:
    """What Math-Verify finds in ``text``; its own time-out is off because ours ends the process."""
    import math_verify

    found: list[Any] = math_verify.parse(text, _config(), parsing_timeout=None)
    return found


def judge(gold: str, text: str, policy: Policy) -> tuple[str, str | None]:
    """The reason (``equal`` or ``different``) and the answer as it is shown.

    Args:
        gold: The gold answer.
        text: The answer that was found.
        policy: The options.
    """
    equal = same(read_gold(gold), read_form(text), policy, partial(same_value, policy=policy))
    return "equal" if equal else "different", text[:SHOWN_CHARS]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an answer as algebra sees it.

    Attributes:
        found: What Math-Verify reads in it.
        number: Its value, where it is a real number.
        unit: What it is a number of.
    """

    found: list[Any]
    number: Number | None
    unit: str | None


def same_value(gold: str, answer: str, policy: Policy) -> bool:
    """Whether two parts of answers are equal by algebra; the policy decides where both are numbers."""
    import math_verify

    mine, other = read_gold_part(gold), read_part(answer)
    if mine.number and other.number:
        return same_number(mine.number, other.number, policy)
    if policy.units == "agree" and not same_measure(mine.unit, other.unit):
        return False
    if mine.found and other.found and _differ(mine.found[0], other.found[0]):
        return False
    return bool(
        math_verify.verify(mine.found, other.found, allow_set_relation_comp=True, timeout_seconds=None)
    )


def read_part(text: str) -> Part:
    """What algebra makes of a part of an answer."""
    core, unit = split_unit(text)
    core, percent = split_percent(core)
    found = parse(rf"\boxed{{{_DEGREES.sub(_RADIANS, core)}}}")
    number = read_number(text) or (_evaluated(found[0]) if found else None)
    return Part(found, replace(number, percent=percent, unit=unit) if number else None, unit)


@lru_cache(maxsize=1024)
def read_gold_part(text: str) -> Part:
    """What algebra makes of a part of a gold answer, which many answers are compared with."""
    return read_part(text)


def _differ(gold: Any, answer: Any) -> bool:
    """Whether two expressions have different values at some point, which shows sooner than their algebra."""
    import sympy

    if not all(isinstance(one, sympy.Expr) and not one.is_Symbol for one in (gold, answer)):
        return False
    symbols = sorted(gold.free_symbols | answer.free_symbols, key=str)
    point = {symbol: sympy.Rational(17 + 6 * place, 10) for place, symbol in enumerate(symbols)}
    mine, other = _evaluated(gold, point), _evaluated(answer, point)
    if mine is None or other is None:
        return False
    return abs(mine.value - other.value) > POINT_NOISE * max(abs(mine.value), abs(other.value))


def _evaluated(expression: Any, point: Mapping[Any, Any] | None = None) -> Number | None:
    """The real value of an expression: exact where it is rational, else to thirty digits.

    Args:
        expression: What Math-Verify found.
        point: Values of its variables.

    Returns:
        None where it has variables left, or no real value that SymPy finds.
    """
    import sympy

    if not isinstance(expression, sympy.Expr) or (expression.free_symbols and not point):
        return None
    try:
        value = expression.subs(point or {}).doit()
        if not isinstance(value, sympy.Rational):
            value = sympy.N(value, VALUE_DIGITS, chop=True)
    except _SYMPY_ERRORS:
        return None
    if not value.is_finite or not (value.is_Rational or value.is_Float):
        return None
    exact = isinstance(value, sympy.Rational)
    return Number(Fraction(value.p, value.q) if exact else Fraction(str(value)), exact=exact)


def requests(parent: int) -> Iterator[dict[str, Any]]:
    """Requests from standard input, until it ends or the parent is gone."""
    buffer = b""
    while True:
        # A forked sibling may hold our input open after the parent died, so that alone is no sign.
        while not select.select([0], [], [], PARENT_CHECK_SECONDS)[0]:
            if os.getppid() != parent:
                return
        chunk = os.read(0, 1 << 16)
        if not chunk:
            return
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            yield json.loads(line)


def reply(message: dict[str, Any]) -> None:
    """One line to the parent."""
    os.write(1, json.dumps(message).encode() + b"\n")


def address_space() -> int:
    """Bytes of this process's address space, the quantity that the limit bounds.

    Not the largest resident size: a child begins with that of the parent that started it, which may hold a
    language model.
    """
    pages = Path("/proc/self/statm").read_text("ascii").split()[0]
    return int(pages) * resource.getpagesize()


def serve(parent: int, memory_bytes: int) -> None:
    """Answer requests one by one; stop after one that leaves half of the memory in use."""
    reply({"ready": True})
    for answered, request in enumerate(requests(parent), start=1):
        policy = Policy(**request["policy"])
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, policy.timeout_seconds)
        reason, extracted = judge(request["gold"], request["text"], policy)
        signal.setitimer(signal.ITIMER_PROF, 0)
        seconds = time.process_time() - started
        reply({"reason": reason, "extracted": extracted, "seconds": seconds})
        looks = seconds > LONG_SECONDS or answered % LOOK_EVERY == 0
        if looks and address_space() > memory_bytes // 2:
            return  # out-of-memory errors inside Math-Verify would read as wrong answers; begin afresh


def main() -> None:
    """Entry: the parent's process id and the memory limit in bytes are the arguments."""
    parent, memory_bytes = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    try:
        _config()  # warm before the first request
    except ImportError as error:
        reply({"missing": str(error)})
        return
    serve(parent, memory_bytes)


if __name__ == "__main__":
    main()
