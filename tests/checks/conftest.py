"""The small suite."""

from small_suite import load, plan_of, values

__all__ = ["load", "plan_of", "values"]
