"""What the numbers say in words: the verdict, captions and notes, and what was held equal."""
