"""A place in a list of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from lorr_bench.grade.algebra.expression import UnreadError
from lorr_bench.grade.algebra.tokens import END, Token, tokens

MAX_DEPTH: Final = 40
_CLOSINGS: Final = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
OPENINGS: Final = frozenset(_CLOSINGS)


class Cursor:
    """Reads tokens one after the other.

    Args:
        text: A tidied text.

    Raises:
        UnreadError: It has a character that no expression has.
    """

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._place = 0
        self._depth = 0
        self.bound: frozenset[str] = frozenset()

    @property
    def next(self) -> Token:
        """The token to be read next."""
        return self.ahead(0)

    def ahead(self, count: int) -> Token:
        """The token ``count`` behind the next one."""
        place = self._place + count
        return self._tokens[place] if place < len(self._tokens) else END

    def take(self) -> Token:
        """Go on by one token."""
        token = self.next
        if token is END:
            raise UnreadError("the text ends too soon")
        self._place += 1
        return token

    def put_back(self, *left: Token) -> None:
        """Read these next, in place of the token last taken."""
        self._tokens[self._place - 1 : self._place] = left
        self._place -= 1

    def accept(self, *texts: str) -> str | None:
        """Take the next token if it is one of these."""
        return self.take().text if self.next.text in texts and self.next is not END else None

    def expect(self, text: str) -> None:
        """Take the next token, which must be this."""
        if self.accept(text) is None:
            raise UnreadError(f"{self.next.text!r} where {text!r} must be")

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Inside a bracket or argument more."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UnreadError("nested too deep")
        yield
        self._depth -= 1

    @contextmanager
    def binding(self, name: str) -> Iterator[None]:
        """Where ``name`` is a variable, also if it is that of a constant else."""
        before, self.bound = self.bound, self.bound | {name}
        yield
        self.bound = before

    def raw_argument(self) -> str:
        """The text of a group in braces, or the next token."""
        if self.next.text != "{":
            return self.take().text
        self.take()
        return self._raw_until("}")

    def _raw_until(self, closing: str) -> str:
        pieces: list[str] = []
        depth = 0
        while depth or self.next.text != closing:
            token = self.take()
            depth += (token.text == "{") - (token.text == "}")
            pieces.append(token.text + (" " if token.kind == "command" else ""))
        self.take()
        return "".join(pieces).strip()

    def closing_of(self, opening: str) -> str:
        """The bracket that closes this one."""
        return _CLOSINGS[opening]

    def distance_to(self, matches: str) -> int | None:
        """How far ahead, outside of brackets opened since, the first run of letters ends in ``matches``."""
        depth = 0
        for count in range(len(self._tokens) - self._place):
            token = self.ahead(count)
            depth += (token.text in _CLOSINGS) - (token.text in _CLOSINGS.values())
            if depth < 0:
                return None
            if depth == 0 and token.kind == "letters" and token.text.endswith(matches):
                return count
        return None
