"""Families of the embedded word problems: variants of one template.

Who misreads a verb misreads it in every problem, so problems with the same verbs are right or wrong together,
whatever their names and numbers. The questions of ``general`` have no families. Their numbers and digits are
drawn anew for each, and what they share, the words "more" and "less", is two kinds that every draw has; with
two families nothing could be said of a third.
"""

from __future__ import annotations

from lorr_bench.data.nano.problems import Problem


def problem_family(problem: Problem) -> str:
    """The verbs of a problem in their order: its template, without names and numbers.

    Templates that share a verb stay apart, as families must not overlap.
    """
    return " ".join(verb.word for verb, _ in problem.steps)
