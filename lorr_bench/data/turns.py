"""Turns of a conversation, as the sets in wide use write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lorr_bench.data.rows import Row
from lorr_bench.errors import DataError

Turn = dict[str, Any]
"""``role`` and ``content``, and what else a chat template reads of a turn, such as ``tool_calls``."""

ROLES: Final = ("system", "developer", "user", "assistant", "tool")
ROLES_OF_SHAREGPT: Final = {"human": "user", "gpt": "assistant", "observation": "tool"}
SPEAKERS: Final = {"Human": "user", "Assistant": "assistant"}
"""Who speaks in the strings of HH-RLHF."""
_SPEAKER: Final = re.compile(rf"\n\n({'|'.join(SPEAKERS)}):")


def read_turns(row: Row, column: str, value: Any) -> list[Turn]:
    """The turns in a column.

    Args:
        row: The row, for errors.
        column: Name of the column.
        value: A list of turns, or a single turn, each with ``role`` and ``content``, or as ShareGPT has them
            with ``from`` and ``value``.

    Raises:
        DataError: A turn is none, has an unknown role, or holds something else than text.
    """
    values = value if isinstance(value, list) else [value]
    return [_turn(row, column, number, turn) for number, turn in enumerate(values, 1)]


def _turn(row: Row, column: str, number: int, value: Any) -> Turn:
    where = f"turn {number} in column {column!r}"
    if not isinstance(value, dict):
        raise DataError(
            f"{where} is no turn of a conversation",
            where=row.where,
            fix="each must be an object with `role` and `content`",
        )
    turn = without_nulls(value)
    if "from" in turn:
        turn = _from_sharegpt(turn)
    if turn.get("role") not in ROLES:
        raise DataError(
            f"{where} has the role {turn.get('role')!r}", where=row.where, fix=f"roles are {', '.join(ROLES)}"
        )
    return {**turn, "content": _content(row, where, turn)}


def _from_sharegpt(turn: Turn) -> Turn:
    from trl.data_utils import maybe_convert_to_chatml

    converted: Turn = maybe_convert_to_chatml({"messages": [turn]})["messages"][0]
    role = converted["role"]
    return {**converted, "role": ROLES_OF_SHAREGPT.get(role, role)}


def _content(row: Row, where: str, turn: Turn) -> str:
    content = turn.get("content", "")
    if not isinstance(content, str):
        raise DataError(
            f"{where} holds parts instead of one text", where=row.where, fix="only text is trained on"
        )
    return Row({"content": content}, row.where, row.id).text("content")  # in whole characters


def without_nulls(value: Any) -> Any:
    """A value without the keys that are null: Arrow gives all turns of a set the keys of any of them."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def dialogue(text: str) -> list[Turn] | None:
    r"""The turns of a string of HH-RLHF (``\n\nHuman: ...\n\nAssistant: ...``), white space and all.

    None for any other string.
    """
    before, *parts = _SPEAKER.split(text)
    if before.strip() or not parts or parts[0] != "Human":
        return None
    return [
        {"role": SPEAKERS[speaker], "content": said}
        for speaker, said in zip(parts[::2], parts[1::2], strict=True)
    ]


def dialogue_text(turns: Iterable[Mapping[str, Any]]) -> str:
    """Turns as a string of HH-RLHF."""
    names = {role: name for name, role in SPEAKERS.items()}
    return "".join(f"\n\n{names[turn['role']]}:{turn['content']}" for turn in turns)
