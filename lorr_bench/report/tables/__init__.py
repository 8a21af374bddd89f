"""The tables of a report, one file a table: the frame of its numbers, and the table that shows it."""
