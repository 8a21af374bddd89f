"""Rows of ready-made sets as prompts and responses, whichever of TRL's formats they have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from lorr_bench.data.rows import Row
from lorr_bench.data.turns import Turn, dialogue, dialogue_text, read_turns, without_nulls
from lorr_bench.errors import DataError
from lorr_bench.spec.sources import COLUMN_PRESETS, ColumnNames, PairFileSpec

Text = str | list[Turn]
"""A text as it is trained on, or turns that the chat template writes."""

Fault = Literal["null", "empty", "equal", "no_prompt", "no_answer"]
FAULTS: Final[Mapping[Fault, str]] = {
    "null": "a text is null",
    "empty": "a text is empty",
    "equal": "both responses are the same",
    "no_prompt": "the responses have no prompt in common",
    "no_answer": "the last turn is not the assistant's",
}
"""Why a row is not used, in words."""
DEFAULT_PROMPT: Final = PairFileSpec.model_fields["prompt_column"].default
WHOLE: Final = ("system", "developer", "user")
"""Roles with which a conversation begins that holds its prompt."""


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and its responses, all texts or all turns.

    Attributes:
        row: Where they come from.
        prompt: None where the column is null.
        responses: The preferred and the other one, or a single one; None for null.
        wanted: Whether a single response is; None where there are two.
        tools: Schemas of the functions that the chat template tells the model of.
        template_arguments: Further arguments of the chat template.
    """

    row: Row
    prompt: Text | None
    responses: tuple[Text | None, ...]
    wanted: bool | None = None
    tools: Sequence[Any] | None = None
    template_arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_conversation(self) -> bool:
        """Whether it is turns."""
        return isinstance(self.prompt, list)

    @property
    def roles(self) -> list[str]:
        """The roles of a conversation, up to the end of its first response."""
        parts = [part for part in (self.prompt, self.responses[0]) if isinstance(part, list)]
        return [turn["role"] for part in parts for turn in part]

    @property
    def texts(self) -> tuple[str, list[str]]:
        """Prompt and responses of an example that is no conversation."""
        assert isinstance(self.prompt, str)
        return self.prompt, [text for text in self.responses if isinstance(text, str)]

    @property
    def fault(self) -> Fault | None:
        """Why it can't be trained on."""
        if self.prompt is None or None in self.responses:
            return "null"
        if isinstance(self.prompt, list) and (not self.prompt or self.prompt[-1]["role"] not in _ASKING):
            return "no_prompt"
        if any(_is_empty(text) for text in (self.prompt, *self.responses)):
            return "empty"
        if any(isinstance(text, list) and text[-1]["role"] != "assistant" for text in self.responses):
            return "no_answer"
        if len(self.responses) == 2 and _stripped(self.responses[0]) == _stripped(self.responses[1]):
            return "equal"
        return None


_ASKING: Final = ("user", "tool", "assistant")
"""Roles of the last turn of a prompt; the assistant's is one that the response goes on with."""


def _is_empty(text: Text | None) -> bool:
    if isinstance(text, list):
        return not text or not (text[-1]["content"].strip() or text[-1].get("tool_calls"))
    return not (text or "").strip()


def _stripped(text: Text | None) -> Any:
    """What makes two responses the same: white space at the ends of a text makes no other."""
    if isinstance(text, list):
        return [{**turn, "content": turn["content"].strip()} for turn in text]
    return (text or "").strip()


def read_example(row: Row, spec: PairFileSpec) -> Example:
    """The prompt and the responses in a row.

    Args:
        row: The row.
        spec: Says what its columns hold.

    Raises:
        DataError: A column is missing or holds something else; the fix says what to write for a set in wide
            use whose columns these are.
    """
    if spec.type == "preference":
        columns = {"chosen_column": spec.chosen_column, "rejected_column": spec.rejected_column}
    else:
        columns = {"completion_column": spec.completion_column}
    cells = [_cell(row, column, option) for option, column in columns.items()]
    wanted = None if spec.type == "preference" else _wanted(row, spec)
    if None in cells or (spec.type == "unpaired" and wanted is None):
        return Example(row, None, tuple(cells), wanted)
    if len({type(cell) for cell in cells}) > 1:
        raise DataError(
            f"{' and '.join(map(repr, columns.values()))} hold a conversation and a string",
            where=row.where,
            fix="write both as lists of turns, or both as strings",
        )
    prompt, responses = _parts(row, spec, [cell for cell in cells if cell is not None])
    return Example(row, prompt, tuple(responses), wanted, _tools(row), _template_arguments(row))


def _cell(row: Row, column: str, option: str) -> Text | None:
    value = row.values.get(column)
    if isinstance(value, list | dict):
        return read_turns(row, column, value)
    try:
        text = row.text(column, option)
    except DataError as error:
        raise DataError(error.what, where=error.where, fix=_recognised(row) or error.fix) from error
    if value is None:
        return None
    if text.lstrip().startswith(_WRITTEN_TURNS):
        raise DataError(
            f"column {column!r} holds a conversation that is written as one string",
            where=row.where,
            fix="save the set as Parquet or JSON lines, where it can be a list of turns",
        )
    return text


_WRITTEN_TURNS: Final = tuple(f"[{{{quote}{key}{quote}:" for quote in "\"'" for key in ("role", "content"))


def known_columns(row: Row) -> list[ColumnNames]:
    """The sets in wide use that have such columns as a row, those with the most columns first."""
    known = [
        (len(preset.columns), name)
        for name, preset in COLUMN_PRESETS.items()
        if preset.columns and preset.columns <= row.values.keys()
    ]
    return [name for _, name in sorted(known, reverse=True)]


