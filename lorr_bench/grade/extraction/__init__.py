"""Where in a text the answer stands."""
