"""Try the largest stages of a plan for a moment, on fake data, before hours are spent."""
