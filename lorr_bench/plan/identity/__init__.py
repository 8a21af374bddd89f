"""What identifies models, data and task files in a digest, and where they come from."""
