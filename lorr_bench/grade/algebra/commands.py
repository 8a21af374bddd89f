r"""The part of the grammar behind a backslash: ``\frac``, ``\sqrt``, functions, sums, integrals, matrices."""

from __future__ import annotations

import re
from abc import abstractmethod
from fractions import Fraction
from typing import Final

from lorr_bench.grade.algebra.cursor import Cursor
from lorr_bench.grade.algebra.expression import Expression, UnreadError, name, number, operation
from lorr_bench.grade.algebra.functions import (
    CONSTANTS,
    FUNCTIONS,
    GREEK,
    INVERSES,
    LEADING,
    SAME_LETTER,
    WITH_BRACKETS,
)
from lorr_bench.grade.algebra.tokens import Token

BIG_OPERATORS: Final = {
    r"\sum": "sum",
    r"\prod": "product",
    r"\int": "integral",
    r"\lim": "opaque",
    r"\bigcup": "opaque",
    r"\bigcap": "opaque",
    r"\oint": "opaque",
}
_MARKED: Final = frozenset(
    (
        r"\angle",
        r"\triangle",
        r"\overline",
        r"\bar",
        r"\vec",
        r"\hat",
        r"\tilde",
        r"\overrightarrow",
        r"\widehat",
    )
)
_STYLES: Final = frozenset(
    word
    for line in (
        r"\text \textbf \textit \textrm \textnormal \mathrm \mathbf \mathit \mathcal \mathsf",
        r"\operatorname \mbox",
    )
    for word in line.split()
)
_TWO_ARGUMENTS: Final = {r"\frac": "/", r"\binom": "binomial"}
_MATRICES: Final = frozenset(f"{kind}matrix" for kind in ("p", "b", "v", "B", "small", "")) | {"array"}
_BOUND: Final = re.compile(r"\s*(\\?[A-Za-z]+)\s*=(?!=)\s*([^=<>]+)")


