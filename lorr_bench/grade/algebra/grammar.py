"""The grammar of expressions, in LaTeX and in plain text."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Final

from lorr_bench.grade.algebra.commands import Commands
from lorr_bench.grade.algebra.cursor import OPENINGS
from lorr_bench.grade.algebra.expression import MINUS_ONE, Expression, UnreadError, number, operation
from lorr_bench.grade.algebra.functions import CONSTANTS, FUNCTIONS, GREEK, LEADING, SAME_LETTER
from lorr_bench.grade.algebra.tokens import END, Token

_TIMES: Final = (r"\cdot", r"\times", "*", r"\ast")
_OVER: Final = ("/", r"\div")
_NO_FACTORS: Final = frozenset(
    (r"\cdot", r"\times", r"\ast", r"\div", r"\}", r"\rfloor", r"\rceil", r"\end", r"\\", r"\cr", r"\choose")
)
_WORDS: Final = frozenset(FUNCTIONS) | (frozenset(CONSTANTS) - {"e", "i"}) | GREEK
_TRANSPOSES: Final = ("T", r"\top", r"\intercal", r"\mathsf")


@lru_cache(maxsize=4096)
def read_expression(text: str) -> Expression:
    """The expression that ``text`` is.

    Args:
        text: As ``notation.tidy`` leaves it.

    Raises:
        UnreadError: It is none, or holds what the grammar does not know.
    """
    return Grammar(text).whole()


class Grammar(Commands):
    """Sums of products of powers."""

    def whole(self) -> Expression:
        """All of the text as one expression."""
        found = self.sum()
        if self.next is not END:
            raise UnreadError(f"{self.next.text!r} behind an expression")
        return found

    def sum(self) -> Expression:
        """Terms with plus and minus between."""
        with self.deeper():
            terms = [self.product()]
            while sign := self.accept("+", "-"):
                term = self.product()
                terms.append(term if sign == "+" else operation("*", MINUS_ONE, term))
        return operation("+", *terms) if len(terms) > 1 else terms[0]

    def product(self) -> Expression:
        """Factors with a sign or nothing between."""
        if sign := self.accept("-", "+"):
            inner = self.product()
            return inner if sign == "+" else operation("*", MINUS_ONE, inner)
        factors, under = [self.power()], list[Expression]()
        while True:
            if self.accept(*_TIMES):
                factors.append(self._signed())
            elif self.accept(*_OVER):
                under.append(self._signed())
            elif self._is_factor(self.next):
                if self.next.kind == self.ahead(-1).kind == "number":
                    raise UnreadError("a number right behind a factor")
                factors.append(self.power())
            else:
                return _quotient(factors, under)

    def _signed(self) -> Expression:
        if self.accept("-"):
            return operation("*", MINUS_ONE, self._signed())
        self.accept("+")
        return self.power()

    def _is_factor(self, token: Token) -> bool:
        if token.kind == "sign":
            return token.text in OPENINGS or (token.text == "|" and not self._in_bars)
        return token.kind in ("number", "letters") or (
            token.kind == "command" and token.text not in _NO_FACTORS
        )

    _in_bars: bool = False

    def power(self) -> Expression:
        """A factor with factorials and an exponent."""
        found = self._factorials(self._factor())
        while self.accept("^"):
            found = self._raised(found)
            found = self._factorials(found)
        return found

    def _raised(self, base: Expression) -> Expression:
        if self._accepts_degrees():
            return operation("degrees", base)
        if self._is_transposed(base):
            return operation("transpose", base)
        exponent = self.argument_of_power()
        if self.next.text == "^" and exponent.head in ("number", "name"):
            self.take()  # plain text: 2^3^2 is 2^(3^2)
            return operation("^", base, self._raised(exponent))
        return operation("^", base, exponent)

    def _accepts_degrees(self) -> bool:
        if self.accept(r"\circ"):
            return True
        if self.next.text == "{" and self.ahead(1).text == r"\circ" and self.ahead(2).text == "}":
            for _ in range(3):
                self.take()
            return True
        return False

    def _is_transposed(self, base: Expression) -> bool:
        if not base.has("matrix"):
            return False
        braced = self.next.text == "{" and self.ahead(2).text == "}"
        token = self.ahead(1) if braced else self.next
        if token.text not in _TRANSPOSES:
            return False
        for _ in range(3 if braced else 1):
            self.take()
        return True

    def _factorials(self, found: Expression) -> Expression:
        while self.accept("!"):
            found = operation("double factorial" if self.accept("!") else "factorial", found)
        return found

    def _factor(self) -> Expression:
        token = self.next
        if token.kind == "number":
            return self._number()
        if token.kind == "letters":
            return self._letters()
        if token.text == "|":
            return self._bars()
        if token.text in OPENINGS:
            return self.bracketed()
        if token.kind == "command":
            with self.deeper():
                return self.command()
        raise UnreadError(f"{token.text!r} where a factor must be")

    def _number(self) -> Expression:
        r"""A number, or the mixed number ``2\frac{1}{2}``."""
        value = number(Fraction(self.take().text))
        if self.next.text != r"\frac" or value.value.denominator != 1:
            return value
        digits = [self.ahead(count).text for count in (2, 5)]
        is_mixed = all(map(str.isdigit, digits)) and self.ahead(1).text == self.ahead(4).text == "{"
        if not is_mixed or int(digits[0]) >= int(digits[1]):
            return value
        return operation("+", value, self.command())

    def _bars(self) -> Expression:
        """An absolute value, or the determinant of a matrix."""
        self.take()
        before, self._in_bars = self._in_bars, True
        with self.deeper():
            inner = self.sum()
        self.expect("|")
        self._in_bars = before
        return operation("abs", inner)

    def bracketed(self) -> Expression:
        r"""What a bracket holds that is next; ``{n \choose k}`` is a binomial coefficient."""
        opening = self.take()
        if opening.kind == "letters":
            self.put_back(opening)
            return self._letters()
        if opening.text not in OPENINGS or opening.text == r"\{":
            raise UnreadError(f"{opening.text!r} where a bracket must be")
        before, self._in_bars = self._in_bars, False
        inner = self.sum()
        if self.accept(r"\choose"):
            inner = operation("binomial", inner, self.sum())
        self._in_bars = before
        self.expect(self.closing_of(opening.text))
        heads = {r"\lfloor": "floor", r"\lceil": "ceil"}
        return operation(heads[opening.text], inner) if opening.text in heads else inner

    def _letters(self) -> Expression:
        """A run of letters: a function or constant in plain text, or the first of several variables."""
        run = self.take().text
        if run in _WORDS and run not in self.bound:
            return self._word(run)
        split = _first_word(run)
        if split < len(run):
            self.put_back(Token("letters", run[:split]), Token("letters", run[split:]))
            return self._letters() if split > 1 else self._letter_of(self.take().text)
        return self._letter_of(run)

    def _letter_of(self, run: str) -> Expression:
        if run == "C" and self.next.text == "(" and (pair := self._pair()):
            return operation("binomial", *pair)
        if run in CONSTANTS and run not in self.bound and self.next.text != "_":
            return Expression(CONSTANTS[run])
        return self.named(run)

    def _word(self, run: str) -> Expression:
        if run in FUNCTIONS:
            return self.function(FUNCTIONS[run])
        return Expression(CONSTANTS[run]) if run in CONSTANTS else self.named(SAME_LETTER.get(run, run))

    def _pair(self) -> tuple[Expression, ...] | None:
        """The two numbers of C(5, 2); None where the bracket holds anything else."""
        digits = [self.ahead(count) for count in range(5)]
        if [token.text for token in digits[::2]] == ["(", ",", ")"]:
            return self.arguments()
        return None


def _quotient(factors: list[Expression], under: list[Expression]) -> Expression:
    """The product of factors over that of others."""
    above, *below = (operation("*", *part) if len(part) > 1 else part[0] for part in (factors, under) if part)
    return operation("/", above, *below) if below else above


def _first_word(run: str) -> int:
    """How many letters of a run are its first word or variable: ``pir`` and ``sinx`` begin with words."""
    return next((len(word) for word in LEADING if run.startswith(word)), 1)
