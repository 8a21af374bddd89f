"""Whether an answer is the gold answer: structure by structure, then part by part."""
