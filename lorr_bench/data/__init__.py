"""Prompts, preference pairs, and the embedded word-problem task."""
