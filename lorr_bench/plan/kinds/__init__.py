"""Each kind of stage: its parameters and setting, and what is known of its work."""
