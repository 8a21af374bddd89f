"""Answer extraction and equivalence: exact, or by Math-Verify in processes that can be killed."""

from lorr_bench.grade.grader import close, grade_many
from lorr_bench.grade.policy import Policy

__all__ = ["Policy", "close", "grade_many"]
