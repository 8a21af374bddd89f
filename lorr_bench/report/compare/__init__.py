"""Runs set against each other: what of them can be compared, and how it is shown."""