class Commands(Cursor):
    """What is written with a command."""

    @abstractmethod
    def sum(self) -> Expression:
        """Terms with plus and minus between."""

    @abstractmethod
    def product(self) -> Expression:
        """Factors."""

    @abstractmethod
    def power(self) -> Expression:
        """A factor and its exponent."""

    @abstractmethod
    def bracketed(self) -> Expression:
        """What a bracket holds that is next."""

    def command(self) -> Expression:
        """What a command that is next means."""
        text = self.take().text
        bare = text.removeprefix("\\")
        if text in _TWO_ARGUMENTS:
            return operation(_TWO_ARGUMENTS[text], self.argument(), self.argument())
        if text in BIG_OPERATORS:
            return self._big_operator(text)
        if text in _MARKED:
            return name(f"{bare} {self.raw_argument()}{self._further_letters()}")
        reader = {r"\sqrt": self._root, r"\begin": self._matrix} | dict.fromkeys(_STYLES, self._styled)
        if text in reader:
            return reader[text]()
        if text == r"\log" or bare in FUNCTIONS:
            return self.function(FUNCTIONS[bare])
        return self._letter(bare)

    def _letter(self, bare: str) -> Expression:
        if bare in CONSTANTS:
            return Expression(CONSTANTS[bare])
        if bare in GREEK:
            return self.named(SAME_LETTER.get(bare, bare))
        if bare == "ldots":
            return name("...")
        raise UnreadError(f"\\{bare}")

    def _further_letters(self) -> str:
        return self.take().text if self.next.kind == "letters" else ""

    def argument(self) -> Expression:
        """A group in braces, or a single digit, letter or command as in LaTeX."""
        with self.deeper():
            if self.accept("{"):
                inner = self.sum()
                self.expect("}")
                return inner
            token = self.take()
            if token.kind in ("number", "letters") and len(token.text) > 1:
                self.put_back(Token(token.kind, token.text[0]), Token(token.kind, token.text[1:]))
                token = self.take()
            if token.kind == "number":
                return number(Fraction(token.text))
            self.put_back(token)
            return self.command() if token.kind == "command" else self.bracketed()

    def _root(self) -> Expression:
        degree = None
        if self.accept("["):
            degree = self.sum()
            self.expect("]")
        if self.next.kind == "number":
            radicand = number(Fraction(self.take().text))  # nobody means the root of one by \sqrt 10
        else:
            radicand = self.bracketed() if self.next.text == "(" else self.argument()
        return operation("root", radicand, degree) if degree else operation("sqrt", radicand)

    def _styled(self) -> Expression:
        r"""``\mathrm{lcm}``: a function, a constant, or a name of several letters."""
        text = self.raw_argument().strip()
        if text in FUNCTIONS:
            return self.function(FUNCTIONS[text])
        if text in CONSTANTS and text not in self.bound:
            return Expression(CONSTANTS[text])
        if not text.replace(" ", "").isalpha():
            raise UnreadError(text)
        return self.named(text)

    def named(self, text: str) -> Expression:
        """A name with its subscript and primes, and what it is a function of, if that follows."""
        while self.next.text == "_" or self.next.kind == "primes":
            token = self.take()
            if token.kind == "primes":
                text += token.text
                continue
            index = self.raw_argument()
            if self.bound & set(re.findall("[A-Za-z]+", index)):
                return self._indexed(text, index)
            text += f"_{subscript(index)}"
        bare = text.partition("_")[0].strip("'")
        applied = bare in ("f", "g", "h", "F", "G", "H", "phi", "psi", "P", "E") or text.endswith("'")
        if self.next.text == "(" and (applied or self._holds_one()):
            return Expression("apply", self.arguments(), text=text)
        return name(text)

    def _holds_one(self) -> bool:
        """Whether a bracket that is next holds a number or letter alone: ``I(0)`` is no product."""
        inside, closing = self.ahead(1), self.ahead(2)
        is_one = inside.kind == "number" or (inside.kind == "letters" and len(inside.text) == 1)
        return is_one and closing.text == ")"

    def _indexed(self, text: str, index: str) -> Expression:
        """A member of a sequence, ``a_k`` where ``k`` is bound: a function of its index."""
        reader = type(self)(index)
        reader.bound = self.bound
        return Expression("apply", (reader.whole(),), text=f"{text}_")

    def arguments(self) -> tuple[Expression, ...]:
        """Those in brackets, with commas between."""
        with self.deeper():
            opening = self.take().text
            found = [self.sum()]
            while self.accept(",", ";"):
                found.append(self.sum())
            self.expect(self.closing_of(opening))
        return tuple(found)

    def function(self, head: str) -> Expression:
        r"""A function whose name has been read: its base, exponent and argument."""
        base = self.argument() if head == "log" and self.accept("_") else None
        if head == "log" and self.next.text in ("2", "10") and self.ahead(1).text == "(":
            base = number(int(self.take().text))  # log2 and log10 of programs
        if self.next.text == "_":
            raise UnreadError(f"{head}_")
        exponent = self.argument_of_power() if self.accept("^") else None
        if exponent is not None and base is None and head == "log" and self.accept("_"):
            base = self.argument()
        if exponent == number(-1) and head in INVERSES:
            head, exponent = INVERSES[head], None
        value = self._applied(head, base)
        return operation("^", value, exponent) if exponent is not None else value

    def argument_of_power(self) -> Expression:
        """An exponent: a group, a signed number or letter, or more brackets."""
        if self.next.text in ("-", "+"):
            negative = self.take().text == "-"
            inner = self.argument_of_power()
            return (
                operation("*", number(-1), inner)
                if negative and inner.head != "number"
                else (number(-inner.value) if negative else inner)
            )
        if self.next.kind == "number":
            return number(Fraction(self.take().text))
        if self.next.text == "(":
            return self.bracketed()
        found = self.argument()
        if found.head == "*" and len(found.arguments) == 2 and found.arguments[0] == number(-1):
            inner = found.arguments[1]
            return number(-inner.value) if inner.head == "number" else found
        return found

    def _applied(self, head: str, base: Expression | None) -> Expression:
        following = self.next.text
        if following in ("(", "[", "{"):
            arguments = self.arguments()
        elif head in ("sqrt", "cbrt") and self.next.kind in ("number", "letters"):
            arguments = (self._factor_of_root(),)
        elif head == "det" and following in (r"\begin", "|"):
            arguments = (self.power(),)
        elif head in WITH_BRACKETS:
            raise UnreadError(f"{head} without brackets")
        else:
            arguments = (self._unbracketed(),)
        if base is not None:
            arguments += (base,)
        return operation(head, *arguments)

    def _factor_of_root(self) -> Expression:
        """The number or letter behind a root in plain text: "sqrt 2"."""
        return number(Fraction(self.take().text)) if self.next.kind == "number" else self.bracketed()

    def _unbracketed(self) -> Expression:
        r"""The argument of ``\sin 2x``: factors, up to a function, sign or bracket."""
        with self.deeper():
            negative = self.accept("-") is not None
            found = self.power()
            factors = [found]
            while self._goes_on():
                factors.append(self.power())
            found = operation("*", *factors) if len(factors) > 1 else found
            while self.next.text == "/" and not found.names() and self.ahead(1).kind == "number":
                self.take()
                found = operation("/", found, self.power())
        return operation("*", number(-1), found) if negative else found

    def _goes_on(self) -> bool:
        token = self.next
        if token.kind == "letters":
            return token.text not in FUNCTIONS and not token.text.startswith(LEADING[:-1])
        bare = token.text.removeprefix("\\")
        return token.kind == "number" or (
            token.kind == "command" and (bare in CONSTANTS or bare in GREEK or bare in ("frac", "sqrt"))
        )

    def _big_operator(self, command: str) -> Expression:
        """A sum, product or integral; one whose bounds are no plain ones is compared as it is written."""
        bounds = {"_": "", "^": ""}
        while sign := self.accept("_", "^"):
            bounds[sign] = self.raw_argument()
        head = BIG_OPERATORS[command]
        if head == "integral":
            return self._integral(bounds["_"], bounds["^"])
        match = _BOUND.fullmatch(bounds["_"])
        if match is None or head == "opaque" or not bounds["^"]:
            body = self.product()
            return Expression(
                "opaque", (body,), text=f"{command} {subscript(bounds['_'])} {subscript(bounds['^'])}"
            )
        variable = match[1].removeprefix("\\")
        low, high = type(self)(match[2]).whole(), type(self)(bounds["^"]).whole()
        with self.binding(variable), self.deeper():
            return Expression(head, (low, high, self.product()), text=variable)

    def _integral(self, low: str, high: str) -> Expression:
        if not (low and high):
            raise UnreadError("an integral without bounds")
        match = _BOUND.fullmatch(low)
        found = self._differential()
        if found is None:
            raise UnreadError("an integral without its variable")
        distance, variable = found
        inner = [self.take() for _ in range(distance)]
        last = self.take().text.removesuffix(f"d{variable}")
        body = " ".join(token.text for token in inner) + f" {last}"
        bounds = [type(self)(text).whole() for text in (match[2] if match else low, high)]
        reader = type(self)(body if body.strip() else "1")
        with reader.binding(variable):
            return Expression("integral", (*bounds, reader.whole()), text=variable)

    def _differential(self) -> tuple[int, str] | None:
        """How far the first "dx" is, and its variable."""
        found = ((self.distance_to(f"d{letter}"), letter) for letter in "xtuyzsrwvpqabck")
        near = [(distance, letter) for distance, letter in found if distance is not None]
        return min(near) if near else None

    @abstractmethod
    def whole(self) -> Expression:
        """All of the text as one expression."""

    def _matrix(self) -> Expression:
        kind = self.raw_argument()
        if kind not in _MATRICES:
            raise UnreadError(kind)
        if kind == "array" and self.next.text == "{":
            self.raw_argument()
        rows = [[self.sum()]]
        while self.accept(r"\end") is None:
            if self.accept("&"):
                rows[-1].append(self.sum())
            elif self.accept(r"\\", r"\cr") and self.next.text != r"\end":
                rows.append([self.sum()])
            elif self.next.text != r"\end":
                raise UnreadError("a matrix")
        self.raw_argument()
        if len({len(row) for row in rows}) != 1:
            raise UnreadError("rows of different lengths")
        matrix = operation("matrix", *(operation("row", *row) for row in rows))
        return operation("det", matrix) if kind == "vmatrix" else matrix


def subscript(text: str) -> str:
    """A subscript without spaces, braces and commands for style, so that one is written one way."""
    return re.sub(r"\\(?:text|mathrm|rm)(?![a-zA-Z])|[{}\s]", "", text)
