"""The embedded task and its start model: generated word problems that a tiny model can learn."""
