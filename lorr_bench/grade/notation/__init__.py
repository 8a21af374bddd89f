"""Text of answers in one writing, and what words mean."""