def _recognised(row: Row) -> str:
    """What to write for a set in wide use that has such columns; empty for other sets."""
    known = known_columns(row)
    return (
        f"these are the columns of {COLUMN_PRESETS[known[0]].of}: write `columns: {known[0]}`"
        if known
        else ""
    )


def _wanted(row: Row, spec: PairFileSpec) -> bool | None:
    """Whether the one response of a row is wanted; None for a null."""
    if spec.type == "prompt_completion":
        return True
    column = spec.label_column
    if column not in row.values:
        row.text(column, "label_column")  # says which columns there are
    value = row.values[column]
    label = _LABELS.get(value.lower() if isinstance(value, str) else value) if _is_plain(value) else None
    if label is None and value is not None:
        raise DataError(
            f"column {column!r} holds {value!r:.40}, which is no label",
            where=row.where,
            fix="a label is true or false, or 1 or 0",
        )
    return label


_LABELS: Final[Mapping[Any, bool]] = {
    True: True,
    False: False,
    "true": True,
    "false": False,
    "1": True,
    "0": False,
}


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _parts(row: Row, spec: PairFileSpec, cells: list[Text]) -> tuple[Text | None, list[Text]]:
    """Prompt and responses, all texts or all turns."""
    turns = [cell for cell in cells if isinstance(cell, list)]
    texts = [cell for cell in cells if isinstance(cell, str)]
    if turns and any(each and each[0]["role"] in WHOLE for each in turns):
        shared, rest = _shared_turns(turns)
        return shared, [*rest]
    implicit = spec.prompt_column is None or (
        spec.prompt_column == DEFAULT_PROMPT and DEFAULT_PROMPT not in row.values
    )
    if texts and implicit and all(dialogue(text) for text in texts):
        return _shared_dialogue(texts, in_template=spec.chat_template)
    if len(texts) == 2 and spec.prompt_column is None:
        prompt, *responses = _extracted(texts)
    else:
        prompt, responses = _prompt(row, spec), cells
    if isinstance(prompt, str) and (turns or spec.chat_template):
        prompt = [{"role": "user", "content": prompt}]
    if not isinstance(prompt, list):
        return prompt, responses
    return [*_system(row, spec), *prompt], [
        [{"role": "assistant", "content": text}] if isinstance(text, str) else text for text in responses
    ]


def _prompt(row: Row, spec: PairFileSpec) -> Text | None:
    if spec.prompt_column is None:
        raise DataError(
            "the response holds no prompt",
            where=row.where,
            fix="name the column with the prompt in `prompt_column`; a list of turns may begin with it",
        )
    try:
        return _cell(row, spec.prompt_column, "prompt_column")
    except DataError as error:
        if DEFAULT_PROMPT in row.values or spec.prompt_column != DEFAULT_PROMPT or _recognised(row):
            raise
        fix = f"{error.fix}, or write `prompt_column: null` where the responses begin with the prompt"
        raise DataError(error.what, where=error.where, fix=fix) from error


def _system(row: Row, spec: PairFileSpec) -> list[Turn]:
    """The system turn of a row, where its suite names a column and the row has a text there."""
    if spec.system_column is None:
        return []
    text = row.text(spec.system_column, "system_column")
    return [{"role": "system", "content": text}] if text.strip() else []


def _shared_turns(conversations: list[list[Turn]]) -> tuple[list[Turn], list[list[Turn]]]:
    """The turns that conversations have in common, and what follows in each; of one, its last turn."""
    first = conversations[0]
    if all(each == first for each in conversations):
        return first[:-1], [each[-1:] for each in conversations]
    prompt, *responses = _extracted(conversations)
    # Where they part at a question, they have no prompt that both answer.
    return ([] if prompt and prompt[-1]["role"] == "assistant" else prompt), responses


def _shared_dialogue(texts: list[str], *, in_template: bool) -> tuple[Text, list[Text]]:
    """Strings of HH-RLHF as prompt and responses: as turns for a chat template, else as they stand there."""
    prompt, responses = _shared_turns([dialogue(text) or [] for text in texts])
    conversations = [prompt, *responses]
    if in_template:
        stripped = [
            [{**turn, "content": turn["content"].strip()} for turn in conversation]
            for conversation in conversations
        ]
        return stripped[0], [*stripped[1:]]
    assistant = dialogue_text([{"role": "assistant", "content": ""}])
    if not prompt or any(not turns or turns[0]["role"] != "assistant" for turns in responses):
        return [], [*responses]
    answers = [dialogue_text(turns).removeprefix(assistant) for turns in responses]
    return dialogue_text(prompt) + assistant, [*answers]


def _extracted(sequences: Sequence[Any]) -> list[Any]:
    """What two responses have in common at the start, and the rest of each."""
    from trl.data_utils import extract_prompt

    chosen, rejected = sequences
    found = extract_prompt({"chosen": chosen, "rejected": rejected})
    return [found["prompt"], found["chosen"], found["rejected"]]


def _tools(row: Row) -> list[Any] | None:
    """The tools of a row: a list, or as TRL allows, the list as JSON."""
    tools = row.values.get("tools")
    if isinstance(tools, str):
        try:
            tools = json.loads(tools or "null")
        except ValueError as error:
            raise DataError(
                f"column 'tools' is not JSON: {error}", where=row.where, fix="give a list of function schemas"
            ) from error
    return without_nulls(tools) or None


def _template_arguments(row: Row) -> Mapping[str, Any]:
    return without_nulls(row.values.get("chat_template_kwargs")) or {}
