"""Expressions, equations and sets of numbers: read by a grammar of our own and compared by their values."""
