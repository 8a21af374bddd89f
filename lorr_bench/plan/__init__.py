"""What will be done: arms, stages and their digests. Needs neither torch nor a model in memory."""
