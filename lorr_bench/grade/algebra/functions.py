"""Functions and constants: how they are written, and how they are evaluated."""

from __future__ import annotations

from typing import Final

FUNCTIONS: Final = {
    **{name: name for name in ("sin", "cos", "tan", "cot", "sec", "csc")},
    **{f"arc{name}": f"arc{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc")},
    **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan")},
    **{name: name for name in ("sinh", "cosh", "tanh", "coth", "sech", "csch")},
    **{"arsinh": "arcsinh", "arcosh": "arccosh", "artanh": "arctanh"},
    **{f"arc{name}": f"arc{name}" for name in ("sinh", "cosh", "tanh")},
    **{"tg": "tan", "ctg": "cot", "cosec": "csc", "arctg": "arctan", "arcctg": "arccot"},
    **{"ln": "ln", "log": "log", "lg": "lg", "exp": "exp"},
    **{"sqrt": "sqrt", "cbrt": "cbrt", "abs": "abs", "floor": "floor", "ceil": "ceil"},
    **{"det": "det", "gcd": "gcd", "lcm": "lcm", "max": "max", "min": "min", "sgn": "sgn", "sign": "sgn"},
    **{"Re": "Re", "Im": "Im", "binom": "binomial"},
}
"""By how they are written, with a backslash or without."""

WITH_BRACKETS: Final = frozenset(
    {
        "sqrt",
        "cbrt",
        "abs",
        "floor",
        "ceil",
        "det",
        "gcd",
        "lcm",
        "max",
        "min",
        "sgn",
        "Re",
        "Im",
        "exp",
        "binomial",
    }
)
"""Those whose argument must be in brackets or braces."""

LEADING: Final = ("sin", "cos", "tan", "ln", "log", "pi")
"""Words that are written without a space before a variable."""

INVERSES: Final = {
    name: f"arc{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")
}

GREEK: Final = frozenset(
    word
    for line in (
        "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu",
        "nu xi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi",
        "Sigma Upsilon Phi Psi Omega ell hbar",
    )
    for word in line.split()
)
CONSTANTS: Final = {
    "pi": "pi",
    "e": "e",
    "i": "i",
    "infty": "infinity",
    "infinity": "infinity",
    "inf": "infinity",
    "oo": "infinity",
}
SAME_LETTER: Final = {"varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi"}
