"""The first part of a run of a tuned suite: the tries, and what came of them."""
