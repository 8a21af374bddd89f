"""The suite that `lorr-bench init` writes: what is looked at, what is chosen from it, and its text."""
