"""Suites that come with the package: found by name, copied, and where their results lie.

``suites``, ``reference`` and ``published`` are links to the top of a checkout; in an installed package they
are folders of their own.
"""
