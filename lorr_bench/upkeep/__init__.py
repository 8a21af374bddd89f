"""Keep a store and a machine in order: what can go, and what is missing."""
