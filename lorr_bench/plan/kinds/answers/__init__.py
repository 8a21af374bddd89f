"""Kinds of stage that keep answers of their own: for a reward model to score, or parts of others'."""
