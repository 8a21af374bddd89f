"""Run a plan: a driver, worker processes here or on a Ray cluster, and what the output folder remembers."""
