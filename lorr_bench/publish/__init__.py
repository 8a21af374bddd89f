"""Finished runs as folders to be committed, and whether a new run of one agrees with what it says."""
