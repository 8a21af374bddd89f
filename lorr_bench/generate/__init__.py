"""Generation with vLLM: one engine for a suite, weights swapped in place."""
