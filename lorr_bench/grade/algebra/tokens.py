"""Text of an expression as tokens."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from lorr_bench.grade.algebra.expression import UnreadError

_TOKEN: Final = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)|(?P<command>\\(?:[A-Za-z]+|[{}|\\]))|(?P<letters>[A-Za-z]+)"
    r"|(?P<primes>'+)|(?P<sign>[-+*/^_!(){}\[\]|,;:&=<>%])|(?P<space>\s+)"
)
MAX_TOKENS: Final = 2000


class Token(NamedTuple):
    """A piece of text.

    Attributes:
        kind: ``number``, ``command``, ``letters``, ``primes``, ``sign`` or, last of all, ``end``.
        text: As written.
    """

    kind: str
    text: str


END: Final = Token("end", "")


def tokens(text: str) -> list[Token]:
    """The tokens of a tidied text, spaces left out.

    Raises:
        UnreadError: A character is none that an expression has, or there are too many tokens.
    """
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or len(found) > MAX_TOKENS:
            raise UnreadError(text[place : place + 20])
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup or "", match[0]))
        place = match.end()
    return found
