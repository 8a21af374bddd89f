"""Results in the file formats of other tools."""
