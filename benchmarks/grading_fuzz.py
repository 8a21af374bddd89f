r"""Look for answers that the grader misjudges: ``python benchmarks/grading_fuzz.py --count 20000``.

A generator of doubt. Each case is a gold answer made by rule, of every type that the grader knows. It is
rewritten without a change of value (order, notation, units, spacing, equivalent algebra by SymPy) and changed
in value (a sign, digit, operator, bound or unit, the order where it matters). The grader must mark the first
right and the second wrong. What it misjudges is printed, the wrong answers marked right first.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from lorr_bench.grade import grade_many

SHARE_CHANGED = 0.5
SHARE_WITHOUT_BOX = 0.15
LETTERS = "xyzabtn"


@dataclass(frozen=True, slots=True)
class Case:
    """A gold answer, with texts that are the same and texts that are not."""

    gold: str
    same: Sequence[str]
    changed: Sequence[str]


@dataclass(frozen=True, slots=True)
class Pair:
    """A gold answer and an answer, with the verdict that must be."""

    kind: str
    gold: str
    answer: str
    right: bool


def integers(rng: random.Random) -> Case:
    """Whole numbers, with separators, signs and steps off by little."""
    value = rng.choice((1, -1)) * rng.choice((rng.randint(1, 99), rng.randint(1000, 9_999_999)))
    commas = f"{value:,}"
    same = [
        commas,
        commas.replace(",", "{,}"),
        commas.replace(",", r"\,"),
        f"{value}.0",
        rf"\text{{{value}}}",
        f"x = {value}",
    ]
    return Case(
        str(value),
        [*same, f"0{value}" if value > 0 else str(value)],
        [str(-value), str(value + 1), f"{value}0", f"{value}.5"],
    )


def decimals(rng: random.Random) -> Case:
    """Decimals, as fractions and in scientific notation."""
    digits, places = rng.randint(1, 9999) * 10 + rng.randint(1, 9), rng.randint(1, 3)
    value = Fraction(digits, 10**places)
    text = f"{digits / 10**places:.{places}f}"
    power = len(str(digits)) - 1 - places
    mantissa = f"{str(digits)[0]}.{str(digits)[1:]}"
    same = [
        f"{text}0",
        rf"\frac{{{value.numerator}}}{{{value.denominator}}}",
        rf"{mantissa} \times 10^{{{power}}}",
        rf"{text}\,",
    ]
    changed = [
        f"-{text}",
        text.replace(".", "") + "1",
        rf"{mantissa} \times 10^{{{power + 1}}}",
        f"{float(value) * 1.3:.{places}f}",
    ]
    return Case(text, same, changed)


def fractions(rng: random.Random) -> Case:
    """Fractions in lowest terms or not, mixed, turned over."""
    low = rng.randint(3, 60)
    top = rng.choice([n for n in range(1, 90) if Fraction(n, low).denominator > 1 and n != low])
    value = Fraction(top, low)
    same = [
        rf"\dfrac{{{top}}}{{{low}}}",
        f"{top}/{low}",
        rf"\frac{{{3 * top}}}{{{3 * low}}}",
        rf"\frac{{-{top}}}{{-{low}}}",
    ]
    if value > 1:
        whole = top // low
        same += [
            rf"{whole}\frac{{{top - whole * low}}}{{{low}}}",
            rf"{whole} + \frac{{{top - whole * low}}}{{{low}}}",
        ]
    changed = [
        rf"\frac{{{low}}}{{{top}}}",
        rf"-\frac{{{top}}}{{{low}}}",
        rf"\frac{{{top + 1}}}{{{low}}}",
        str(top),
        f"{top}{low}",
    ]
    return Case(rf"\frac{{{top}}}{{{low}}}", same, changed)


def percents(rng: random.Random) -> Case:
    """Percentages, with and without their sign."""
    value = rng.randint(2, 98)
    same = [f"{value}%", rf"{value} \%", rf"{value}\text{{ percent}}", f"0.{value:02d}", str(value)]
    return Case(rf"{value}\%", same, [rf"{value + 1}\%", rf"{value}0\%", rf"0.{value:02d}\%", rf"-{value}\%"])


def money(rng: random.Random) -> Case:
    """Dollars and cents."""
    dollars, cents = rng.randint(2, 5000), rng.randint(1, 99)
    text = f"{dollars}.{cents:02d}"
    same = [
        rf"\${dollars:,}.{cents:02d}",
        rf"{text}\text{{ dollars}}",
        rf"{dollars}{cents:02d}\text{{ cents}}",
        text,
    ]
    return Case(
        rf"\${text}",
        same,
        [rf"\${dollars + 1}.{cents:02d}", rf"{text}\text{{ cents}}", f"€{text}", rf"-\${text}"],
    )


UNITS = (
    ("km", "m", 1000),
    ("m", "cm", 100),
    ("kg", "g", 1000),
    ("hours", "minutes", 60),
    ("L", "mL", 1000),
    ("ft", "in", 12),
)


def measures(rng: random.Random) -> Case:
    """Numbers with units that can be converted."""
    large, small, factor = rng.choice(UNITS)
    value = rng.randint(2, 90)
    other = rng.choice([unit for pair in UNITS for unit in pair[:2] if unit not in (large, small)])
    same = [
        str(value),
        rf"{value} \mathrm{{~{large}}}",
        f"{value} {large}",
        rf"{value * factor}\text{{ {small}}}",
    ]
    changed = [
        rf"{value}\text{{ {small}}}",
        rf"{value}\text{{ {other}}}",
        rf"{value + 1}\text{{ {large}}}",
        rf"{value}\text{{ {large}}}^2",
    ]
    return Case(rf"{value}\text{{ {large}}}", same, changed)


SCALES = (("hundred", 100), ("thousand", 1000), ("million", 10**6), ("billion", 10**9), ("dozen", 12))


def scaled(rng: random.Random) -> Case:
    """Numbers with a word that scales them, and with words that make them another thing."""
    word, factor = rng.choice(SCALES)
    value = rng.randint(2, 60)
    phrase = rng.choice(
        ("or more", "or less", "at most", "squared", "halves", "remainder 1", "to 90", "and above")
    )
    same = [rf"{value}\text{{ {word}}}", f"{value} {word}", f"{value * factor:,}", rf"{value} {word} people"]
    changed = [
        str(value),
        rf"{value + 1}\text{{ {word}}}",
        rf"{value * factor}\text{{ {phrase}}}",
        f"at least {value * factor}",
    ]
    return Case(str(value * factor), same, changed)


def radicals(rng: random.Random) -> Case:
    """Multiples of roots and of pi."""
    a, b = rng.randint(2, 15), rng.choice((2, 3, 5, 6, 7, 10, 11))
    if rng.random() < 0.5:
        same = [
            rf"{a} \sqrt {b}",
            rf"{a} \cdot \sqrt{{{b}}}",
            rf"\sqrt{{{a * a * b}}}",
            f"{a}*sqrt({b})",
            f"{a}√{b}",
            rf"\frac{{{a * b}}}{{\sqrt{{{b}}}}}",
        ]
        changed = [
            rf"{a}\sqrt{{{b + 1}}}",
            rf"{a + 1}\sqrt{{{b}}}",
            rf"-{a}\sqrt{{{b}}}",
            rf"{a}\sqrt[3]{{{b}}}",
            rf"{b}\sqrt{{{a}}}" if a != b else "1",
            str(a),
        ]
        return Case(rf"{a}\sqrt{{{b}}}", same, changed)
    same = [rf"{a} \pi", f"{a}*pi", f"{a}π", f"{a}pi", rf"\frac{{{2 * a}\pi}}{{2}}", rf"\pi \cdot {a}"]
    return Case(
        rf"{a}\pi", same, [str(a), rf"{a + 1}\pi", rf"{a}\pi^2", rf"\frac{{\pi}}{{{a}}}", f"{a * 3.14:.2f}"]
    )


@lru_cache(maxsize=1)
def _sympy() -> Any:
    import sympy

    return sympy


def polynomials(rng: random.Random) -> Case:
    """Polynomials: expanded, factored, in another order, with a coefficient, sign or exponent changed."""
    sp = _sympy()
    x = sp.Symbol(rng.choice(LETTERS))
    roots = [rng.randint(-6, 6) for _ in range(rng.randint(2, 3))]
    lead = rng.choice((1, 1, 2, 3, -1))
    value = lead * sp.prod([x - root for root in roots])
    expanded = sp.expand(value)
    terms = list(expanded.as_ordered_terms())
    shuffled = " + ".join(f"({sp.latex(term)})" for term in rng.sample(terms, len(terms)))
    plain = str(expanded)
    same = [
        sp.latex(sp.factor(expanded)),
        shuffled,
        plain,
        plain.replace("**", "^"),
        sp.latex(sp.horner(expanded)),
    ]
    changed = [
        sp.latex(expanded + 1),
        sp.latex(-expanded),
        sp.latex(expanded - 2 * terms[0]),
        sp.latex(expanded.subs(x, x + 1)),
        sp.latex(expanded * x),
    ]
    return Case(sp.latex(expanded), same, [text for text in changed if text != sp.latex(expanded)])


def quotients(rng: random.Random) -> Case:
    """Rational functions of one or two variables."""
    sp = _sympy()
    x, y = sp.symbols(rng.sample(LETTERS, 2))
    a, b, c = (rng.randint(1, 9) for _ in range(3))
    b += a * c == b  # or it is a constant
    value = (a * x + b) / (x + c) if rng.random() < 0.5 else a / x + b / y
    same = [
        sp.latex(sp.together(value)),
        sp.latex(sp.apart(value, x)),
        str(value),
        sp.latex(sp.factor(value)),
    ]
    changed = [sp.latex(1 / value), sp.latex(-value), sp.latex(value + x), sp.latex(value.subs(x, 2 * x))]
    return Case(sp.latex(value), same, changed)


def trigonometry(rng: random.Random) -> Case:
    """Identities of angles, and one function put for another."""
    sp = _sympy()
    x = sp.Symbol(rng.choice(("x", "t", r"\theta")))
    a = rng.randint(2, 9)
    return rng.choice(
        (
            Case(
                sp.latex(a * sp.sin(2 * x)),
                [rf"{2 * a}\sin {x}\cos {x}", rf"{a} \cdot 2\sin({x})\cos({x})"],
                [rf"{2 * a}\sin {x}", rf"{a}\cos 2{x}", rf"-{a}\sin 2{x}", rf"{a}\sin {x}"],
            ),
            Case(
                rf"\cos^2 {x} + {a}",
                [rf"{a + 1} - \sin^2 {x}", rf"\frac{{1 + \cos 2{x}}}{{2}} + {a}"],
                [rf"\cos {x}^2 + {a}", rf"\sin^2 {x} + {a}", rf"\cos^2 {x} - {a}"],
            ),
            Case(
                rf"\tan {x}",
                [rf"\frac{{\sin {x}}}{{\cos {x}}}", rf"\frac{{1}}{{\cot {x}}}"],
                [rf"\cot {x}", rf"-\tan {x}", rf"\tan^2 {x}", rf"\tan {a}{x}"],
            ),
            Case(
                rf"\sin {a * 7}^\circ",
                [rf"\cos {90 - a * 7}^\circ", rf"\sin({a * 7}^{{\circ}})"],
                [rf"\cos {a * 7}^\circ", rf"\sin {a * 7 + 1}^\circ", rf"\sin {a * 7}"],
            ),
        )
    )


def logarithms(rng: random.Random) -> Case:
    """Powers and logarithms of positive quantities."""
    a, b = rng.randint(2, 9), rng.choice((2, 3, 5, 7))
    n = rng.choice("nxk")
    return rng.choice(
        (
            Case(
                rf"\ln {a * b}",
                [rf"\ln {a} + \ln {b}", f"ln({a * b})", rf"\log_e {a * b}"],
                [rf"\ln {a} \cdot \ln {b}", rf"\ln {a + b + 1}", rf"\log_{{2}} {a * b}"],
            ),
            Case(
                rf"\log_{{{b}}} {b**3 + a}",
                [rf"\frac{{\ln {b**3 + a}}}{{\ln {b}}}"],
                [rf"\log_{{{b**3 + a}}} {b}", rf"\log_{{{b + 1}}} {b**3 + a}"],
            ),
            Case(
                rf"{b**2}^{n}",
                [rf"{b}^{{2{n}}}", rf"({b}^{n})^2", rf"{b}^{n} \cdot {b}^{n}"],
                [rf"{b}^{{{n}+2}}", rf"2 \cdot {b}^{n}", rf"{b**2}^{{-{n}}}"],
            ),
            Case(
                rf"e^{{-{a}{n}}}",
                [rf"\frac{{1}}{{e^{{{a}{n}}}}}", rf"\exp(-{a}{n})", rf"\mathrm{{e}}^{{-{a}{n}}}"],
                [rf"e^{{{a}{n}}}", rf"-e^{{{a}{n}}}", rf"e^{{-{a + 1}{n}}}"],
            ),
            Case(
                rf"\sqrt{{\frac{{{n}}}{{{a}}}}}",
                [rf"\frac{{\sqrt {n}}}{{\sqrt {a}}}", rf"\left(\frac{{{n}}}{{{a}}}\right)^{{1/2}}"],
                [rf"\frac{{\sqrt {n}}}{{{a}}}", rf"\sqrt{{\frac{{{a}}}{{{n}}}}}"],
            ),
        )
    )


def complexes(rng: random.Random) -> Case:
    """Complex numbers."""
    a, b = rng.randint(1, 30), rng.randint(2, 30)
    same = [
        f"{b}i + {a}",
        rf"{a} + {b}\mathrm{{i}}",
        rf"{a} + {b} \cdot i",
        rf"{a}+i{b}",
        f"{a} + {b}*i",
        f"{a}.0+{b}.0i",
    ]
    return Case(
        f"{a} + {b}i",
        same,
        [f"{a} - {b}i", f"{b} + {a}i" if a != b else "i", f"-{a} + {b}i", f"{a + b}i", f"{a} + {b}"],
    )


def tuples(rng: random.Random) -> Case:
    """Points, which have an order."""
    values = rng.sample(range(-20, 40), rng.choice((2, 3)))
    inner = ", ".join(map(str, values))
    names = "xyz"[: len(values)]
    rows = r" \\ ".join(map(str, values))
    same = [
        rf"\left({inner}\right)",
        f"({inner.replace(' ', '')})",
        ", ".join(f"{n} = {v}" for n, v in zip(names, values, strict=True)),
        rf"\begin{{pmatrix}}{rows}\end{{pmatrix}}",
        inner,
    ]
    swapped = [values[1], values[0], *values[2:]]
    changed = [
        f"({', '.join(map(str, swapped))})",
        f"({', '.join(map(str, values[:-1] + [values[-1] + 1]))})",
        f"({inner}, 0)",
        f"[{inner})" if len(values) == 2 else "(1, 1)",
    ]
    return Case(f"({inner})", same, changed)


def lists(rng: random.Random) -> Case:
    """Lists and sets of solutions, which have none."""
    values = rng.sample(range(-30, 60), rng.randint(2, 4))
    gold = ", ".join(map(str, values))
    other = ", ".join(map(str, rng.sample(values, len(values))))
    same = [
        other,
        other.replace(", ", r" \text{ and } "),
        rf"\{{{other}\}}",
        "; ".join(map(str, values)),
        ", ".join(f"x = {value}" for value in values),
    ]
    changed = [
        ", ".join(map(str, values[:-1])),
        f"{gold}, 99",
        ", ".join(map(str, [*values[:-1], values[-1] + 1])),
        ", ".join(map(str, [*values[:-1], values[0]])),
    ]
    return Case(gold, same, changed)


def intervals(rng: random.Random) -> Case:
    """Intervals against inequalities; which ends belong to them."""
    low, high = sorted(rng.sample(range(-30, 60), 2))
    opening, closing = rng.choice("(["), rng.choice(")]")
    left, right = (r"\le" if opening == "[" else "<"), (r"\le" if closing == "]" else "<")
    gold = rf"x \in {opening}{low}, {high}{closing}"
    same = [
        f"{opening}{low},{high}{closing}",
        rf"{low} {left} x {right} {high}",
        rf"x {'>=' if opening == '[' else '>'} {low} \text{{ and }} x {right} {high}",
        rf"\left{opening}{low},{high}\right{closing}",
    ]
    other = "[" if opening == "(" else "("
    changed = [
        f"{other}{low}, {high}{closing}",
        f"{opening}{low}, {high + 1}{closing}",
        rf"{low} {left} x",
        rf"x {'>=' if opening == '[' else '>'} {low} \text{{ or }} x {right} {high}",
        f"{opening}{low - 1},{high}{closing}",
    ]
    return Case(gold, same, changed)


def unions(rng: random.Random) -> Case:
    """Unions of intervals, and what is left out."""
    low, high = sorted(rng.sample(range(-30, 60), 2))
    gold = rf"(-\infty, {low}) \cup [{high}, \infty)"
    same = [
        rf"[{high}, \infty) \cup (-\infty, {low})",
        rf"x < {low} \text{{ or }} x \ge {high}",
        rf"x \ge {high} \lor x < {low}",
    ]
    changed = [
        rf"(-\infty, {low}] \cup [{high}, \infty)",
        rf"x < {low} \text{{ and }} x \ge {high}",
        rf"[{low}, {high})",
        rf"(-\infty, {low}) \cap [{high}, \infty)",
        rf"(-\infty, {low}) \cup [{high + 1}, \infty)",
    ]
    return Case(gold, same, changed)


def inequalities(rng: random.Random) -> Case:
    """Inequalities, turned and scaled."""
    name, bound, factor = rng.choice(LETTERS), rng.randint(2, 40), rng.randint(2, 5)
    same = [
        rf"{bound} \le {name}",
        rf"{factor}{name} \geq {factor * bound}",
        rf"[{bound}, \infty)",
        rf"-{name} \le -{bound}",
        f"{name} >= {bound}",
    ]
    return Case(
        rf"{name} \ge {bound}",
        same,
        [
            rf"{name} > {bound}",
            rf"{name} \le {bound}",
            rf"{name} \ge -{bound}",
            rf"{name} \ge {bound + 1}",
            str(bound),
            f"{name} = {bound}",
        ],
    )


def equations(rng: random.Random) -> Case:
    """Lines and circles in several forms; values that no equation tells."""
    a, b = rng.randint(2, 9), rng.randint(1, 9)
    if rng.random() < 0.5:
        same = [
            f"{a}x - y + {b} = 0",
            f"y - {b} = {a}x",
            f"f(x) = {a}x + {b}",
            f"{2 * a}x - 2y = -{2 * b}",
            f"y = {b} + {a}x",
            f"{a}x + {b}",
        ]
        return Case(
            f"y = {a}x + {b}",
            same,
            [
                f"y = {a}x - {b}",
                f"x = {a}y + {b}",
                f"y = {b}x + {a}" if a != b else "y = x",
                f"{a}x + y + {b} = 0",
                str(b),
                f"y = {a}x",
            ],
        )
    same = [f"x = {a}", f"{a} = x", rf"\text{{Total}} = {a}", f"m + n = {a}", f"x = {a - 1} + 1"]
    return Case(
        str(a),
        same,
        [
            f"x + {b} = {a}",
            f"{b + 1}x = {a}",
            f"|x| = {a}",
            f"x > {a}",
            f"{b}x + {b + 1}y = {a}",
            f"x = -{a}",
        ],
    )


def matrices(rng: random.Random) -> Case:
    """Matrices: multiples, sums, transposes."""
    cells = [rng.randint(-9, 9) for _ in range(4)]
    while cells[1] == cells[2] or not any(cells):
        cells = [rng.randint(-9, 9) for _ in range(4)]

    def matrix(*entries: object, kind: str = "pmatrix") -> str:
        return rf"\begin{{{kind}}} {entries[0]} & {entries[1]} \\ {entries[2]} & {entries[3]} \end{{{kind}}}"

    twice = [2 * cell for cell in cells]
    same = [
        matrix(*twice, kind="bmatrix"),
        rf"2{matrix(*cells)}",
        rf"{matrix(*cells)} + {matrix(*cells)}",
        rf"{matrix(twice[0], twice[2], twice[1], twice[3])}^T",
        matrix(*(f"{cell}.0" for cell in twice)),
    ]
    changed = [
        matrix(*cells),
        matrix(twice[0], twice[2], twice[1], twice[3]),
        matrix(*twice[:3], twice[3] + 1),
        rf"-{matrix(*twice)}",
        rf"3{matrix(*cells)}",
    ]
    return Case(matrix(*twice), same, changed)


def ratios(rng: random.Random) -> Case:
    """Ratios, which are kept by a common factor."""
    a, b = rng.sample((2, 3, 5, 7, 11), 2)
    k = rng.randint(2, 6)
    return Case(
        f"{a}:{b}",
        [f"{k * a}:{k * b}", rf"{a} : {b}", rf"{a} \text{{ to }} {b}", rf"\frac{{{a}}}{{{b}}}"],
        [f"{b}:{a}", f"{a}:{b + 1}", f"{a}{b}", f"{a}:{b}:{k}", str(a)],
    )


def numerals(rng: random.Random) -> Case:
    """Numerals of another base."""
    base = rng.randint(3, 9)
    digits = str(rng.randint(1, base - 1)) + "".join(
        str(rng.randint(0, base - 1)) for _ in range(rng.randint(2, 4))
    )
    names = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    same = [rf"{digits}_{{{base}}}", rf"{digits}_{{\text{{{names[base]}}}}}", digits, f"({digits})_{base}"]
    other = str(int(digits) + 1) if int(digits[-1]) < base - 1 else str(int(digits) - 1)
    return Case(
        f"{digits}_{base}", same, [f"{digits}_{{{base + 1}}}", f"{other}_{base}", other, f"{digits}0_{base}"]
    )


def indices(rng: random.Random) -> Case:
    """Names with subscripts and primes."""
    letter, index = rng.choice("aSxFT"), rng.randint(1, 9)
    return Case(
        rf"{letter}_{index} + 1",
        [rf"1 + {letter}_{{{index}}}", rf"{letter}_{{{index}}}+1"],
        [
            rf"{letter}_{index + 1} + 1",
            rf"{letter} + 1",
            rf"{letter}'_{index} + 1",
            rf"{letter}_{{{index}n}} + 1",
        ],
    )


def congruences(rng: random.Random) -> Case:
    """Congruences."""
    modulus = rng.randint(3, 15)
    left = rng.randint(1, modulus - 1)
    same = [
        rf"n \equiv {left + modulus} \pmod{{{modulus}}}",
        rf"n\equiv {left} (\bmod {modulus})",
        rf"n \equiv {left} \pmod {modulus}",
    ]
    return Case(
        rf"n \equiv {left} \pmod{{{modulus}}}",
        same,
        [
            rf"n \equiv {left + 1} \pmod{{{modulus}}}",
            rf"n \equiv {left} \pmod{{{modulus + 1}}}",
            rf"m \equiv {left} \pmod{{{modulus}}}",
            str(left),
        ],
    )


def sums(rng: random.Random) -> Case:
    """Sums, products and integrals, with their closed forms."""
    a = rng.randint(2, 6)
    return rng.choice(
        (
            Case(
                r"\sum_{k=1}^{n} k",
                [r"\frac{n(n+1)}{2}", r"\sum_{j=1}^{n} j", r"\sum\limits_{k=1}^n k", r"\binom{n+1}{2}"],
                [
                    r"\sum_{k=1}^{n} k^2",
                    "1",
                    "n",
                    r"\sum_{k=1}^{n+1} k",
                    r"\prod_{k=1}^{n} k",
                    r"\sum_{k=2}^{n} k",
                ],
            ),
            Case(
                rf"\int_0^{a} x^2\,dx",
                [rf"\frac{{{a**3}}}{{3}}", rf"\int_{{0}}^{{{a}}} t^2\,dt"],
                [rf"\int_0^{a} x^3\,dx", rf"\int_1^{a} x^2\,dx", str(a), "0"],
            ),
            Case(
                rf"\sum_{{k=0}}^{{\infty}} \frac{{1}}{{{a + 1}^k}}",
                [rf"\frac{{{a + 1}}}{{{a}}}"],
                [
                    rf"\frac{{{a}}}{{{a + 1}}}",
                    rf"\sum_{{k=1}}^{{\infty}} \frac{{1}}{{{a + 1}^k}}",
                    "0",
                    r"\infty",
                ],
            ),
            Case(
                rf"\prod_{{i=1}}^{{n}} (1 + {a}x_i)",
                [rf"\prod_{{j=1}}^{{n}} ({a}x_j + 1)"],
                [
                    rf"\prod_{{i=1}}^{{n}} (1 - {a}x_i)",
                    rf"\sum_{{i=1}}^{{n}} (1 + {a}x_i)",
                    rf"\prod_{{i=1}}^{{n}} (1 + {a}y_i)",
                ],
            ),
        )
    )


def choices(rng: random.Random) -> Case:
    """Letters of choices."""
    letter, other = rng.sample("ABCDEFGHIJ", 2)
    same = [
        rf"\text{{({letter})}}",
        f"({letter}) {rng.randint(2, 99)}",
        f"{letter}. text",
        rf"\text{{Option {letter}}}",
        letter.lower(),
    ]
    return Case(
        letter, same, [other, f"({other}) not {letter}", f"{letter} and {other}", rf"\text{{Option {other}}}"]
    )


def prose(rng: random.Random) -> Case:
    """Choices told in sentences, with what is denied, left open, or only listed."""
    letter, other = rng.sample("ABCDEFGHIJ", 2)
    small, value = letter.lower(), rng.randint(2, 99)
    same = [
        f"The closest option is ({letter}).",
        f"That makes {value}, which corresponds to option {letter}.",
        rf"We get $\boxed{{{value}}}$. The answer is ({letter}).",
        f"({other}) is incorrect because it is too large. ({letter}) is the correct answer.",
        f"The answer is ({other}) is wrong, as we saw. So the answer is ({letter}).",
        f"With all of it in hand we get\n({letter})",
        f"What is left is option {letter}.",
    ]
    changed = [
        f"The answer is ({letter}) or ({other}).",
        f"Both may hold, so the answer is {other} and {letter}.",
        f"The answer is ({letter}) is incorrect, as it is too large.",
        f"The answer is not ({letter}).",
        f"({letter}) is true, and ({other}) is true as well.",
        f"Option ({letter}) has two of them. Option ({other}) has none.",
        f"Option {letter} could not be it, whatever we try.",
        rf"We get $\boxed{{{value}}}$. The answer is ({other}).",
        f"{other.lower()}) The first is {value}.\n{small}) The second is less than",
        f"The rule for the sum is known.\n{letter}(t) = {value}t",
        f"We choose ({other}) rather than option {letter}.",
    ]
    return Case(letter, same, changed)


def denied(rng: random.Random) -> Case:
    """Numbers told in sentences, with what is denied."""
    value, other = rng.sample(range(2, 99), 2)
    same = [
        f"The answer is {other} is wrong. The answer is {value}.",
        f"The answer is not {other} but {value}.",
        rf"$\boxed{{{other}}}$ is incorrect, so the answer is {value}.",
        f"The answer is {value}, which is not divisible by {other}.",
        rf"We get $\boxed{{{value}}}$, since {other} is not allowed.",
    ]
    changed = [
        f"The answer is {value} is wrong, as we saw.",
        f"The answer is {value}, which is not right.",
        f"The answer is not {value}.",
        f"It can't be {value}.",
        f"The answer is not {value} but {other}.",
        rf"\(\boxed{{{value}}}\) is incorrect.",
        rf"Not $\boxed{{{value}}}$: the answer is {other}.",
    ]
    return Case(str(value), same, changed)


def repetends(rng: random.Random) -> Case:
    """Repeating decimals."""
    again, low = rng.randint(1, 98), 99
    value = Fraction(again, low)
    block = f"{again:02d}"
    same = [
        rf"\frac{{{again}}}{{{low}}}",
        rf"0.{block * 3}\ldots",
        rf"0.\overline{{{block * 2}}}",
        rf"0.({block})",
        f"{value.numerator}/{value.denominator}",
    ]
    changed = [
        f"0.{block}",
        rf"0.0\overline{{{block}}}",
        rf"0.\overline{{{(again % 98) + 1:02d}}}",
        rf"-0.\overline{{{block}}}",
    ]
    return Case(rf"0.\overline{{{block}}}", same, changed if again % 11 else changed[1:])


def factorials(rng: random.Random) -> Case:
    """Factorials and binomial coefficients."""
    n = rng.randint(5, 12)
    k = rng.randint(2, n - 3)
    sp = _sympy()
    same = [
        str(sp.binomial(n, k)),
        rf"\binom{{{n}}}{{{n - k}}}",
        rf"\frac{{{n}!}}{{{k}!\,{n - k}!}}",
        rf"{{{n} \choose {k}}}",
        f"C({n},{k})",
    ]
    changed = [
        rf"\binom{{{n + 1}}}{{{k}}}",
        rf"\binom{{{n}}}{{{k - 1}}}" if 2 * k != n + 1 else "1",
        str(sp.binomial(n, k) + 1),
        rf"{n}!",
    ]
    return Case(rf"\binom{{{n}}}{{{k}}}", same, changed)


def times(rng: random.Random) -> Case:
    """Times of day and durations."""
    hour, minute = rng.randint(1, 11), rng.randint(10, 59)
    if rng.random() < 0.5:
        same = [
            rf"{hour}:{minute} \text{{ p.m.}}",
            f"{hour}:{minute} PM",
            rf"{hour}{{:}}{minute}\text{{ pm}}",
        ]
        return Case(
            rf"{hour}:{minute}\text{{ pm}}",
            same,
            [rf"{hour}:{minute}\text{{ am}}", rf"{hour + 1}:{minute}\text{{ pm}}", f"{hour}:{minute - 1} pm"],
        )
    total = 60 * hour + minute
    same = [
        f"{hour} hours {minute} minutes",
        rf"{hour}\text{{ h }} {minute}\text{{ min}}",
        rf"\frac{{{total}}}{{60}} \text{{ hours}}",
    ]
    return Case(
        rf"{total}\text{{ minutes}}",
        same,
        [
            f"{hour} hours {minute + 1} minutes",
            rf"{total}\text{{ hours}}",
            f"{minute} hours {hour} minutes" if minute != hour else "1",
        ],
    )


def absolutes(rng: random.Random) -> Case:
    """Absolute values, floors and roots of squares."""
    x, a = rng.choice(LETTERS), rng.randint(1, 9)
    return rng.choice(
        (
            Case(
                rf"|{x} - {a}|",
                [rf"|{a} - {x}|", rf"\left|{x}-{a}\right|", rf"\sqrt{{({x} - {a})^2}}", f"abs({x}-{a})"],
                [f"{x} - {a}", f"{a} - {x}", rf"|{x} + {a}|", rf"-|{x} - {a}|"],
            ),
            Case(
                rf"\lfloor {x} \rfloor",
                [f"floor({x})", rf"\left\lfloor {x} \right\rfloor"],
                [rf"\lceil {x} \rceil", x, rf"\lfloor {x} \rfloor + 1", rf"|{x}|"],
            ),
        )
    )


def named_sets(rng: random.Random) -> Case:
    """Sets with names, and sets of sets."""
    a, b = rng.sample("ABCDST", 2)
    return rng.choice(
        (
            Case(rf"{a} \cup {b}", [rf"{b} \cup {a}"], [rf"{a} \cap {b}", rf"{a} \setminus {b}", a]),
            Case(
                rf"{a} \setminus {b}",
                [rf"{a} \backslash {b}" if False else rf"{a}\setminus {b}"],
                [rf"{b} \setminus {a}", rf"{a} \cup {b}"],
            ),
            Case(r"\{\emptyset\}", [r"\{ \varnothing \}", r"\{\{\}\}"], [r"\emptyset", r"\{\}", r"\{0\}"]),
        )
    )


def vectors(rng: random.Random) -> Case:
    """Vectors in several notations."""
    a, b, c = (rng.choice((-1, 1)) * rng.randint(2, 12) for _ in range(3))
    units = rf"{a}\mathbf{{i}} + ({b})\mathbf{{j}} + ({c})\mathbf{{k}}"
    same = [
        units,
        rf"({a}, {b}, {c})",
        rf"\begin{{pmatrix}} {a} \\ {b} \\ {c} \end{{pmatrix}}",
        rf"({a}, {b}, {c})^T",
        rf"-\begin{{pmatrix}} {-a} \\ {-b} \\ {-c} \end{{pmatrix}}",
    ]
    changed = [
        rf"\langle {a}, {b}, {-c} \rangle",
        units.replace("\\mathbf{k}", "\\mathbf{j}").replace("+ (", "- (", 1),
        rf"({a}, {b})",
        rf"\langle {2 * a}, {2 * b}, {2 * c} \rangle",
    ]
    return Case(rf"\langle {a}, {b}, {c} \rangle", same, changed)


WORDS = ("even", "odd", "isosceles", "Monday", "convergent", "Evelyn", "ellipse", "no solution")


def words(rng: random.Random) -> Case:
    """Words."""
    word, other = rng.sample(WORDS, 2)
    return Case(
        rf"\text{{{word}}}",
        [word, rf"\textbf{{{word}}}", word.upper(), f"{word}."],
        [
            other,
            rf"\text{{not {word}}}",
            rf"\text{{{word} or {other}}}",
            f"{word}s" if word != "no solution" else other,
        ],
    )


def statements(rng: random.Random) -> Case:
    """Conditions joined by "and" or "or"."""
    a, b = rng.randint(1, 9), rng.randint(1, 9)
    gold, word = rng.choice(
        ((rf"x > {a} \text{{ and }} y < {b}", "and"), (rf"x > {a} \text{{ or }} y < {b}", "or"))
    )
    other = "or" if word == "and" else "and"
    sign, wrong = (r"\land", r"\lor") if word == "and" else (r"\lor", r"\land")
    return Case(
        gold,
        [rf"y < {b} \text{{ {word} }} x > {a}", rf"x > {a} {sign} y < {b}"],
        [
            rf"x > {a} \text{{ {other} }} y < {b}",
            rf"x > {a} {wrong} y < {b}",
            rf"x > {a}",
            rf"x < {a} \text{{ {word} }} y < {b}",
        ],
    )


KINDS: dict[str, Callable[[random.Random], Case]] = {
    maker.__name__: maker
    for maker in (
        *(integers, decimals, fractions, percents, money, measures, scaled, radicals, polynomials, quotients),
        *(
            trigonometry,
            logarithms,
            complexes,
            tuples,
            lists,
            intervals,
            unions,
            inequalities,
            equations,
            matrices,
        ),
        *(ratios, numerals, indices, congruences, sums, choices, prose, denied, words, statements, repetends),
        *(factorials, times, absolutes, named_sets, vectors),
    )
}
SOLUTIONS = (
    "So the answer is $\\boxed{{{}}}$.",
    "We check each case.\n\n\\[\\boxed{{{}}}\\]",
    "**Answer:** \\(\\boxed{{{}}}\\)",
    "Therefore \\boxed{{{}}}",
)
IN_SENTENCES = ("prose", "denied")
"""Kinds whose texts are the whole answer."""
WITHOUT_BOX = (
    "The answer is ${}$.",
    "After some work we see that the final answer is:\n\n$${}$$",
    "<answer>{}</answer>",
)


def pairs(count: int, seed: int) -> Iterator[Pair]:
    """Pairs of every kind in turn, the same for the same seed."""
    rng = random.Random(seed)
    kinds = list(KINDS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        case = KINDS[kind](rng)
        right = rng.random() >= SHARE_CHANGED
        text = rng.choice(
            [text for text in (case.same if right else case.changed) if text != case.gold] or [case.gold]
        )
        boxed = rng.random() >= SHARE_WITHOUT_BOX or kind == "words"
        frames: Sequence[str] = SOLUTIONS if boxed else WITHOUT_BOX
        if kind in IN_SENTENCES:
            frames = ("{}",)
        yield Pair(kind, case.gold, rng.choice(frames).format(text), right)


def misjudged(items: Sequence[Pair]) -> list[tuple[Pair, str | None]]:
    """Those whose verdict is not what it must be, with what was found in the answer."""
    verdicts = grade_many([(pair.gold, pair.answer) for pair in items])
    return [
        (pair, verdict.extracted)
        for pair, verdict in zip(items, verdicts, strict=True)
        if verdict.correct != pair.right
    ]


def print_table(items: Sequence[Pair], wrong: Sequence[tuple[Pair, str | None]]) -> None:
    """For each kind: how many of both sorts, and how many of each are misjudged."""
    counts = Counter((pair.kind, pair.right) for pair in items)
    errors = Counter((pair.kind, pair.right) for pair, _ in wrong)
    print("| kind | unchanged | marked wrong | changed | marked right |\n|---|---|---|---|---|")
    for kind in KINDS:
        row = " | ".join(f"{counts[kind, right]:,} | {errors[kind, right]:,}" for right in (True, False))
        print(f"| {kind} | {row} |")
    totals = [
        sum(n for (_, r), n in table.items() if r is right)
        for right in (True, False)
        for table in (counts, errors)
    ]
    print(f"| **all** | {totals[0]:,} | {totals[1]:,} | {totals[2]:,} | {totals[3]:,} |")


def main() -> None:
    """Print the table and what was misjudged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000, help="pairs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=list(KINDS), help="only this one")
    parser.add_argument("--show", type=int, default=60, help="how many misjudged pairs are printed")
    arguments = parser.parse_args()
    items = [pair for pair in pairs(arguments.count, arguments.seed) if arguments.kind in (None, pair.kind)]
    began = time.perf_counter()
    wrong = misjudged(items)
    print(f"{len(items):,} pairs in {time.perf_counter() - began:.1f} s, seed {arguments.seed}\n")
    print_table(items, wrong)
    print()
    for pair, extracted in sorted(wrong, key=lambda one: (one[0].right, one[0].kind))[: arguments.show]:
        print(
            "marked wrong" if pair.right else "MARKED RIGHT", pair.kind, pair.gold, "|", extracted, sep="  "
        )


if __name__ == "__main__":
    main()
