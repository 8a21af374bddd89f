"""What a plan will cost before it runs: time, tokens, memory and disk; and how long a run still takes."""
