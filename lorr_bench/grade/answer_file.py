"""A file of gold answers and answers, and policies written as ``key=value``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from lorr_bench.errors import DataError, LorrBenchError
from lorr_bench.grade.policy import Policy
from lorr_bench.spec.diagnosis import nearest

KEYS: Final = ("gold", "answer")


def read_answer_file(path: Path) -> list[tuple[str, str]]:
    """The pairs of gold answer and answer in a JSONL file, other keys left out.

    Raises:
        DataError: It can't be read, a line is no JSON object with both as text, or there is no line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the file of answers can't be read: {error}", where=str(path)) from error
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        fix = 'Give one JSON object a line: {"gold": "1/2", "answer": "\\\\boxed{0.5}"}'
        raise DataError("the file of answers is empty", where=str(path), fix=fix)
    return [_pair(line, f"{path}, line {number}") for number, line in lines]


def _pair(line: str, where: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(
            f"this is no JSON: {error}", where=where, fix="Give one JSON object a line."
        ) from error
    missing = [key for key in KEYS if not isinstance(row, dict) or not isinstance(row.get(key), str)]
    if missing:
        fix = "Each line needs the keys gold and answer, both text."
        raise DataError(f"no text under {' and '.join(missing)}", where=where, fix=fix)
    return row["gold"], row["answer"]


def option_values() -> dict[str, tuple[str, ...]]:
    """The options of a policy whose values are words, with those values."""
    hints = get_type_hints(Policy)
    return {
        field.name: get_args(hints[field.name])
        for field in fields(Policy)
        if get_origin(hints[field.name]) is Literal
    }


def read_policy(settings: Sequence[str]) -> Policy:
    """The policy that settings like ``units=ignore`` make.

    Raises:
        LorrBenchError: A setting has no equals sign, an option or value is unknown, or a limit is impossible.
    """
    chosen: dict[str, Any] = {}
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or key not in get_type_hints(Policy):
            names = [field.name for field in fields(Policy)]
            fix = f"{nearest(key, names)}Options are {', '.join(names)}."
            raise LorrBenchError(f"{setting!r} is no option with a value", where="--policy", fix=fix)
        chosen[key] = _value(key, value)
    try:
        return Policy(**chosen)
    except ValueError as error:
        raise LorrBenchError(str(error), where="--policy") from error


def _value(key: str, value: str) -> str | float | int:
    allowed = option_values().get(key)
    if allowed is not None:
        if value not in allowed:
            fix = f"{nearest(value, allowed)}Its values are {', '.join(allowed)}."
            raise LorrBenchError(f"{key} can't be {value!r}", where="--policy", fix=fix)
        return value
    kind = get_type_hints(Policy)[key]
    try:
        return int(value) if kind is int else float(value)
    except ValueError as error:
        raise LorrBenchError(f"{key} must be a number, not {value!r}", where="--policy") from error
