"""Answer extraction and equivalence on Math-Verify, in a process that can be killed."""

from lorr_bench.grade.grader import Policy, close, grade_many

__all__ = ["Policy", "close", "grade_many"]
