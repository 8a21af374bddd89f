"""What the grammar reads: expressions as trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction


class UnreadError(Exception):
    """The grammar does not know what a text means; it may still be compared as it is written."""


class UndecidedError(Exception):
    """A value is too large or too long to find here, so that whoever has a time limit must."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A number, a name, or an operation on other expressions.

    Attributes:
        head: ``number``, ``name``, an operation (``+``, ``*``, ``/``, ``^``), a function (``sin``),
            ``matrix`` (of rows), ``row``, ``sum``, ``product``, ``integral``, ``apply`` or ``opaque``.
        arguments: What it is done to. A sum, product or integral: lower bound, upper bound, body.
        value: Of a number.
        text: A name; the bound variable of a sum, product or integral; what an opaque operation looks like.
    """

    head: str
    arguments: tuple[Expression, ...] = ()
    value: Fraction = Fraction(0)
    text: str = ""

    def walk(self) -> Iterator[Expression]:
        """It and all that it is made of."""
        waiting = [self]
        while waiting:
            one = waiting.pop()
            yield one
            waiting.extend(one.arguments)

    def names(self) -> frozenset[str]:
        """The names that have no value of their own and are not bound."""
        if self.head == "name":
            return frozenset({self.text})
        inner = frozenset[str]().union(*(argument.names() for argument in self.arguments))
        if self.head in BINDERS:
            low, high, _ = self.arguments
            return (inner - {self.text}) | low.names() | high.names()
        return inner

    def renamed(self, old: str, new: str) -> Expression:
        """It with another letter for a name."""
        if self.head == "name":
            return name(new) if self.text == old else self
        return Expression(
            self.head, tuple(a.renamed(old, new) for a in self.arguments), self.value, self.text
        )

    def has(self, *heads: str) -> bool:
        """Whether one of these operations occurs."""
        return any(part.head in heads for part in self.walk())


BINDERS = frozenset({"sum", "product", "integral"})


def number(value: int | Fraction) -> Expression:
    """A number as an expression."""
    return Expression("number", value=Fraction(value))


def name(text: str) -> Expression:
    """A name as an expression."""
    return Expression("name", text=text)


def operation(head: str, *arguments: Expression) -> Expression:
    """An operation on expressions."""
    return Expression(head, arguments)


MINUS_ONE = number(-1)
