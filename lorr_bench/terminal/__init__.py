"""All that is drawn on a terminal: the live view of a run, its lines, and the tables of commands."""
