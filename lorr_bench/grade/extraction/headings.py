"""What follows ``####``: an answer as in GSM8K, or a heading."""

from __future__ import annotations

import re
from typing import Final

from lorr_bench.grade.notation.tidy import without_markdown

_MARK: Final = "####"
_VALUE: Final = re.compile(r"[-+\u2212(\[{$\\€£.]|[0-9]")
_NUMBERED: Final = re.compile(r"[0-9]{1,2}[.):] ?[A-Za-z]{3}")
_WORD: Final = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_LABEL: Final = re.compile(r"(?:final )?answer\s*:\s*", re.IGNORECASE)


def marked_answer(text: str) -> str | None:
    """What stands on the line of the last ``####``, where that is an answer, not a heading; else None.

    Directly behind other text ("so it is 40.#### 40") it is no heading, and only a value is taken.
    """
    before, found, behind = text.rpartition(_MARK)
    if not found:
        return None
    line, _, rest = behind.lstrip("#").partition("\n")
    line = without_markdown(line.strip())
    before = before.rstrip("#")
    if not before or before[-1].isspace():
        if label := _LABEL.match(line):
            return line[label.end() :]
        if not rest.strip():
            return line
    is_value = _VALUE.match(line) and not _NUMBERED.match(line) and not _WORD.search(line)
    return line if is_value else None


def behind_heading(text: str) -> str:
    """The text behind the last heading, which tells the end; all of it where nothing follows."""
    _, found, behind = text.rpartition(_MARK)
    rest = behind.partition("\n")[2]
    return rest if found and rest.strip() else text
