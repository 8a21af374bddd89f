"""Families of the embedded word problems: problems that are right or wrong together.

The problems are drawn independently, but who misreads a verb misreads it in every problem: problems with the
same verb share a way to fail. The questions of ``general`` have no families. Their numbers and digits are
drawn anew for each, and what they share, the words "more" and "less", is two kinds that every draw has; with
two families nothing could be said of a third.
"""

from __future__ import annotations

from lorr_bench.data.nano.problems import VERBS, Problem

_RANKS = {verb.word: rank for rank, verb in enumerate(VERBS)}


def problem_family(problem: Problem) -> str:
    """The rarest verb of a problem, by the weights with which verbs are drawn.

    Families must not overlap, so a problem with several verbs counts with one of them. Common verbs are in so
    many problems that they would make few and large families, and training teaches them first: a rare verb is
    what is left to be misread.
    """
    return max((verb.word for verb, _ in problem.steps), key=_RANKS.__getitem__)
