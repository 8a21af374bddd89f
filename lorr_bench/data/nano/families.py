"""Families of the embedded word problems: variants of one template.

Who misreads a verb misreads it in every problem, so problems with the same verbs are right or wrong together.
Yet problems are drawn one by one, each with verbs of its own from a list that is always the same, so another
draw differs from this one no more than independent problems do: families are for who wants to speak of other
verbs. The questions of ``general`` have none. Their numbers and digits are drawn anew for each, and what they
share, the words "more" and "less", is two kinds that every draw has.
"""

from __future__ import annotations

from lorr_bench.data.nano.problems import Problem


def problem_family(problem: Problem) -> str:
    """The verbs of a problem in their order: its template, without names and numbers.

    Templates that share a verb stay apart, as families must not overlap.
    """
    return " ".join(verb.word for verb, _ in problem.steps)
